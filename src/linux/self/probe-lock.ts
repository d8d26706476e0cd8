import { readFileSync, statSync } from "node:fs";

/**
 * True while a visible process holds flock(2) on the file. This proves that a daemon is alive, whatever its pid is in its own
 * namespace. It reads proc_locks(5) and never locks: even a short lock could make the start of a daemon fail.
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
