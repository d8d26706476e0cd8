/** Compiles and starts bare processes (bare-process.c): forks of the daemon that keep none of its memory. */
import { type Pointer, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import type { CExports, StructLayout } from "./c-exports.ts";
import { compileC, type Functions } from "./compile-c.ts";
import { cstring, duplicate, errno, libc, O } from "./libc.ts";
import { CMSGHDR, fillMsghdr, MSGHDR, SCM_RIGHTS, SOL_SOCKET } from "./msghdr.ts";
// The type is `text`, because the C compiler cannot open a `file` import inside a compiled executable.
import source from "./bare-process.c" with { type: "text" };

const FUNCTIONS = { sup_bare: { args: ["ptr"], returns: "int" }, sup_bare_addresses: { args: ["ptr"], returns: "int" } } as const;
const BARE = ["kept", "title", "title_room", "name", "channel", "watch"] as const;

export interface BareProgram {
  readonly exports: CExports;
  readonly functions: Functions<typeof FUNCTIONS>;
  readonly layout: StructLayout<(typeof BARE)[number]>;
}

/** Compiles `code` after `head`, which is bare-process.c. If C and TypeScript differ, throws an error that names the field or constant. */
export function compileBare(name: string, code: string, scratch?: string, head = source): BareProgram {
  const { functions, exports } = compileC(name, `${head}\n${code}`, FUNCTIONS, scratch);
  exports.expect({ msghdr: MSGHDR.sizeBytes, "msghdr.parts": MSGHDR.parts, "msghdr.count": MSGHDR.count, "msghdr.flags": MSGHDR.flags });
  exports.expect({ "msghdr.control": MSGHDR.control, "msghdr.control_length": MSGHDR.controlLength });
  exports.expect({ cmsghdr: CMSGHDR.sizeBytes, "cmsghdr.length": CMSGHDR.length, "cmsghdr.level": CMSGHDR.level, "cmsghdr.type": CMSGHDR.type }); // prettier-ignore
  return { exports, functions, layout: exports.struct("bare", BARE) };
}

/** The lowest number for descriptors that are passed on. Lower numbers stay free, because the process moves the descriptors to them. */
const LOWEST_PASSED_FD = 64;

/**
 * Forks a bare process, which is a child of the daemon. `channel` is the process's end of a socket pair. `watch` is a second
 * descriptor that the process polls, or -1. Both descriptors stay open in the daemon. Returns the pid. Throws if no process can be
 * created.
 */
export function startBare({ functions, layout }: BareProgram, name: string, channel: number, watch: number): number {
  const addresses = new BigUint64Array(3);
  functions.sup_bare_addresses(ptr(addresses));
  const passed = [channel, watch].map((fd) => (fd < 0 ? -1 : duplicate(fd, LOWEST_PASSED_FD)));
  try {
    const kept = BigUint64Array.from([...neededMemory([...addresses], readFileSync("/proc/self/maps", "latin1")), 0n]);
    const label = cstring(name);
    const title = argumentArea();
    const struct = layout.fill({
      kept: ptr(kept),
      title: title.start,
      title_room: title.sizeBytes,
      name: ptr(label),
      channel: passed[0]!,
      watch: passed[1]!,
    });
    if (passed[0]! < 0) throw failure("dup", -passed[0]!);
    const pid = functions.sup_bare(ptr(struct));
    if (pid < 0) throw failure("clone", -pid);
    return pid;
  } finally {
    for (const fd of passed) if (fd >= 0) libc.close(fd);
  }
}

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;

/** Returns two connected SOCK_SEQPACKET sockets, one for the daemon and one for the bare process. Throws if they cannot be created. */
export function makeChannel(): readonly [ours: number, theirs: number] {
  const ends = new Int32Array(2);
  if (libc.socketpair(AF_UNIX, SOCK_SEQPACKET | O.CLOEXEC, 0, ptr(ends)) !== 0) throw failure("socketpair", errno());
  return [ends[0]!, ends[1]!];
}

const failure = (call: string, number: number): Error => Object.assign(new Error(`${call} failed with errno ${number}`), { errno: number });

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Sends one message with copies of the descriptors (SCM_RIGHTS). Returns 0 or an errno. */
export function sendWithDescriptors(channel: number, words: Int32Array | Uint8Array, fds: readonly number[]): number {
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

/**
 * Returns the memory that a bare process must not unmap, as pairs [from, to) in rising order that do not overlap. This is the memory
 * around `addresses`, the stack, and the kernel's own mappings, which newer kernels refuse to unmap (mseal(2)). `maps` is the text of
 * /proc/self/maps (proc(5)).
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

/** Returns where this program's arguments and environment are in memory: fields 48 to 51 of /proc/PID/stat (proc(5)). */
function argumentArea(): { readonly start: number; readonly sizeBytes: number } {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [start, end] = [Number(fields[45]), Number(fields[48])];
  return end > start && start > 0 ? { start, sizeBytes: end - start } : { start: 0, sizeBytes: 0 };
}
