import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Returns true if a visible process holds flock(2) on the file or, because somebody may have deleted the file, on its directory. This
 * proves that a daemon is alive, even one in another pid namespace. The function reads proc_locks(5) and never locks, because even a
 * short lock could make the start of a daemon fail.
 */
export function isLockHeld(path: string): boolean {
  try {
    const inodes = [path, dirname(path)].flatMap((one) => statSync(one, { throwIfNoEntry: false })?.ino ?? []);
    const held = new RegExp(`FLOCK +ADVISORY +WRITE +\\d+ [0-9a-f]+:[0-9a-f]+:(${inodes.join("|")}) `);
    return inodes.length > 0 && held.test(readFileSync("/proc/locks", "latin1"));
  } catch {
    return false; // the directory cannot be read, so no daemon of this user locked it
  }
}
