import { ptr } from "bun:ffi";
import { errno, libc, O, open } from "../ffi/libc.ts";

const ENOENT = 2;
const ESRCH = 3;
const EINTR = 4;
const EACCES = 13;

/** Shared by all kept files. It grows if a file does not fit. */
let buffer = Buffer.allocUnsafeSlow(16_384);

/** A file of /proc that is read often. Its descriptor stays open, because opening and closing takes longer than reading. */
export class KeptFile {
  readonly #path: string;
  #fd = -1;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Returns the content. It is valid until any kept file is read again. Returns null if the file does not exist or may not be read.
   * Throws if no descriptor or memory is left.
   */
  read(): Buffer | null {
    if (this.#fd < 0) this.#fd = open(this.#path, O.RDONLY);
    if (this.#fd < 0) return missing(-this.#fd, this.#path);
    for (let length = 0; ;) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * length);
      const bytes = Number(libc.pread(this.#fd, ptr(buffer, length), buffer.length - length, length));
      const error = bytes < 0 ? errno() : 0;
      if (error === EINTR) continue;
      if (error !== 0) return missing(error, this.#path);
      if (bytes === 0) return buffer.subarray(0, length);
      length += bytes;
    }
  }
}

function missing(error: number, path: string): null {
  if (error === ENOENT || error === ESRCH || error === EACCES) return null;
  throw Object.assign(new Error(`cannot read ${path}: errno ${error}`), { errno: error });
}
