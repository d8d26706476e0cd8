/**
 * Allows one daemon per state directory: flock(2), which the kernel releases when the holder ends, even by SIGKILL. Two things are
 * locked: the file `lock`, and the directory itself. Somebody may delete the file, and the next daemon would create and lock another
 * one. The lock of the directory prevents that.
 */
import { fstatSync, ftruncateSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";
import { errno, libc, O, O_DIRECTORY, O_NOFOLLOW, open } from "../ffi/libc.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const EWOULDBLOCK = 11;

/** The name of the file in the state directory. */
export const LOCK_NAME = "lock";

export interface Lock {
  /** To keep the lock through a re-exec, clear close-on-exec and pass this number to the new image. */
  readonly fd: number;
  /**
   * Makes the file again, or locks again, if somebody deleted the file or the directory. Returns `intact` if nothing was lost, and
   * the failure if the new one cannot be locked, for example because another daemon has locked it.
   */
  restore(): "intact" | "restored" | LockFailure;
  release(): void;
}

export type LockFailure =
  /** Another daemon holds the lock. The pid of that daemon is only for the message; do not act on it. */
  { readonly kind: "held"; readonly pid: number | null } | { readonly kind: "failed"; readonly errno: number };

/** Locks the file `lock` in the directory. Services do not inherit the descriptor. `inherited` is the descriptor from before a re-exec. */
export function takeLock(directory: string, inherited?: number): Result<Lock, LockFailure> {
  const taken = lockBoth(directory, inherited);
  return taken.ok ? ok(new FileLock(directory, taken.value)) : taken;
}

interface Descriptors {
  readonly file: number;
  /** -1 if it could not be locked: NFS cannot lock directories. */
  readonly directory: number;
}

class FileLock implements Lock {
  readonly #path: string;
  #held: Descriptors;

  constructor(directory: string, held: Descriptors) {
    this.#path = directory;
    this.#held = held;
  }

  get fd(): number {
    return this.#held.file;
  }

  restore(): "intact" | "restored" | LockFailure {
    const { file } = this.#held;
    if (this.#held.directory < 0) this.#held = { file, directory: lockDirectory(this.#path) };
    const { directory } = this.#held;
    const isSameDirectory = directory < 0 || isAt(this.#path, directory);
    if (isSameDirectory && isAt(join(this.#path, LOCK_NAME), file)) return "intact";
    const again = isSameDirectory ? lockFile(this.#path) : lockBoth(this.#path);
    if (!again.ok) return again.error;
    this.#held = typeof again.value === "number" ? { file: again.value, directory } : again.value;
    libc.close(file);
    if (directory >= 0 && !isSameDirectory) libc.close(directory);
    return "restored";
  }

  release(): void {
    for (const fd of [this.#held.file, this.#held.directory]) if (fd >= 0) libc.close(fd);
  }
}

/**
 * The file comes first: whoever starts while a daemon runs fails there, and never holds the lock of the directory, not even for a
 * moment in which that daemon re-executes itself.
 */
function lockBoth(path: string, inherited?: number): Result<Descriptors, LockFailure> {
  const file = lockFile(path, inherited);
  if (!file.ok) return file;
  const directory = open(path, O.RDONLY | O_DIRECTORY);
  if (directory < 0 || libc.flock(directory, LOCK_EX | LOCK_NB) === 0) return ok({ file: file.value, directory });
  const number = errno();
  const pid = number === EWOULDBLOCK ? lockerOf(directory) : null;
  libc.close(directory);
  // After a re-exec, a child that the earlier image has just forked may still hold a copy.
  const isOwn = inherited !== undefined && pid === process.pid;
  if (number !== EWOULDBLOCK || isOwn) return ok({ file: file.value, directory: -1 });
  libc.close(file.value);
  return err({ kind: "held", pid });
}

/** Returns a descriptor, or -1. */
function lockDirectory(path: string): number {
  const fd = open(path, O.RDONLY | O_DIRECTORY);
  if (fd < 0 || libc.flock(fd, LOCK_EX | LOCK_NB) === 0) return Math.max(fd, -1);
  libc.close(fd);
  return -1;
}

function lockFile(directory: string, inherited?: number): Result<number, LockFailure> {
  const path = join(directory, LOCK_NAME);
  const fd = inherited ?? open(path, O.RDWR | O.CREAT | O_NOFOLLOW, 0o600);
  if (fd < 0) return err({ kind: "failed", errno: -fd });
  if (libc.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    const number = errno();
    libc.close(fd);
    return err(number === EWOULDBLOCK ? { kind: "held", pid: holder(path) } : { kind: "failed", errno: number });
  }
  if (inherited !== undefined) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0);
  return ok(fd);
}

/** True while the path leads to the open file. */
function isAt(path: string, fd: number): boolean {
  const [there, held] = [statSync(path, { throwIfNoEntry: false }), fstatSync(fd)];
  return there?.ino === held.ino && there.dev === held.dev;
}

/** The pid that proc_locks(5) names for the open file; null if there is none, or it is in another pid namespace. */
function lockerOf(fd: number): number | null {
  try {
    const [, pid] =
      new RegExp(`FLOCK +ADVISORY +WRITE +(\\d+) [0-9a-f]+:[0-9a-f]+:${fstatSync(fd).ino} `).exec(readFileSync("/proc/locks", "latin1")) ??
      [];
    return Number(pid) || null;
  } catch {
    return null;
  }
}

function holder(path: string): number | null {
  try {
    return Number.parseInt(readFileSync(path, "latin1"), 10) || null;
  } catch {
    return null; // the pid is only for the message
  }
}
