/** What a process holds, asked for one by one: proc(5), /proc/PID/fd and /proc/PID/smaps_rollup. */
import { readdirSync, readFileSync, statSync } from "node:fs";

/** Descriptors that are open; null when it is not ours to know, or gone. Since Linux 6.2 the directory's size says it without a walk. */
export function openFiles(pid: number): number | null {
  const path = `/proc/${pid}/fd`;
  try {
    const { size } = statSync(path);
    return size > 0 ? size : readdirSync(path).length;
  } catch {
    return null;
  }
}

/** Its proportional share of memory, in KiB: pages that processes share are counted once over all of them. Null as above. */
export function proportionalKib(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    const found = /^Pss: +(\d+) kB$/m.exec(text);
    return found === null ? null : Number(found[1]);
  } catch {
    return null;
  }
}
