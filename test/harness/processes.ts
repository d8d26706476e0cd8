import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Left {
  readonly pid: number;
  readonly command: string;
}

/** Returns true if the process exists and is not a zombie. */
export function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat[stat.lastIndexOf(")") + 2] !== "Z";
  } catch {
    return false; // the process does not exist
  }
}

/**
 * Returns the live processes that belong to a test's directory. A process belongs to it if the directory is in its environment,
 * if it contains the process's working directory, or if the process has an open file in it (a service's output goes to a FIFO
 * there). This process and its ancestors are excluded.
 */
export function processesOf(directory: string): Left[] {
  const own = ancestors();
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !own.has(pid) && alive(pid) && belongs(pid, directory))
    .map((pid) => ({ pid, command: readOr(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() }));
}

function belongs(pid: number, directory: string): boolean {
  if (readOr(`/proc/${pid}/environ`).includes(directory)) return true;
  const inside = (path: string): boolean => path === directory || path.startsWith(`${directory}/`);
  return inside(linkOr(`/proc/${pid}/cwd`)) || listOr(`/proc/${pid}/fd`).some((fd) => inside(linkOr(`/proc/${pid}/fd/${fd}`)));
}

function ancestors(): Set<number> {
  const own = new Set<number>();
  for (let pid = process.pid; pid > 1 && !own.has(pid);) {
    own.add(pid);
    const stat = readOr(`/proc/${pid}/stat`);
    pid = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0);
  }
  return own;
}

// A process may end during the scan. Its files in /proc then cannot be read any more, and it counts as having none.
const orElse = <T>(read: () => T, otherwise: T): T => {
  try {
    return read();
  } catch {
    return otherwise;
  }
};
const readOr = (path: string): string => orElse(() => readFileSync(path, "latin1"), "");
const linkOr = (path: string): string => orElse(() => readlinkSync(path), "");
const listOr = (path: string): string[] => orElse(() => readdirSync(path), []);
