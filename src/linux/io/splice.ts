import { ptr } from "bun:ffi";
import { errno, libc } from "../ffi/libc.ts";

const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const EINTR = 4;

const offset = new BigInt64Array(1);

/**
 * Moves data from a pipe to an offset of a file with splice(2). The data stays inside the kernel, so no byte is lost if this process
 * is killed meanwhile. Returns the number of bytes, 0 at the end of the pipe, or a negative errno. This is -11 (EAGAIN) if there is
 * no data, and -22 (EINVAL) if the file system does not support splice.
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
