/**
 * Epoll sets for descriptors that Bun's event loop cannot watch itself: pidfds, FIFOs and notify sockets.
 *
 * Bun's loop watches a set through a duplicate of its descriptor, which Bun takes for a socket. When the set is readable, Bun
 * calls recv, gets ENOTSOCK, closes the duplicate and calls `close`. Therefore one call of `close` means "something is
 * ready", and after each wake Bun gets a new duplicate. Bun does not document this behaviour, so a self-test checks it at the
 * start. If it does not work, a timer polls the sets every 10 ms.
 *
 * When a set is registered with another epoll, the kernel walks all descriptors of the set to exclude cycles. With a single
 * set, one line of output from one of a thousand units would cost a walk over thousands of descriptors. Therefore there are
 * many small sets.
 */
import { ptr } from "bun:ffi";
import { duplicate, errno, libc, O } from "../ffi/libc.ts";

/**
 * `in` means readable or ended. `hup` means that the other end was closed (for a pidfd: the process was reaped). `pri` is an
 * exceptional condition.
 */
export type EpollEvent = "in" | "hup" | "pri";

export interface EpollHandle {
  /** Stops watching. Call it before closing the descriptor. The callback does not run again. */
  remove(): void;
}

export interface Epoll {
  /** How this process notices that a set is ready. `loop` costs nothing while idle; `interval` polls every 10 ms. */
  readonly mode: "loop" | "interval";
  /** Resolves within a second, after the self-test has decided on the mode. */
  readonly tested: Promise<"loop" | "interval">;
  /** The number of polls so far. Every event that a callback reports happened before the latest poll. */
  readonly polls: number;
  /**
   * Watches a descriptor. The watch is level-triggered, unless `edge` is set: an edge-triggered callback does not run again for
   * data that it left unread. The callback receives the epoll bits (EPOLL). Throws if the kernel refuses (EMFILE, ENOMEM, or
   * EPERM for a regular file). Callbacks never run during `add`.
   */
  add(fd: number, event: EpollEvent, edge: boolean, callback: (bits: number) => void): EpollHandle;
  /** Stops all watches. Bun's event loop releases the sets at its next turn. */
  close(): void;
}

export const EPOLL = { IN: 1, PRI: 2, ERR: 8, HUP: 16, RDHUP: 0x2000 } as const;

export interface EpollOptions {
  /** Called if a callback throws. The other callbacks still run. */
  readonly onError: (error: unknown) => void;
  readonly onWarning?: (message: string) => void;
  /** If true, the timer is always used. Tests set this. */
  readonly forceInterval?: boolean;
}

export function openEpoll(options: EpollOptions): Epoll {
  return new LinuxEpoll(options);
}

const MASK: Record<EpollEvent, number> = { in: EPOLL.IN | EPOLL.RDHUP, hup: 0, pri: EPOLL.PRI };
const EPOLLET = 0x80000000;
const ADD = 1;
const DEL = 2;

// struct epoll_event is packed on x86-64 only (sys/epoll.h).
const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
const DATA_AT = process.arch === "x64" ? 4 : 8;

/** The number of descriptors per set. */
const SET_SIZE = 128;
/** The time in milliseconds that callbacks may take in one turn of the loop, before timers and requests run. */
const BUDGET_MS = 10;
const INTERVAL_MS = 10;
/** The self-test counts the ticks of a timer instead of the time. While the loop is blocked, a missing wake proves nothing. */
const SELF_TEST_TICKS = 20;
const SELF_TEST_TICK_MS = 50;

type Callback = (bits: number) => void;

interface WatchSet {
  readonly fd: number;
  size: number;
}

class LinuxEpoll implements Epoll {
  mode: "loop" | "interval" = "loop";
  readonly tested: Promise<"loop" | "interval">;
  polls = 0;
  readonly #options: EpollOptions;
  readonly #sets = new Set<WatchSet>();
  /**
   * An eventfd that is in every set. It tests at the start whether Bun notices a ready set, and wakes all sets when they are
   * closed.
   */
  readonly #wakeFd = must("eventfd", libc.eventfd(0, O.CLOEXEC | O.NONBLOCK));
  readonly #watches = new Map<number, Callback>();
  readonly #buffer = Buffer.alloc(SET_SIZE * EVENT_BYTES);
  #nextId = WAKE_ID + 1;
  /** Sets that are ready. The next turn polls them. */
  #ready: WatchSet[] = [];
  /** Sets that were polled. They are registered with Bun again after all their events were handled. */
  #polled: WatchSet[] = [];
  #events: Array<readonly [id: number, bits: number]> = [];
  #scheduled: NodeJS.Immediate | null = null;
  #timer: Timer | null = null;
  #closed = false;
  readonly #endSelfTest: () => void;

