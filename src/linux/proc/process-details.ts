/** Reads the number of open descriptors and the memory of a process: proc(5), /proc/PID/fd and /proc/PID/smaps_rollup. */
import { readdirSync, readFileSync, statSync } from "node:fs";

/**
 * Returns the number of open descriptors, or null if the process has ended or we lack permission. Linux 6.2 and later report the
 * number as the size of the directory.
 */
export function openFiles(pid: number): number | null {
  const path = `/proc/${pid}/fd`;
  try {
    const { size } = statSync(path);
    return size > 0 ? size : readdirSync(path).length;
  } catch {
    return null;
  }
}

/**
 * Returns the proportional set size (PSS) in KiB. A page counts in equal parts for the processes that share it. Returns null
 * if the process has ended or we lack permission.
 */
export function proportionalKib(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    const found = /^Pss: +(\d+) kB$/m.exec(text);
    return found === null ? null : Number(found[1]);
  } catch {
    return null;
  }
}
