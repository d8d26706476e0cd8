import { openSync } from "node:fs";

/**
 * A descriptor of /proc/PID/stat; null when the process is gone or cannot be read. It stays with this process: reading it
 * fails with ESRCH once the process has ended, also when another one gets the same pid.
 */
export function openStat(pid: number): number | null {
  try {
    return openSync(`/proc/${pid}/stat`, "r");
  } catch {
    return null;
  }
}