  constructor(options: EpollOptions) {
    this.#options = options;
    const test = Promise.withResolvers<"loop" | "interval">();
    this.tested = test.promise;
    let ticks = 0;
    const selfTest = setInterval(() => {
      if (++ticks < SELF_TEST_TICKS) return;
      options.onWarning?.("cannot watch descriptors from Bun's loop: no wake within 1 s; polling every 10 ms instead");
      this.#fallBack();
      clearInterval(selfTest);
    }, SELF_TEST_TICK_MS);
    this.#endSelfTest = () => {
      clearInterval(selfTest);
      test.resolve(this.mode);
    };
    this.#watches.set(WAKE_ID, () => {
      clearEventfd(this.#wakeFd);
      this.#endSelfTest();
    });
    if (options.forceInterval) this.#fallBack();
    this.#makeSet();
    this.#wake();
  }

  add(fd: number, event: EpollEvent, edge: boolean, callback: Callback): EpollHandle {
    const set = this.#setWithRoom();
    const id = this.#nextId++;
    const record = addToSet(set.fd, fd, (MASK[event] | (edge ? EPOLLET : 0)) >>> 0, id);
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
    this.#events = [];
    this.#closed = true;
    this.#endSelfTest();
    // Bun's loop still has a duplicate of the other sets. They are released at their next wake.
    for (const set of this.#timer !== null ? this.#sets : [...this.#ready, ...this.#polled]) this.#release(set);
    if (this.#sets.size > 0) this.#wake();
  }

  #setWithRoom(): WatchSet {
    for (const set of this.#sets) if (set.size < SET_SIZE) return set;
    return this.#makeSet();
  }

  #makeSet(): WatchSet {
    const set = { fd: must("epoll_create1", libc.epoll_create1(O.CLOEXEC)), size: 1 };
    addToSet(set.fd, this.#wakeFd, MASK.in, WAKE_ID);
    this.#sets.add(set);
    if (this.#timer === null) this.#register(set);
    return set;
  }

  #wake(): void {
    libc.write(this.#wakeFd, ptr(ONE), 8);
  }

  #register(set: WatchSet): void {
    const fd = duplicate(set.fd);
    if (fd < 0) return void setTimeout(() => this.#woken(set), INTERVAL_MS); // no descriptors are left, so poll the set soon
    const socket = { data() {}, open() {}, error() {}, close: () => this.#woken(set) };
    // Bun's types lack `fd`. If connect rejects, we cannot know which descriptor was closed, so the timer takes over.
    Bun.connect({ fd, socket } as unknown as Parameters<typeof Bun.connect>[0]).catch(() => {
      if (!this.#closed) this.#fallBack();
    });
  }

  #fallBack(): void {
    if (this.#closed || this.#timer !== null) return;
    this.mode = "interval";
    this.#timer = setInterval(() => {
      if (this.#events.length === 0) this.#ready = [...this.#sets];
      this.#turn();
    }, INTERVAL_MS);
  }

  #woken(set: WatchSet): void {
    if (this.#closed) return this.#release(set);
    if (this.#timer !== null) return;
    this.#ready.push(set);
    if (this.#scheduled === null) this.#scheduled = setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = null;
    if (this.#closed) return;
    const ready = this.#ready;
    this.#ready = [];
    for (const set of ready) this.#poll(set);
    this.#dispatch();
    if (this.#closed) return;
    if (this.#events.length > 0) {
      // The next turn handles the remaining events before it polls. Otherwise the descriptors at the end would starve.
      if (this.#timer === null && this.#scheduled === null) this.#scheduled = setImmediate(() => this.#turn());
      return;
    }
    // A callback may have queued work in a microtask, for example the decision on a restart. The registration takes 0.1 ms, so it
    // comes after that work.
    queueMicrotask(() => this.#registerPolled());
  }

  #registerPolled(): void {
    if (this.#closed) return;
    const polled = this.#polled;
    this.#polled = [];
    if (this.#timer === null) for (const set of polled) this.#register(set);
  }

  #poll(set: WatchSet): void {
    this.polls++;
    const count = libc.epoll_wait(set.fd, ptr(this.#buffer), SET_SIZE, 0);
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_BYTES;
      this.#events.push([this.#buffer.readUInt32LE(at + DATA_AT), this.#buffer.readUInt32LE(at)]);
    }
    if (this.#timer === null) this.#polled.push(set);
  }

  #dispatch(): void {
    const until = performance.now() + BUDGET_MS;
    const events = this.#events;
    let done = 0;
    for (; done < events.length; done++) {
      if (done > 0 && performance.now() >= until) break;
      const [id, bits] = events[done]!;
      try {
        this.#watches.get(id)?.(bits);
      } catch (error) {
        this.#options.onError(error);
      }
    }
    this.#events = this.#closed ? [] : events.slice(done);
  }

  #release(set: WatchSet): void {
    if (!this.#sets.delete(set)) return;
    libc.close(set.fd);
    if (this.#sets.size > 0) return;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    libc.close(this.#wakeFd);
  }
}

/** The id of the eventfd in each set. */
const WAKE_ID = 1;

function addToSet(set: number, fd: number, mask: number, id: number): Buffer {
  const record = Buffer.alloc(EVENT_BYTES);
  record.writeUInt32LE(mask, 0);
  record.writeUInt32LE(id, DATA_AT);
  must("epoll_ctl", libc.epoll_ctl(set, ADD, fd, ptr(record)));
  return record;
}

const ONE = new BigUint64Array([1n]);
const scratch = new BigUint64Array(1);

function clearEventfd(fd: number): void {
  libc.read(fd, ptr(scratch), 8);
}

function must(call: string, result: number): number {
  if (result >= 0) return result;
  const number = errno();
  throw Object.assign(new Error(`cannot watch a descriptor: ${call} failed with errno ${number}`), { errno: number });
}
