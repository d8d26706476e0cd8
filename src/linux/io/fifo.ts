/**
 * Handles the FIFOs for the output of services: fifo(7), pipe(7), and F_SETPIPE_SZ of fcntl(2). A service opens its end read-write.
 * Therefore the service gets no SIGPIPE while the daemon is down, and its output stays in the pipe until the next daemon reads it.
 */
import { ptr } from "bun:ffi";
import { chmodSync, fstatSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";
import { cstring, errno, libc, O, O_NOFOLLOW, open } from "../ffi/libc.ts";

const ENOENT = 2;
const EEXIST = 17;
const EINTR = 4;

/** `readFifo` returns this value if there is no data now (-EAGAIN). */
export const AGAIN = -11;

/**
 * Creates a FIFO with exactly this mode, and its directory if that is missing. If the FIFO exists already, changes its mode. The
 * error is an errno, EEXIST if the path is not a FIFO.
 */
export function makeFifo(path: string, mode: number, mayMakeDirectory = true): Result<void, number> {
  const name = cstring(path);
  const isNew = libc.mkfifo(ptr(name), mode) === 0;
  if (!isNew) {
    const number = errno();
    if (number === ENOENT && mayMakeDirectory) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      return makeFifo(path, mode, false);
    }
    if (number !== EEXIST) return err(number);
    if (!lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) return err(EEXIST);
  }
  if (isNew && (mode & ~umask()) === mode) return ok(undefined); // the umask removed no bits
  chmodSync(path, mode);
  return ok(undefined);
}

/** Returns the umask of this process. The umask can only be read by setting it. */
function umask(): number {
  const mask = libc.umask(0o777);
  libc.umask(mask);
  return mask;
}

/** Returns true if the descriptor is an end of the FIFO at this path. Somebody may have deleted or replaced the FIFO since it was opened. */
export function isFifoAt(path: string, fd: number): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false });
  const held = fstatSync(fd);
  return there?.ino === held.ino && there.dev === held.dev;
}

/**
 * Opens the daemon's end, which is non-blocking and has the largest buffer that the system allows. It is opened read-write too. With
 * a read-only end, the kernel would report the end of the last writer whenever a service exits, which would wake the daemon just
 * before the exit itself does. The error is an errno.
 */
export function openFifoReader(path: string): Result<number, number> {
  const fd = open(path, O.RDWR | O.NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return err(-fd);
  for (const size of pipeSizes()) if (libc.fcntl(fd, F_SETPIPE_SZ, size) >= 0) break;
  return ok(fd);
}

/**
 * Opens a service's end, read-write and blocking. Read-write means that open never waits, and that a write without a reader does not
 * fail. The error is an errno.
 */
export function openFifoWriter(path: string): Result<number, number> {
  const fd = open(path, O.RDWR | O_NOFOLLOW);
  return fd < 0 ? err(-fd) : ok(fd);
}

/** Opens a service's end of each FIFO, either of all or of none. The error names the path. */
export function openFifoWriters(paths: readonly string[]): Result<number[], { readonly path: string; readonly errno: number }> {
  const fds: number[] = [];
  for (const path of paths) {
    const writer = openFifoWriter(path);
    if (!writer.ok) {
      for (const fd of fds) libc.close(fd);
      return err({ path, errno: writer.error });
    }
    fds.push(writer.value);
  }
  return ok(fds);
}

/**
 * Reads once into `buffer[offset, offset + length)`. Returns the number of bytes, 0 at the end (a descriptor that was opened read-only,
 * no data and no writer), AGAIN if there is no data now, or another -errno.
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
const byteCount = new Int32Array(1);

/** Returns the number of unread bytes in a pipe (ioctl_pipe(2)). */
export function bytesWaiting(fd: number): number {
  return libc.ioctl(fd, FIONREAD, ptr(byteCount)) === 0 ? byteCount[0]! : 0;
}

/**
 * Makes an unnamed pipe with a non-blocking end for us and a blocking end for a child, both with close-on-exec. The error is an
 * errno.
 */
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
 * Returns the buffer sizes to try, largest first. All pipes of a user together may have `pipe-user-pages-soft` pages (16384
 * pages, 64 MiB, by default). Beyond that limit new pipes get two pages and cannot grow. So without root each FIFO takes 1/256 of
 * the limit, which is enough for 128 units.
 */
function pipeSizes(): readonly number[] {
  if (sizes) return sizes;
  const soft = sysctl("pipe-user-pages-soft") * PAGE;
  const fair = soft === 0 ? MIB : Math.max(1 << 16, Math.min(MIB, 2 ** Math.floor(Math.log2(soft / 256))));
  sizes = libc.geteuid() === 0 ? [MIB, fair] : [Math.min(fair, sysctl("pipe-max-size") || MIB)];
  return sizes;
}

/**
 * Returns the value of a setting in /proc/sys/fs, or 0 if it cannot be read. Both settings that are read here use 0 for "no
 * limit".
 */
function sysctl(name: string): number {
  try {
    return Number(readFileSync(`/proc/sys/fs/${name}`, "latin1")) || 0;
  } catch {
    return 0;
  }
}
