/**
 * CPU time by the controller cpuacct of cgroup v1 (Linux, Documentation/admin-guide/cgroup-v1/cpuacct.rst). sup makes no groups of v1. A
 * unit has one of its own if its command or its surroundings put it there, for example with cgexec(1).
 */
import { join } from "node:path";
import type { TreeOf } from "../../ports/processes.ts";
import { environmentVariable, isAlive, readStat } from "../proc/proc.ts";
import { groupsIn, read } from "./files.ts";

export interface CpuAcctReading {
  /** The directory of the group. Times of different groups cannot be compared. */
  readonly group: string;
  /** CPU time in microseconds of all processes that were ever in the group or in one below it. */
  readonly us: number;
}

/** Maximum number of groups below a unit's group; with more, the time of its processes is used. */
const MOST_GROUPS = 64;

export class CpuAcct {
  readonly #mount: { readonly root: string; readonly point: string } | null;
  readonly #own: string | null;

  constructor() {
    this.#mount = mountOf(read("/proc/self/mountinfo"));
    this.#own = this.#mount === null ? null : groupOf("self");
  }

  /**
   * Returns the reading of the group that the processes of a run have for themselves: all are in it or below, and no others. Returns
   * null if there is no such group. `pids` may be a moment old: processes that have ended since then, and new children, do not matter.
   */
  read({ main, invocation }: TreeOf, pids: ReadonlySet<number>): CpuAcctReading | null {
    if (this.#mount === null) return null;
    const path = groupOf(String(main.pid));
    if (path === null || path === "/" || path === this.#own) return null;
    const directory = directoryOf(this.#mount, path);
    if (directory === null) return null;
    const inside = pidsIn(directory);
    if (
      inside === null ||
      [...inside].some((pid) => !isOf(pid, pids, invocation)) ||
      [...pids].some((pid) => !inside.has(pid) && lives(pid))
    )
      return null;
    const nanoseconds = Number.parseInt(read(join(directory, "cpuacct.usage")), 10);
    return Number.isNaN(nanoseconds) ? null : { group: directory, us: nanoseconds / 1000 };
  }
}

/** True if the process is one of these, descends from one, carries the mark of the run, or has ended. */
function isOf(pid: number, pids: ReadonlySet<number>, invocation: string): boolean {
  for (let one = pid; one > 1 && one !== process.pid; one = readStat(one)?.parent ?? 0) if (pids.has(one)) return true;
  return environmentVariable(pid, "SUP_INVOCATION_ID") === invocation || !lives(pid);
}

function lives(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== null && isAlive(stat);
}

/** The fields of mountinfo are ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS … - TYPE SOURCE SUPEROPTIONS (proc(5)). */
function mountOf(mountinfo: string): { readonly root: string; readonly point: string } | null {
  for (const line of mountinfo.split("\n")) {
    const fields = line.split(" ");
    const end = fields.indexOf("-");
    if (fields[end + 1] !== "cgroup" || !fields[end + 3]?.split(",").includes("cpuacct")) continue;
    return { root: fields[3]!, point: fields[4]! };
  }
  return null;
}

const groupOf = (pid: string): string | null =>
  /^\d+:(?:[^:]*,)?cpuacct(?:,[^:]*)?:(\/.*)$/m.exec(read(`/proc/${pid}/cgroup`))?.[1] ?? null;

function directoryOf({ root, point }: { readonly root: string; readonly point: string }, path: string): string | null {
  if (root === "/") return join(point, path);
  return path.startsWith(`${root}/`) ? join(point, path.slice(root.length)) : null;
}

/** Returns the processes in the group and in those below it, or null if there are too many groups. */
function pidsIn(directory: string): Set<number> | null {
  const found = new Set<number>();
  const groups = [directory];
  for (const group of groups) {
    if (groups.length > MOST_GROUPS) return null;
    for (const pid of read(join(group, "cgroup.procs")).split("\n")) if (pid !== "") found.add(Number(pid));
    groups.push(...groupsIn(group).map((name) => join(group, name)));
  }
  return found;
}
