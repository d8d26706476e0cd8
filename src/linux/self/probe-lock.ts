import { readFileSync, statSync } from "node:fs";

/**
 * Returns true if a visible process holds flock(2) on the file. This proves that a daemon is alive, even one in another pid
 * namespace. The function reads proc_locks(5) and never locks the file, because even a short lock could make the start of a daemon
 * fail.
 */
export function isLockHeld(path: string): boolean {
  try {
    const { ino } = statSync(path);
    const held = new RegExp(`FLOCK +ADVISORY +WRITE +\\d+ [0-9a-f]+:[0-9a-f]+:${ino} `);
    return held.test(readFileSync("/proc/locks", "latin1"));
  } catch {
    return false; // no such file, so no daemon ever locked it
  }
}
