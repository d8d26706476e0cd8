/**
 * Epoll sets for everything that Bun's loop cannot watch by itself: pidfds, FIFOs, notify sockets.
 *
 * Bun's loop watches a set through a descriptor that it takes for a socket: once the set is readable, Bun calls recv,
 * gets ENOTSOCK, closes that descriptor and calls `close`. So `close` means "something is ready", once; after each wake
 * a fresh duplicate is handed over. This is no documented behaviour of Bun: the hub tests it when it opens, and asks
 * the sets every 10 ms by a timer where it does not work.
 *
 * The kernel walks all that is in a set when it is handed over, to be sure that no set contains itself. So there are many small
 * ones: with one for all, a line of one of a thousand units cost a walk over thousands of descriptors.
 */
import { ptr } from "bun:ffi";
import { duplicate, errno, libc, O } from "../ffi/libc.ts";

/** `in`: readable or ended. `hup`: the other end is gone (for a pidfd: the process was reaped). `pri`: exceptional. */
export type EpollEvent = "in" | "hup" | "pri";

export interface EpollHandle {
  /** Ends the watch; call it before the descriptor is closed. No call of the callback follows. */
  remove(): void;
}

export interface Epoll {
  /** How Bun's loop is told: `loop` costs nothing while idle; `interval` is the 10 ms timer. */
  readonly mode: "loop" | "interval";
  /** The mode after the self-test (within a second). */
  readonly tested: Promise<"loop" | "interval">;
  /** How often a set was asked. What a callback tells had happened by the latest of them. */
  readonly looks: number;
  /**
   * Watches a descriptor. Level-triggered unless `edge`: then a callback that leaves data behind is not called for it
   * again. The callback is told the epoll bits (EPOLL). Throws when the kernel refuses (EMFILE, ENOMEM, EPERM for a
   * plain file). Callbacks never run during `add`.
   */
  add(fd: number, event: EpollEvent, edge: boolean, callback: (bits: number) => void): EpollHandle;
  /** Ends all watches. The loop is let go at the next turn. */
  close(): void;
}

export const EPOLL = { IN: 1, PRI: 2, ERR: 8, HUP: 16, RDHUP: 0x2000 } as const;

export interface EpollOptions {
  /** Told when a callback throws; the others go on. */
  readonly onError: (error: unknown) => void;
  readonly onWarning?: (message: string) => void;
  /** For tests: never let Bun's loop watch the set. */
  readonly forceInterval?: boolean;
}

export function openEpoll(options: EpollOptions): Epoll {
  return new EpollHub(options);
}

const MASK: Record<EpollEvent, number> = { in: EPOLL.IN | EPOLL.RDHUP, hup: 0, pri: EPOLL.PRI };
const EPOLLET = 0x80000000;
const ADD = 1;
const DEL = 2;

// struct epoll_event is packed on x86-64 only (sys/epoll.h).
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const DATA_AT = process.arch === "x64" ? 4 : 8;

/** Descriptors in a set. */
const SET_SIZE = 128;
/** What one turn may take before timers, requests and the rest of the loop get theirs. */
const BUDGET_MS = 10;
const INTERVAL_MS = 10;
/** The self-test takes the loop's patience, not the clock's: a second in which the loop did not turn tells nothing about it. */
const SELF_TEST_LOOKS = 20;
const SELF_TEST_LOOK_MS = 50;

type Callback = (bits: number) => void;

interface WatchSet {
  readonly fd: number;
  size: number;
}

class EpollHub implements Epoll {
  mode: "loop" | "interval" = "loop";
  readonly tested: Promise<"loop" | "interval">;
  looks = 0;
  readonly #options: EpollOptions;
  readonly #sets = new Set<WatchSet>();
  /** Always in each set: proves at the start that wakes arrive, and at the end brings the last one. */
  readonly #bell = must("eventfd", libc.eventfd(0, O.CLOEXEC | O.NONBLOCK));
  readonly #watches = new Map<number, Callback>();
  readonly #events = Buffer.alloc(SET_SIZE * EVENT_BYTES);
  #nextId = BELL + 1;
  /** Sets that are readable; they are asked at the next turn. */
  #ready: WatchSet[] = [];
  /** Sets that were asked; they are handed over again when all that was found is dealt with. */
  #asked: WatchSet[] = [];
  #found: Array<readonly [id: number, bits: number]> = [];
  #turning: NodeJS.Immediate | null = null;
  #timer: Timer | null = null;
  #closed = false;
  readonly #passed: () => void;

