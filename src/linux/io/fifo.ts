/**
 * FIFOs for the output of services. The child holds its end read-write, so it never gets SIGPIPE when the daemon is
 * gone; what it writes meanwhile waits in the pipe for the next daemon. fifo(7), fcntl(2) F_SETPIPE_SZ, pipe(7).
 */
import { ptr } from "bun:ffi";
import { chmodSync, lstatSync, readFileSync } from "node:fs";
import { err, ok, type Result } from "../../base/result.ts";
import { cstring, errno, libc, O, O_NOFOLLOW, open } from "../ffi/libc.ts";

const EEXIST = 17;
const EINTR = 4;

/** What `readFifo` answers when nothing waits now. */
export const AGAIN = -11;

/** Makes a FIFO with exactly this mode; one that is there already is kept. The error is an errno: EEXIST when the path is something else. */
export function makeFifo(path: string, mode: number): Result<void, number> {
  const text = cstring(path);
  const fresh = libc.mkfifo(ptr(text), mode) === 0;
  if (!fresh) {
    const number = errno();
    if (number !== EEXIST) return err(number);
    if (!lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) return err(EEXIST);
  }
  if (fresh && (mode & ~umask()) === mode) return ok(undefined); // mkfifo took nothing off
  chmodSync(path, mode);
  return ok(undefined);
}

/** The process's own, which can only be read by setting it. */
function umask(): number {
  const mask = libc.umask(0o777);
  libc.umask(mask);
  return mask;
}

/** The daemon's end: read-only, non-blocking, enlarged as far as the system lets us. The error is an errno. */
export function openFifoReader(path: string): Result<number, number> {
  const fd = open(path, O.RDONLY | O.NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return err(-fd);
  for (const size of pipeSizes()) if (libc.fcntl(fd, F_SETPIPE_SZ, size) >= 0) break;
  return ok(fd);
}

/** A service's end: read-write and blocking, so that opening never waits and writing never fails for want of a reader. */
export function openFifoWriter(path: string): Result<number, number> {
  const fd = open(path, O.RDWR | O_NOFOLLOW);
  return fd < 0 ? err(-fd) : ok(fd);
}

/**
 * Reads once into `buffer[offset, offset + length)`: the number of bytes, 0 when no writer has it open and nothing is
 * left, AGAIN when nothing waits, or another -errno.
 */
export function readFifo(fd: number, buffer: Uint8Array, offset: number, length: number): number {
  if (length <= 0 || offset < 0 || offset + length > buffer.byteLength) throw new RangeError("readFifo: outside the buffer");
  for (;;) {
    const bytes = Number(libc.read(fd, ptr(buffer, offset), length));
    if (bytes >= 0) return bytes;
    const number = errno();
    if (number !== EINTR) return -number;
  }
}

const FIONREAD = 0x541b;
const waiting = new Int32Array(1);

/** Bytes that wait in a pipe now. ioctl_pipe(2). */
export function bytesWaiting(fd: number): number {
  return libc.ioctl(fd, FIONREAD, ptr(waiting)) === 0 ? waiting[0]! : 0;
}

/** A nameless one: a non-blocking end for us, a blocking one for a child. Both are close-on-exec. The error is an errno. */
export function makePipe(): Result<{ readonly reader: number; readonly writer: number }, number> {
  const ends = new Int32Array(2);
  if (libc.pipe2(ptr(ends), O.CLOEXEC) !== 0) return err(errno());
  const [reader, writer] = ends as unknown as [number, number];
  libc.fcntl(reader, F_SETFL, O.NONBLOCK);
  return ok({ reader, writer });
}

const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;
const MIB = 1 << 20;
const PAGE = 4096;

let sizes: readonly number[] | undefined;

/**
 * Sizes to try, largest first. A user's pipes may have `pipe-user-pages-soft` pages in all (16384: 64 MiB); beyond it
 * new pipes get two pages and cannot grow. So without root each FIFO takes a 256th of that, enough for 128 units.
 */
function pipeSizes(): readonly number[] {
  if (sizes) return sizes;
  const soft = sysctl("pipe-user-pages-soft") * PAGE;
  const fair = soft === 0 ? MIB : Math.max(1 << 16, Math.min(MIB, 2 ** Math.floor(Math.log2(soft / 256))));
  sizes = libc.geteuid() === 0 ? [MIB, fair] : [Math.min(fair, sysctl("pipe-max-size") || MIB)];
  return sizes;
}

/** 0 when it cannot be read, which for these two also means "no limit". */
function sysctl(name: string): number {
  try {
    return Number(readFileSync(`/proc/sys/fs/${name}`, "latin1")) || 0;
  } catch {
    return 0;
  }
}
