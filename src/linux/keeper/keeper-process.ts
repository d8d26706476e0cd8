/** Starts the keeper (keeper.c) and sends commands to it. */
import { type Pointer, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import type { StructLayout } from "../ffi/c-exports.ts";
import { compileC, type Functions } from "../ffi/compile-c.ts";
import { cstring, duplicate, errno, libc, O } from "../ffi/libc.ts";
import { CMSGHDR, fillMsghdr, MSGHDR, SCM_RIGHTS, SOL_SOCKET } from "../ffi/msghdr.ts";
import { readStat } from "../proc/proc.ts";
// `text`, because a `file` import cannot be opened by the C compiler inside a compiled binary.
import source from "./keeper.c" with { type: "text" };
import { FIRST_SLOT, KEEPER_NAME, type KeeperId } from "./keeper-file.ts";

export interface KeeperProcess extends KeeperId {
  /** A SOCK_SEQPACKET socket for commands. */
  readonly channel: number;
}

const KEEP = 1;
const DROP = 0;
/** The lowest number for descriptors that are passed to the keeper. The numbers below are free for those it moves them to. */
const LOWEST_PASSED_FD = 64;
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const IN_ATTRIB = 4;
const IN_DELETE_SELF = 0x400;

/** Commands that fit into one message. */
export const MAX_COMMANDS = 64;

const FUNCTIONS = { sup_keeper: { args: ["ptr"], returns: "int" }, sup_keeper_addresses: { args: ["ptr"], returns: "int" } } as const;
const KEEPER = ["kept", "title", "title_room", "name", "channel", "watch"] as const;

interface Native {
  readonly functions: Functions<typeof FUNCTIONS>;
  readonly layout: StructLayout<(typeof KEEPER)[number]>;
}

let native: Native | undefined;

/** Compiles keeper.c. Throws, naming the field or constant, where C and TypeScript differ. */
export function compileKeeper(scratch: string, code = source): Native {
  const { functions, exports } = compileC("keeper.c", code, FUNCTIONS, scratch);
  exports.expect({ KEEP, DROP, FIRST_SLOT, MAX_COMMANDS, command: 8, "command.action": 0, "command.slot": 4 });
  exports.expect({ msghdr: MSGHDR.sizeBytes, "msghdr.parts": MSGHDR.parts, "msghdr.count": MSGHDR.count, "msghdr.flags": MSGHDR.flags });
  exports.expect({ "msghdr.control": MSGHDR.control, "msghdr.control_length": MSGHDR.controlLength });
  exports.expect({ cmsghdr: CMSGHDR.sizeBytes, "cmsghdr.length": CMSGHDR.length, "cmsghdr.level": CMSGHDR.level, "cmsghdr.type": CMSGHDR.type }); // prettier-ignore
  return { functions, layout: exports.struct("keeper", KEEPER) };
}

/**
 * `file`: the keeper exits when this file is unlinked. `scratch`: where C can be compiled. Throws when no keeper can be started.
 */
export function startKeeper(file: string, scratch: string): KeeperProcess {
  native ??= compileKeeper(scratch);
  const addresses = new BigUint64Array(3);
  native.functions.sup_keeper_addresses(ptr(addresses));
  const ends = new Int32Array(2);
  if (libc.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ptr(ends)) !== 0) throw failure("socketpair", errno());
  const watch = watchUnlink(file);
  const passedEnd = duplicate(ends[1]!, LOWEST_PASSED_FD);
  const passedWatch = duplicate(watch, LOWEST_PASSED_FD);
  try {
    const kept = BigUint64Array.from([...neededMemory([...addresses], readFileSync("/proc/self/maps", "latin1")), 0n]);
    const name = cstring(KEEPER_NAME);
    const title = argumentArea();
    const struct = native.layout.fill({
      kept: ptr(kept),
      title: title.start,
      title_room: title.sizeBytes,
      name: ptr(name),
      channel: passedEnd,
      watch: passedWatch,
    });
    const pid = native.functions.sup_keeper(struct.address);
    if (pid < 0) throw failure("clone", -pid);
    return { pid, startTicks: readStat(pid)?.startTicks ?? 0, channel: ends[0]! };
  } catch (error) {
    libc.close(ends[0]!);
    throw error;
  } finally {
    for (const fd of [ends[1]!, watch, passedEnd, passedWatch]) if (fd >= 0) libc.close(fd);
  }
}

const failure = (call: string, number: number): Error => new Error(`${call} failed with errno ${number}`);

/**
 * An inotify descriptor that is readable once the file is unlinked, which changes its link count (IN_ATTRIB; inotify(7)).
 * Watching the directory would not work: the FIFOs that the keeper holds keep the directory alive.
 */
function watchUnlink(path: string): number {
  const fd = libc.inotify_init1(O.CLOEXEC);
  const name = cstring(path);
  if (fd >= 0) libc.inotify_add_watch(fd, ptr(name), IN_ATTRIB | IN_DELETE_SELF);
  return fd;
}

/**
 * The memory that the keeper must not unmap: what surrounds `addresses`, the stack, and the kernel's own mappings, because
 * newer kernels refuse to unmap those (mseal(2)). Pairs [from, to) in rising order that do not overlap. `maps` is
 * /proc/self/maps, see proc(5).
 */
export function neededMemory(addresses: readonly bigint[], maps: string): bigint[] {
  const pairs = addresses.map((address): [bigint, bigint] => {
    const page = address & ~PAGE_MASK;
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
 * TinyCC puts the C functions into two or three pages of the heap. The kernel writes to the thread's data at every context
 * switch (rseq of glibc), which lies a little above errno.
 */
const AROUND = 0x40000n;
const PAGE_MASK = 0xffffn; // 64 KiB: the largest page of arm64

/** The memory of this program's arguments and environment: proc(5), fields 48 to 51 of /proc/PID/stat. */
function argumentArea(): { readonly start: number; readonly sizeBytes: number } {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [start, end] = [Number(fields[45]), Number(fields[48])];
  return end > start && start > 0 ? { start, sizeBytes: end - start } : { start: 0, sizeBytes: 0 };
}

export interface KeeperCommand {
  readonly slot: number;
  /** The keeper gets a copy of this descriptor; null: it closes the slot. */
  readonly fd: number | null;
}

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Sends at most MAX_COMMANDS commands. 0, or an errno. */
export function sendCommands(channel: number, commands: readonly KeeperCommand[]): number {
  const words = Int32Array.from(commands.flatMap(({ slot, fd }) => [fd === null ? DROP : KEEP, slot]));
  const fds = commands.flatMap(({ fd }) => (fd === null ? [] : [fd]));
  const part = new BigUint64Array([BigInt(ptr(words)), BigInt(words.byteLength)]);
  const dataBytes = fds.length * 4;
  const control = Buffer.alloc(CMSGHDR.sizeBytes + dataBytes + (fds.length % 2) * 4);
  control.writeBigUInt64LE(BigInt(CMSGHDR.sizeBytes + dataBytes), CMSGHDR.length);
  control.writeInt32LE(SOL_SOCKET, CMSGHDR.level);
  control.writeInt32LE(SCM_RIGHTS, CMSGHDR.type);
  fds.forEach((fd, i) => control.writeInt32LE(fd, CMSGHDR.sizeBytes + i * 4));
  const header = Buffer.alloc(MSGHDR.sizeBytes);
  fillMsghdr(header, part, fds.length > 0 ? control : null);
  return Number(libc.sendmsg(channel, ptr(header) as Pointer, MSG_DONTWAIT | MSG_NOSIGNAL)) < 0 ? errno() : 0;
}