  constructor(options: EpollOptions) {
    this.#options = options;
    const test = Promise.withResolvers<"loop" | "interval">();
    this.tested = test.promise;
    let looks = 0;
    const patience = setInterval(() => {
      if (++looks < SELF_TEST_LOOKS) return;
      options.onWarning?.("cannot watch descriptors from Bun's loop: no wake within 1 s; asking every 10 ms instead");
      this.#fallBack();
      clearInterval(patience);
    }, SELF_TEST_LOOK_MS);
    this.#passed = () => {
      clearInterval(patience);
      test.resolve(this.mode);
    };
    this.#watches.set(BELL, () => {
      silence(this.#bell);
      this.#passed();
    });
    if (options.forceInterval) this.#fallBack();
    this.#makeSet();
    this.#ring();
  }

  add(fd: number, event: EpollEvent, edge: boolean, callback: Callback): EpollHandle {
    const set = this.#setWithRoom();
    const id = this.#nextId++;
    const record = put(set.fd, fd, (MASK[event] | (edge ? EPOLLET : 0)) >>> 0, id);
    set.size++;
    this.#watches.set(id, callback);
    return {
      remove: () => {
        if (!this.#watches.delete(id) || this.#closed) return;
        libc.epoll_ctl(set.fd, DEL, fd, ptr(record));
        set.size--;
      },
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#watches.clear();
    this.#found = [];
    this.#closed = true;
    this.#passed();
    // Of the others Bun's loop has a duplicate still.
    for (const set of this.#timer !== null ? this.#sets : [...this.#ready, ...this.#asked]) this.#release(set);
    if (this.#sets.size > 0) this.#ring();
  }

  #setWithRoom(): WatchSet {
    for (const set of this.#sets) if (set.size < SET_SIZE) return set;
    return this.#makeSet();
  }

  #makeSet(): WatchSet {
    const set = { fd: must("epoll_create1", libc.epoll_create1(O.CLOEXEC)), size: 1 };
    put(set.fd, this.#bell, MASK.in, BELL);
    this.#sets.add(set);
    if (this.#timer === null) this.#handOver(set);
    return set;
  }

  #ring(): void {
    libc.write(this.#bell, ptr(ONE), 8);
  }

  #handOver(set: WatchSet): void {
    const fd = duplicate(set.fd);
    if (fd < 0) return void setTimeout(() => this.#woken(set), INTERVAL_MS); // no descriptors left: look again soon
    const socket = { data() {}, open() {}, error() {}, close: () => this.#woken(set) };
    // `fd` is not in Bun's types; a rejected connect has closed nothing we know of, so the timer takes over.
    Bun.connect({ fd, socket } as unknown as Parameters<typeof Bun.connect>[0]).catch(() => {
      if (!this.#closed) this.#fallBack();
    });
  }

  #fallBack(): void {
    if (this.#closed || this.#timer !== null) return;
    this.mode = "interval";
    this.#timer = setInterval(() => {
      if (this.#found.length === 0) this.#ready = [...this.#sets];
      this.#turn();
    }, INTERVAL_MS);
  }

  #woken(set: WatchSet): void {
    if (this.#closed) return this.#release(set);
    if (this.#timer !== null) return;
    this.#ready.push(set);
    if (this.#turning === null) this.#turning = setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#turning = null;
    if (this.#closed) return;
    const ready = this.#ready;
    this.#ready = [];
    for (const set of ready) this.#ask(set);
    this.#dispatch();
    if (this.#closed) return;
    if (this.#found.length > 0) {
      // What is left comes first at the next turn, or the last would starve.
      if (this.#timer === null && this.#turning === null) this.#turning = setImmediate(() => this.#turn());
      return;
    }
    const asked = this.#asked;
    this.#asked = [];
    if (this.#timer === null) for (const set of asked) this.#handOver(set);
  }

  #ask(set: WatchSet): void {
    this.looks++;
    const count = libc.epoll_wait(set.fd, ptr(this.#events), SET_SIZE, 0);
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_BYTES;
      this.#found.push([this.#events.readUInt32LE(at + DATA_AT), this.#events.readUInt32LE(at)]);
    }
    if (this.#timer === null) this.#asked.push(set);
  }

  #dispatch(): void {
    const until = performance.now() + BUDGET_MS;
    const found = this.#found;
    let done = 0;
    for (; done < found.length; done++) {
      if (done > 0 && performance.now() >= until) break;
      const [id, bits] = found[done]!;
      try {
        this.#watches.get(id)?.(bits);
      } catch (error) {
        this.#options.onError(error);
      }
    }
    this.#found = this.#closed ? [] : found.slice(done);
  }

  #release(set: WatchSet): void {
    if (!this.#sets.delete(set)) return;
    libc.close(set.fd);
    if (this.#sets.size > 0) return;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    libc.close(this.#bell);
  }
}

const BELL = 1;

function put(set: number, fd: number, mask: number, id: number): Buffer {
  const record = Buffer.alloc(EVENT_BYTES);
  record.writeUInt32LE(mask, 0);
  record.writeUInt32LE(id, DATA_AT);
  must("epoll_ctl", libc.epoll_ctl(set, ADD, fd, ptr(record)));
  return record;
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
