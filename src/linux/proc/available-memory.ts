/** How much more memory the machine has for us: what the kernel would give without swapping, under the limits of our cgroups. */
import { readFileSync } from "node:fs";

const MIB = 1024 * 1024;

/** MiB; null when it cannot be told. */
export function availableMib(root = ""): number | null {
  const bytes = [machine(root), ...cgroups(root)].filter((value) => value !== null);
  return bytes.length === 0 ? null : Math.max(0, Math.min(...bytes)) / MIB;
}

function machine(root: string): number | null {
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(read(`${root}/proc/meminfo`) ?? "")?.[1];
  return kib === undefined ? null : Number(kib) * 1024;
}

/** Of our own group (version 2) and each above it that has a limit. Cache that is not in use is as good as free. */
function cgroups(root: string): Array<number | null> {
  const own = /^0::(\/.*)$/m.exec(read(`${root}/proc/self/cgroup`) ?? "")?.[1];
  if (own === undefined) return [];
  const parts = own.split("/").filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, depth) => {
    const directory = [`${root}/sys/fs/cgroup`, ...parts.slice(0, depth)].join("/");
    const [most, used] = [read(`${directory}/memory.max`), read(`${directory}/memory.current`)].map(Number);
    const idle = Number(/^inactive_file (\d+)$/m.exec(read(`${directory}/memory.stat`) ?? "")?.[1] ?? 0);
    return most! > 0 && used! >= 0 ? most! - used! + idle : null; // "max" and a file that is not there are no numbers
  });
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // no such group, or no such controller
  }
}
