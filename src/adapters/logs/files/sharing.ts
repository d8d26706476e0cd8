import { chmodSync, chownSync, closeSync, constants, fchmodSync, fchownSync, fstatSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { openOwnFile } from "../../../linux/io/regular-files.ts";
import { lookupGroup } from "../../../linux/spawn/users.ts";

const PRIVATE = 0o600;
const SHARED = 0o640;
/** What a group needs to list a directory and to reach the files in it. */
const LIST = 0o050;

/** What the group of one unit is let into. */
export interface Shared {
  /** Gives the group read access to all files of a log, also to future ones. Null takes it back. Throws the errors of the file system. */
  share(gid: number | null): void;
}

/** Lets groups read logs. The directory of all logs can belong to one group only: that of the unit that was shared last. */
export class LogSharing {
  readonly #directory: string;
  readonly #onProblem: (message: string) => void;
  /** The ids of the groups in force. */
  readonly #groups = new Map<string, number>();

  constructor(directory: string, onProblem: (message: string) => void) {
    this.#directory = directory;
    this.#onProblem = onProblem;
  }

  /** Returns why the group cannot get access, or null. */
  apply(unit: string, name: string | null, log: Shared): string | null {
    try {
      if (name === null) {
        if (this.#groups.delete(unit)) log.share(null);
        return null;
      }
      const gid = lookupGroup(name);
      if (gid === null) return `cannot let the group ${name} read the log: there is no such group`;
      shareDirectory(this.#directory, gid);
      log.share(gid);
      const barrier = this.#groups.get(unit) === gid ? null : findBarrier(this.#directory, gid);
      if (barrier !== null) this.#onProblem(barrierWords(name, this.#directory, barrier));
      this.#groups.set(unit, gid);
      return null;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (name === null) return `cannot make the log private again: ${message}`;
      return `cannot let the group ${name} read the log: ${code === "EPERM" ? NOT_PERMITTED : message}`;
    }
  }

  forget(unit: string): void {
    this.#groups.delete(unit);
  }
}

/** Why chown(2) is refused. */
export const NOT_PERMITTED = "only root and members of the group can give it files (EPERM)";

export const barrierWords = (group: string, directory: string, barrier: string): string =>
  `the group ${group} cannot reach the logs in ${directory}: it may not enter ${barrier} (chmod o+x ${barrier})`;

/** Returns the first directory above `directory` that members of a group may not enter, or null. Access lists are not considered. */
export function findBarrier(directory: string, gid: number): string | null {
  for (let path = dirname(directory); ; path = dirname(path)) {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status !== undefined && (status.mode & (status.gid === gid ? 0o010 : 0o001)) === 0) return path;
    if (path === "/") return null;
  }
}

/** Lets a group list the log directory. Rights that others have are left as they are. */
export function shareDirectory(path: string, gid: number): void {
  const status = statSync(path);
  if (status.gid !== gid) chownSync(path, status.uid, gid);
  if ((status.mode & LIST) !== LIST) chmodSync(path, (status.mode & 0o777) | LIST);
}

/** Lets a group read a log file, or only the daemon's user if `gid` is null. */
export function shareFile(fd: number, gid: number | null): void {
  const { uid, gid: present } = fstatSync(fd);
  if (gid !== null && gid !== present) fchownSync(fd, uid, gid); // before the mode, so that no other group can read it
  fchmodSync(fd, gid === null ? PRIVATE : SHARED);
}

/** Does the same for a file that may be gone. */
export function shareFileAt(path: string, gid: number | null): void {
  let fd: number;
  try {
    fd = openOwnFile(path, constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    shareFile(fd, gid);
  } finally {
    closeSync(fd);
  }
}

/** Gives a copy of a log file the group and the mode of the original. */
export function shareLike(original: number, copy: number): void {
  const { mode, uid, gid } = fstatSync(original);
  if (gid !== fstatSync(copy).gid) fchownSync(copy, uid, gid);
  fchmodSync(copy, mode & 0o777);
}
