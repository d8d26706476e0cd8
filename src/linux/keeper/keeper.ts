/**
 * The daemon's side of the keeper (keeper.c). What is kept is also written to a small file of the runtime directory, by
 * slots: the next daemon finds there which descriptor of the keeper is what, and takes it by pidfd_getfd(2).
 *
 * The keeper is no part of any promise but one: nothing is lost when the daemon is killed. Where it cannot be had, and in
 * the moments before it is told, everything else goes on as it does without.
 */
import { type Pointer, ptr } from "bun:ffi";
import { ftruncateSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SIGNALS } from "../../base/signals.ts";
import { keeperKey } from "./keys.ts";
import type { Keeper } from "../../ports/keeper.ts";
import { waitFor } from "../processes/exits.ts";
// `text`, because a `file` import cannot be opened by the C compiler inside a compiled binary.
import source from "./keeper.c" with { type: "text" };
import { cstring, duplicate, errno, libc, O, open, O_NOFOLLOW, SYSCALL, syscall } from "../ffi/libc.ts";
import { compileC, type Compiled } from "../ffi/compile-c.ts";
import { pidfdOpen, pidfdSignal } from "../processes/pidfd.ts";
import { readStat } from "../proc/proc.ts";

export interface KeeperOptions {
  /** Its file is `keeper` in here; the keeper ends when it is removed. */
  readonly runtimeDir: string;
  readonly onProblem: (message: string) => void;
}

export const openKeeper = (options: KeeperOptions): Keeper => new KeeperProcess(options);

/** For a pid 1: whoever kills it ends all. */
export const noKeeper: Keeper = { keep() {}, drop() {}, takeBack: () => null, settle() {}, leave() {}, close() {} };

const NAME = "sup-keeper";
/** As in keeper.c. */
const FIRST_SLOT = 128;
const ORDERS = 64;
const KEEP = 1;
const DROP = 0;
/** Above what the keeper uses itself. */
const FAR = 64;
/** A record of the file: a key, filled up with spaces, and an end of line. The first one names the keeper. */
const RECORD_BYTES = 512;
/** One that is killed is replaced; one that cannot live here is not started for ever. */
const MAX_FAILURES = 10;

interface Kept {
  readonly slot: number;
  readonly fd: number;
}

