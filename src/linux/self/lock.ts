/** One daemon per state directory: a lock of the kernel (flock(2)) that dies with its holder, however it dies. */
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
  /** To keep the lock through a re-exec: clear close-on-exec and hand the number to the next image. */
  readonly fd: number;
  release(): void;
}

export type LockFailure =
  /** Another daemon has it. Its pid is for the message only: never act on it. */
  { readonly kind: "held"; readonly pid: number | null } | { readonly kind: "failed"; readonly errno: number };

/** Takes the lock file `lock` of the directory. No service inherits it. `inherited` is the descriptor from before a re-exec. */
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
    return null; // only for the message
  }
}
