/**
 * Opens files whose names other users may have chosen: files that a unit names, and files in directories that others can write to.
 * Such a name may lead to a FIFO, on which open(2) blocks, or to a device that never ends. It may also be a link to a file that only
 * root may read.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeFileSync } from "node:fs";
import { err, ok, type Result } from "../../base/result.ts";
import { O, O_NOFOLLOW } from "../ffi/libc.ts";
import type { Credentials } from "../spawn/users.ts";
import { withRightsOf } from "./rights.ts";

/** Flags to add for open(2) on a file of sup itself. With them, opening a link fails and opening a FIFO does not block. */
export const OWN_FILE = O_NOFOLLOW | O.NONBLOCK;

/** Opens a file of sup itself. Throws if the file is a link or no regular file. */
export function openOwnFile(path: string, flags: number, mode = 0o600): number {
  let fd: number;
  try {
    fd = openSync(path, flags | OWN_FILE, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOOP") throw error;
    throw new Error(`${path} is a symbolic link, which sup does not follow here`, { cause: error });
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new Error(`${path} is not a regular file`);
}

/** Replaces the text of a file of sup itself, or appends to it. Throws like `openOwnFile`. */
export function writeOwnFile(path: string, text: string, how: "replace" | "append"): void {
  const fd = openOwnFile(path, constants.O_WRONLY | constants.O_CREAT | (how === "append" ? constants.O_APPEND : 0));
  try {
    if (how === "replace") ftruncateSync(fd);
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** Reads a file with the rights of a user and returns its bytes. Links are followed. The error is an errno name or a few words. */
export function readRegularFile(path: string, maxBytes: number, credentials: Credentials | null = null): Result<Buffer, string> {
  let fd: number;
  try {
    fd = withRightsOf(credentials, () => openSync(path, constants.O_RDONLY | O.NONBLOCK));
  } catch (error) {
    return err((error as NodeJS.ErrnoException).code ?? String(error));
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) return err(status.isDirectory() ? "it is a directory" : "it is not a regular file");
    const bytes = Buffer.allocUnsafe(Math.min(status.size, maxBytes) + 1);
    let length = 0;
    for (let got = 1; got > 0 && length < bytes.length; length += got) got = readSync(fd, bytes, length, bytes.length - length, length);
    return length > maxBytes || status.size > maxBytes ? err(`it is larger than ${maxBytes >> 10} KiB`) : ok(bytes.subarray(0, length));
  } catch (error) {
    return err((error as NodeJS.ErrnoException).code ?? String(error));
  } finally {
    closeSync(fd);
  }
}
