import { ptr } from "bun:ffi";
import { statfsSync } from "node:fs";
import { libc } from "../ffi/libc.ts";

const TMPFS_MAGIC = 0x01021994;

/**
 * Tries to make sure that a store into this mapping of a file never has to wait: the file must be in memory (tmpfs), and its pages must stay
 * there (mlock(2)). Returns false if that is impossible, for example because of RLIMIT_MEMLOCK or because the file is on a disk. The
 * kernel then write-protects pages while it writes them back.
 */
export function keepResident(path: string, mapped: Uint8Array): boolean {
  try {
    return statfsSync(path).type === TMPFS_MAGIC && libc.mlock(ptr(mapped), mapped.byteLength) === 0;
  } catch {
    return false;
  }
}
