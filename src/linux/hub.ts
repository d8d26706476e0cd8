/**
 * One epoll set for everything that Bun's loop cannot watch by itself: pidfds, FIFOs, notify sockets.
 *
 * Bun's loop watches the set through a descriptor that it takes for a socket: once the set is readable, Bun calls recv,
 * gets ENOTSOCK, closes that descriptor and calls `close`. So `close` means "something is ready", once; after each wake
 * a fresh duplicate is handed over. This is no documented behaviour of Bun: the hub tests it when it opens, and asks
 * the set every 10 ms by a timer where it does not work.
 */
import { ptr } from "bun:ffi";
import { duplicate, errno, libc, O } from "./libc.ts";

/** `in`: readable or ended. `hup`: the other end is gone (for a pidfd: the process was reaped). `pri`: exceptional. */
export type HubEvent = "in" | "hup" | "pri";

export interface HubHandle {
  /** Ends the watch; call it before the descriptor is closed. No call of the callback follows. */
  remove(): void;
}

export interface Hub {
  /** How Bun's loop is told: `loop` costs nothing while idle; `interval` is the 10 ms timer. */
  readonly mode: "loop" | "interval";
  /** The mode after the self-test (within a second). */
  readonly tested: Promise<"loop" | "interval">;
  /** How often the set was asked. What a callback tells had happened by the latest of them. */
  readonly looks: number;
  /**
   * Watches a descriptor. Level-triggered unless `edge`: then a callback that leaves data behind is not called for it
   * again. The callback is told the epoll bits (EPOLL). Throws when the kernel refuses (EMFILE, ENOMEM, EPERM for a
   * plain file). Callbacks never run during `add`.
   */
  add(fd: number, event: HubEvent, edge: boolean, callback: (bits: number) => void): HubHandle;
  /** Ends all watches. The loop is let go at the next turn. */
  close(): void;
}

export const EPOLL = { IN: 1, PRI: 2, ERR: 8, HUP: 16, RDHUP: 0x2000 } as const;

export interface HubOptions {
  /** Told when a callback throws; the others go on. */
  readonly onError: (error: unknown) => void;
  readonly onWarning?: (message: string) => void;
  /** For tests: never let Bun's loop watch the set. */
  readonly forceInterval?: boolean;
}

export function openHub(options: HubOptions): Hub {
  return new EpollHub(options);
}

const MASK: Record<HubEvent, number> = { in: EPOLL.IN | EPOLL.RDHUP, hup: 0, pri: EPOLL.PRI };
const EPOLLET = 0x80000000;
const ADD = 1;
const DEL = 2;

// struct epoll_event is packed on x86-64 only (sys/epoll.h).
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const DATA_AT = process.arch === "x64" ? 4 : 8;

const EVENTS_PER_WAKE = 256;
/** What one wake may take before timers, requests and the rest of the loop get their turn. */
const BUDGET_MS = 10;
const INTERVAL_MS = 10;
const SELF_TEST_MS = 1000;

type Callback = (bits: number) => void;

class EpollHub implements Hub {
  mode: "loop" | "interval" = "loop";
  readonly tested: Promise<"loop" | "interval">;
  looks = 0;
  private readonly options: HubOptions;
  private readonly set = must("epoll_create1", libc.epoll_create1(O.CLOEXEC));
  /** Always in the set: proves at the start that wakes arrive, and at the end brings the last one. */
  private readonly bell = must("eventfd", libc.eventfd(0, O.CLOEXEC | O.NONBLOCK));
  private readonly watches = new Map<number, Callback>();
  private readonly events = Buffer.alloc(EVENTS_PER_WAKE * EVENT_BYTES);
  private nextId = 1;
  /** Events that were fetched when the budget ran out: they come first at the next wake, or the last would starve. */
  private backlog: Array<readonly [id: number, bits: number]> = [];
  private timer: Timer | null = null;
  private closed = false;
  private released = false;
  private readonly passed: () => void;

