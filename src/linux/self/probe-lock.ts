import { readFileSync, statSync } from "node:fs";

/**
 * True while a process that we can see holds flock(2) on the file: what proves that a daemon lives, whatever its pid is in
 * its own namespace. It looks without locking (proc_locks(5)): a lock of ours could be in the way of a daemon that starts.
 */
export function isLockHeld(path: string): boolean {
  try {
    const { ino } = statSync(path);
    const held = new RegExp(`FLOCK +ADVISORY +WRITE +\\d+ [0-9a-f]+:[0-9a-f]+:${ino} `);
    return held.test(readFileSync("/proc/locks", "latin1"));
  } catch {
    return false; // no such file: nobody ever locked it
  }
}
