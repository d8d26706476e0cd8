/**
 * Opens files whose names other users may have chosen, because a unit names them or others can write to their directory. Such a
 * name may lead to a FIFO, on which open(2) blocks, to a device that never ends, or, by a link, to a file that only root may
 * read.
 */
import { ptr } from "bun:ffi";
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeFileSync } from "node:fs";
import { err, ok, type Result } from "../../base/result.ts";
import { O, O_NOFOLLOW, libc, SYSCALL, syscall } from "../ffi/libc.ts";
import type { Credentials } from "../spawn/users.ts";

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

/**
 * Runs synchronous file access with the rights of a user. It uses setfsuid(2), which also drops root's capabilities over files.
 * These system calls change only the calling thread. Unlike after setresuid(2), the user cannot send signals to this thread.
 */
function withRightsOf<T>(credentials: Credentials | null, access: () => T): T {
  const own = libc.geteuid();
  if (credentials === null || own !== 0 || (credentials.uid === null && credentials.gid === null)) return access();
  const { uid, gid, groups } = credentials;
  const ownGroups = currentGroups();
  const ownGid = syscall(SYSCALL.setfsgid, -1);
  try {
    if (groups !== null) setGroups(groups);
    if (gid !== null) setFsId(SYSCALL.setfsgid, gid);
    if (uid !== null) setFsId(SYSCALL.setfsuid, uid);
    return access();
  } finally {
    setFsId(SYSCALL.setfsuid, own);
    setFsId(SYSCALL.setfsgid, ownGid);
    if (groups !== null) setGroups(ownGroups);
  }
}

/**
 * Calls setfsuid(2) or setfsgid(2) and checks the result with a second call, because both calls return the previous id whether or
 * not they had an effect.
 */
function setFsId(call: number, id: number): void {
  syscall(call, id);
  if (syscall(call, -1) !== id) throw new Error(`cannot take the rights of the id ${id}`);
}

function currentGroups(): number[] {
  const count = syscall(SYSCALL.getgroups, 0);
  const groups = new Uint32Array(Math.max(1, count));
  const got = syscall(SYSCALL.getgroups, count, ptr(groups));
  if (got < 0) throw new Error("cannot read the groups of this process");
  return [...groups.subarray(0, got)];
}

function setGroups(groups: readonly number[]): void {
  const list = Uint32Array.from(groups.length > 0 ? groups : [0]);
  if (syscall(SYSCALL.setgroups, groups.length, ptr(list)) !== 0) throw new Error("cannot take the groups of a user");
}
