import { ptr } from "bun:ffi";
import { errno, libc } from "../ffi/libc.ts";

const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const EINTR = 4;

const offset = new BigInt64Array(1);

/**
 * Moves what waits in a pipe into a file at an offset, inside the kernel: when this process dies in the middle of it, what
 * has left the pipe is in the file. Answers the bytes, 0 when the pipe is at its end, or a negative errno (-11, EAGAIN:
 * nothing waits; -22, EINVAL: not on this file system). splice(2).
 */
export function spliceToFile(pipe: number, file: number, at: number, length: number): number {
  for (;;) {
    offset[0] = BigInt(at);
    const bytes = Number(libc.splice(pipe, null, file, ptr(offset), length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
    if (bytes >= 0) return bytes;
    const number = errno();
    if (number !== EINTR) return -number;
  }
}