  constructor(options: HubOptions) {
    this.options = options;
    const test = Promise.withResolvers<"loop" | "interval">();
    this.tested = test.promise;
    const overdue = setTimeout(() => {
      options.onWarning?.("cannot watch descriptors from Bun's loop: no wake within 1 s; asking every 10 ms instead");
      this.fallBack();
    }, SELF_TEST_MS);
    this.passed = () => {
      clearTimeout(overdue);
      test.resolve(this.mode);
    };
    this.add(this.bell, "in", false, () => {
      silence(this.bell);
      this.passed();
    });
    this.ring();
    if (options.forceInterval) this.fallBack();
    else this.arm();
  }

  add(fd: number, event: HubEvent, edge: boolean, callback: Callback): HubHandle {
    const id = this.nextId++;
    const record = Buffer.alloc(EVENT_BYTES);
    record.writeUInt32LE((MASK[event] | (edge ? EPOLLET : 0)) >>> 0, 0);
    record.writeUInt32LE(id, DATA_AT);
    must("epoll_ctl", libc.epoll_ctl(this.set, ADD, fd, ptr(record)));
    this.watches.set(id, callback);
    return {
      remove: () => {
        if (this.watches.delete(id) && !this.closed) libc.epoll_ctl(this.set, DEL, fd, ptr(record));
      },
    };
  }

  close(): void {
    if (this.closed) return;
    this.watches.clear();
    this.backlog = [];
    this.closed = true;
    this.passed();
    if (this.timer !== null) this.release();
    else this.ring();
  }

  private ring(): void {
    libc.write(this.bell, ptr(ONE), 8);
  }

  private arm(): void {
    const fd = duplicate(this.set);
    if (fd < 0) return void setTimeout(() => this.wake(), INTERVAL_MS); // no descriptors left: look again soon
    const socket = { data() {}, open() {}, error() {}, close: () => this.wake() };
    // `fd` is not in Bun's types; a rejected connect has closed nothing we know of, so the timer takes over.
    Bun.connect({ fd, socket } as unknown as Parameters<typeof Bun.connect>[0]).catch(() => {
      if (!this.closed) this.fallBack();
    });
  }

  private fallBack(): void {
    if (this.closed || this.timer !== null) return;
    this.mode = "interval";
    this.timer = setInterval(() => this.dispatch(), INTERVAL_MS);
  }

  private wake(): void {
    if (this.closed) return this.release();
    if (this.timer !== null) return;
    this.dispatch();
    if (this.closed) this.release();
    else if (this.backlog.length > 0) setImmediate(() => this.wake());
    else this.arm();
  }

  private dispatch(): void {
    const until = performance.now() + BUDGET_MS;
    const queue = this.backlog.length > 0 ? this.backlog : this.fetch();
    let done = 0;
    for (; done < queue.length; done++) {
      if (done > 0 && performance.now() >= until) break;
      const [id, bits] = queue[done]!;
      try {
        this.watches.get(id)?.(bits);
      } catch (error) {
        this.options.onError(error);
      }
    }
    this.backlog = this.closed ? [] : queue.slice(done);
  }

  private fetch(): Array<readonly [number, number]> {
    this.looks++;
    const count = libc.epoll_wait(this.set, ptr(this.events), EVENTS_PER_WAKE, 0);
    const found: Array<readonly [number, number]> = [];
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_BYTES;
      found.push([this.events.readUInt32LE(at + DATA_AT), this.events.readUInt32LE(at)]);
    }
    return found;
  }

  private release(): void {
    if (this.released) return;
    this.released = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    libc.close(this.set);
    libc.close(this.bell);
  }
}

const ONE = new BigUint64Array([1n]);
const scratch = new BigUint64Array(1);

function silence(bell: number): void {
  libc.read(bell, ptr(scratch), 8);
}

function must(call: string, result: number): number {
  if (result >= 0) return result;
  const number = errno();
  throw Object.assign(new Error(`cannot watch a descriptor: ${call} failed with errno ${number}`), { errno: number });
}