class KeeperProcess implements Keeper {
  readonly #options: KeeperOptions;
  readonly #file: number;
  #last: LastKeepers | null;
  readonly #kept = new Map<string, Kept>();
  /** Keys that the keeper has not been told yet. */
  #untold = new Set<string>();
  readonly #freeSlots: number[] = [];
  #nextSlot = FIRST_SLOT;
  /** Slots to let go. */
  #dropped: number[] = [];
  #process: Running | null = null;
  #failures = 0;
  #settled = false;
  #left = false;
  /** How many of what is kept are processes. */
  #processes = 0;
  #turn: NodeJS.Immediate | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
    const path = fileIn(options.runtimeDir);
    this.#last = findLast(path);
    this.#file = open(path, O.RDWR | O.CREAT | O_NOFOLLOW, 0o600);
  }

  keep(key: string, fd: number): void {
    this.drop(key);
    this.#kept.set(key, { slot: this.#freeSlots.pop() ?? this.#nextSlot++, fd });
    this.#untold.add(key);
    if (keeperKey.isProcess(key)) this.#processes++;
    this.#tellSoon();
  }

  drop(key: string): void {
    const known = this.#kept.get(key);
    if (known === undefined || this.#left) return;
    this.#kept.delete(key);
    if (keeperKey.isProcess(key)) this.#processes--;
    if (this.#untold.delete(key)) return void this.#freeSlots.push(known.slot);
    this.#write(recordOf(known.slot), "");
    this.#dropped.push(known.slot);
    this.#tellSoon();
  }

  takeBack(key: string): number | null {
    return this.#last?.take(key) ?? null;
  }

  /** The new keeper has everything before the old one ends; the file names both meanwhile. */
  settle(): void {
    this.#settled = true;
    this.#tell();
    this.#last?.end();
    this.#last = null;
    this.#nameKeepers();
  }

  leave(): void {
    this.#tell();
    this.#left = true;
  }

  close(): void {
    if (this.#left) return;
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#last?.end();
    this.#last = null;
    this.#end();
    if (this.#file < 0) return;
    ftruncateSync(this.#file, 0);
    libc.close(this.#file);
  }

  #tellSoon(): void {
    if (this.#settled) this.#turn ??= setImmediate(() => this.#tell());
  }

  /**
   * Sends what has come up in this turn: what is let go first, for its slots may be in use again. While no service runs
   * there is no keeper: nothing can come up that the daemon does not take in at once.
   */
  #tell(): void {
    this.#turn = null;
    if (this.#processes === 0) return this.#rest();
    if (!this.#ready()) return;
    const orders: Order[] = this.#dropped.map((slot) => ({ slot, fd: null }));
    for (const key of this.#untold) orders.push(this.#kept.get(key)!);
    for (let at = 0; at < orders.length; at += ORDERS) {
      const number = send(this.#process!.channel, orders.slice(at, at + ORDERS));
      if (number !== 0) return this.#failed(number);
    }
    for (const key of this.#untold) this.#write(recordOf(this.#kept.get(key)!.slot), key);
    this.#untold.clear();
    this.#freeSlots.push(...this.#dropped);
    this.#dropped = [];
  }

  #rest(): void {
    if (this.#process === null) return;
    this.#forget();
    this.#nameKeepers();
  }

  #ready(): boolean {
    if (this.#process !== null) return true;
    if (this.#file < 0 || this.#failures >= MAX_FAILURES) return false;
    try {
      this.#process = start(this.#options.runtimeDir);
      ftruncateSync(this.#file, 0);
      this.#nameKeepers();
      return true;
    } catch (error) {
      this.#options.onProblem(`what services write and how they end while sup is down will not be known: ${(error as Error).message}`);
      this.#failures = MAX_FAILURES;
      return false;
    }
  }

  /** It was killed: another one gets everything. It may also be behind: it gets the rest again, which does no harm. */
  #failed(number: number): void {
    if (number !== EAGAIN) {
      this.#failures++;
      this.#forget();
    }
    this.#turn ??= setImmediate(() => this.#tell());
  }

  /** Ends it, so that the next one is told everything. */
  #forget(): void {
    this.#end();
    this.#untold = new Set(this.#kept.keys());
    this.#freeSlots.push(...this.#dropped);
    this.#dropped = [];
  }

  #end(): void {
    if (this.#process === null) return;
    const { pid, channel } = this.#process;
    this.#process = null;
    libc.kill(pid, SIGNALS.SIGKILL); // our child, not waited for yet: nobody else can have its pid
    waitFor(pid, 0);
    libc.close(channel);
  }

  #nameKeepers(): void {
    const names = [...(this.#process === null ? [] : [this.#process]), ...(this.#last?.keepers ?? [])];
    this.#write(0, names.map(({ pid, startTicks }) => `${NAME} ${pid} ${startTicks}`).join(" "));
  }

  #write(index: number, text: string): void {
    try {
      if (this.#file >= 0) writeSync(this.#file, `${text.padEnd(RECORD_BYTES - 1)}\n`, index * RECORD_BYTES, "latin1");
    } catch {
      // The disk is full: the next daemon will not find this one.
    }
  }
}

interface Running {
  readonly pid: number;
  readonly startTicks: number;
  readonly channel: number;
}

const fileIn = (directory: string): string => join(directory, "keeper");

const recordOf = (slot: number): number => slot - FIRST_SLOT + 1;

/** The keeper of the daemon before this one; two, when that one was killed in the moment of its own taking over. */
interface LastKeepers {
  readonly keepers: ReadonlyArray<{ readonly pid: number; readonly startTicks: number }>;
  take(key: string): number | null;
  end(): void;
}

function findLast(path: string): LastKeepers | null {
  const records = readRecords(path);
  const named = [...(records[0] ?? "").matchAll(/sup-keeper (\d+) (\d+)/g)].map(([, pid, ticks]) => ({
    pid: Number(pid),
    startTicks: Number(ticks),
  }));
  const keepers = named.flatMap((one) => {
    const pidfd = pidfdOpen(one.pid);
    if (pidfd < 0) return [];
    // First the descriptor, then the look: so the look is about the same process.
    if (readStat(one.pid)?.startTicks === one.startTicks) return [{ ...one, pidfd }];
    libc.close(pidfd);
    return [];
  });
  if (keepers.length === 0) return null;
  const slots = new Map(records.slice(1).flatMap((key, i) => (key === "" ? [] : [[key, FIRST_SLOT + i] as const])));
  return {
    keepers,
    take(key) {
      const slot = slots.get(key);
      const fd = slot === undefined ? -1 : syscall(SYSCALL.pidfd_getfd, keepers[0]!.pidfd, slot);
      return fd < 0 ? null : fd;
    },
    end() {
      for (const { pid, pidfd } of keepers) {
        pidfdSignal(pidfd, SIGNALS.SIGKILL);
        libc.close(pidfd);
        waitFor(pid, 0); // after a re-exec it is our child
      }
    },
  };
}

function readRecords(path: string): string[] {
  try {
    return readFileSync(path, "latin1")
      .split("\n")
      .map((record) => record.trimEnd());
  } catch {
    return []; // the first daemon here
  }
}

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const IN_ATTRIB = 4;
const IN_DELETE_SELF = 0x400;
const EAGAIN = 11;

const SYMBOLS = { sup_keeper: { args: ["ptr"], returns: "int" }, sup_keeper_home: { args: ["ptr"], returns: "int" } } as const;

let native: Compiled<typeof SYMBOLS> | undefined;

/** Throws when it cannot be had. */
function start(directory: string): Running {
  native ??= compileC("keeper.c", source, SYMBOLS, directory);
  const home = new BigUint64Array(3);
  native.sup_keeper_home(ptr(home));
  const ends = new Int32Array(2);
  if (libc.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ptr(ends)) !== 0) throw failure("socketpair", errno());
  const watch = watchEnd(fileIn(directory));
  const theirs = duplicate(ends[1]!, FAR);
  const theirWatch = duplicate(watch, FAR);
  try {
    const kept = BigUint64Array.from([...neededMemory([...home], readFileSync("/proc/self/maps", "latin1")), 0n]);
    const name = cstring(NAME);
    const { start: title, room } = argumentArea();
    const record = Buffer.alloc(40);
    [ptr(kept), title, room, ptr(name)].forEach((word, i) => record.writeBigUInt64LE(BigInt(word as number), i * 8));
    record.writeInt32LE(theirs, 32);
    record.writeInt32LE(theirWatch, 36);
    const pid = native.sup_keeper(ptr(record));
    if (pid < 0) throw failure("clone", -pid);
    return { pid, startTicks: readStat(pid)?.startTicks ?? 0, channel: ends[0]! };
  } catch (error) {
    libc.close(ends[0]!);
    throw error;
  } finally {
    for (const fd of [ends[1]!, watch, theirs, theirWatch]) if (fd >= 0) libc.close(fd);
  }
}

const failure = (call: string, number: number): Error => new Error(`${call} failed with errno ${number}`);

/**
 * Readable once the file is unlinked, which its link count tells (IN_ATTRIB; inotify(7)). The directory's own end would not
 * be told: the FIFOs that the keeper holds keep it in being.
 */
function watchEnd(path: string): number {
  const fd = libc.inotify_init1(O.CLOEXEC);
  const text = cstring(path);
  if (fd >= 0) libc.inotify_add_watch(fd, ptr(text), IN_ATTRIB | IN_DELETE_SELF);
  return fd;
}

/**
 * The stack, the kernel's own pages, which newer ones do not let go (mseal(2)), and what surrounds these addresses: pairs in
 * rising order, none in another. `maps` as in proc(5).
 */
export function neededMemory(addresses: readonly bigint[], maps: string): bigint[] {
  const pairs = addresses.map((one): [bigint, bigint] => {
    const page = one & ~PAGE_MASK;
    return [page - AROUND, page + PAGE_MASK + 1n + AROUND];
  });
  for (const [, from, to] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) .* \[(?:stack|vdso|vvar\w*)\]$/gm))
    pairs.push([BigInt(`0x${from!}`), BigInt(`0x${to!}`)]);
  const joined: Array<[bigint, bigint]> = [];
  for (const [from, to] of pairs.sort((a, b) => Number(a[0] - b[0]))) {
    const before = joined.at(-1);
    if (before !== undefined && from <= before[1]) before[1] = to > before[1] ? to : before[1];
    else joined.push([from, to]);
  }
  return joined.flat();
}

/**
 * The C functions lie in two or three pages that TinyCC took from the heap. What the kernel writes to at every turn (rseq of
 * glibc) lies in the data of the thread, some way above errno.
 */
const AROUND = 0x40000n;
const PAGE_MASK = 0xffffn; // 64 KiB: the largest page of arm64

/** Where the arguments and the environment of this program lie: proc(5), fields 48 to 51 of /proc/PID/stat. */
function argumentArea(): { readonly start: number; readonly room: number } {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [start, end] = [Number(fields[45]), Number(fields[48])];
  return end > start && start > 0 ? { start, room: end - start } : { start: 0, room: 0 };
}

interface Order {
  readonly slot: number;
  /** Null: to be let go. */
  readonly fd: number | null;
}

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** 0 or an errno. struct msghdr and cmsghdr: sendmsg(2), cmsg(3). */
function send(channel: number, orders: readonly Order[]): number {
  const words = Int32Array.from(orders.flatMap(({ slot, fd }) => [fd === null ? DROP : KEEP, slot]));
  const fds = orders.flatMap(({ fd }) => (fd === null ? [] : [fd]));
  const part = new BigUint64Array([BigInt(ptr(words)), BigInt(words.byteLength)]);
  const control = Buffer.alloc(16 + fds.length * 4 + (fds.length % 2) * 4);
  control.writeBigUInt64LE(BigInt(16 + fds.length * 4), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  fds.forEach((fd, i) => control.writeInt32LE(fd, 16 + i * 4));
  const header = Buffer.alloc(56);
  header.writeBigUInt64LE(BigInt(ptr(part)), 16);
  header.writeBigUInt64LE(1n, 24);
  if (fds.length > 0) {
    header.writeBigUInt64LE(BigInt(ptr(control)), 32);
    header.writeBigUInt64LE(BigInt(control.length), 40);
  }
  return Number(libc.sendmsg(channel, ptr(header) as Pointer, MSG_DONTWAIT | MSG_NOSIGNAL)) < 0 ? errno() : 0;
}
