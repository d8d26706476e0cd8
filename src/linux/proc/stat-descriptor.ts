import { openSync } from "node:fs";

/**
 * Opens /proc/PID/stat and returns a descriptor, or null if the process has ended or cannot be read. The descriptor stays bound
 * to this process: once the process has ended, reading fails with ESRCH, even if another process gets the same pid.
 */
export function openStat(pid: number): number | null {
  try {
    return openSync(`/proc/${pid}/stat`, "r");
  } catch {
    return null;
  }
}
