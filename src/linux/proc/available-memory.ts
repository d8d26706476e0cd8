/**
 * Determines how much more memory this process can get: the memory that the kernel can provide without swapping, within the
 * limits of the process's cgroups.
 */
import { readFileSync } from "node:fs";

const MIB = 1024 * 1024;

/** Returns the available memory in MiB, or null if it is unknown. `root` is a prefix of all paths, for tests. */
export function availableMib(root = ""): number | null {
  const bytes = [machine(root), ...cgroups(root)].filter((value) => value !== null);
  return bytes.length === 0 ? null : Math.max(0, Math.min(...bytes)) / MIB;
}

function machine(root: string): number | null {
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(read(`${root}/proc/meminfo`) ?? "")?.[1];
  return kib === undefined ? null : Number(kib) * 1024;
}

/**
 * Returns the free memory, in bytes, of our cgroup (version 2) and of each ancestor, or null for a group without a limit. Inactive
 * page cache counts as free.
 */
function cgroups(root: string): Array<number | null> {
  const own = /^0::(\/.*)$/m.exec(read(`${root}/proc/self/cgroup`) ?? "")?.[1];
  if (own === undefined) return [];
  const parts = own.split("/").filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, depth) => {
    const directory = [`${root}/sys/fs/cgroup`, ...parts.slice(0, depth)].join("/");
    const [most, used] = [read(`${directory}/memory.max`), read(`${directory}/memory.current`)].map(Number);
    const idle = Number(/^inactive_file (\d+)$/m.exec(read(`${directory}/memory.stat`) ?? "")?.[1] ?? 0);
    return most! > 0 && used! >= 0 ? most! - used! + idle : null; // neither `max` (NaN) nor a missing file (0) is above 0
  });
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // the group or its memory controller does not exist
  }
}
