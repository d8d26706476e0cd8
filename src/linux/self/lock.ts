/** Allows one daemon per state directory: flock(2), which the kernel releases when the holder ends, even by SIGKILL. */
import { ftruncateSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";
import { errno, libc, O, O_NOFOLLOW, open } from "../ffi/libc.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const EWOULDBLOCK = 11;

export interface Lock {
  /** To keep the lock through a re-exec, clear close-on-exec and pass this number to the new image. */
  readonly fd: number;
  release(): void;
}

export type LockFailure =
  /** Another daemon holds the lock. The pid of that daemon is only for the message; do not act on it. */
  { readonly kind: "held"; readonly pid: number | null } | { readonly kind: "failed"; readonly errno: number };

/** Locks the file `lock` in the directory. Services do not inherit the descriptor. `inherited` is the descriptor from before a re-exec. */
export function takeLock(directory: string, inherited?: number): Result<Lock, LockFailure> {
  const path = join(directory, "lock");
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
  return ok({ fd, release: () => void libc.close(fd) });
}

function holder(path: string): number | null {
  try {
    return Number.parseInt(readFileSync(path, "latin1"), 10) || null;
  } catch {
    return null; // the pid is only for the message
  }
}
