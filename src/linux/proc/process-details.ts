/** Descriptors and memory of one process: proc(5), /proc/PID/fd and /proc/PID/smaps_rollup. */
import { readdirSync, readFileSync, statSync } from "node:fs";

/**
 * The number of open descriptors; null when the process has ended or we lack permission. Linux 6.2 and later report it as the
 * size of the directory.
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

/** The proportional set size in KiB: shared pages are divided among the processes that share them. Null as above. */
export function proportionalKib(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    const found = /^Pss: +(\d+) kB$/m.exec(text);
    return found === null ? null : Number(found[1]);
  } catch {
    return null;
  }
}
