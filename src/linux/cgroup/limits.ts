/**
 * The kernel holds runs to their limits: memory.max, cpu.max and pids.max of their cgroups (cgroup v2; Linux,
 * Documentation/admin-guide/cgroup-v2.rst). That takes controllers, which a group hands on to those below it. A group that
 * does so may hold no processes itself, and ours holds the daemon: so it moves into a leaf of its own, but only once a unit asks
 * for this. What cannot be had is answered as a reason, and others do without.
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { CgroupLimits } from "../../ports/processes.ts";

type Bound = keyof CgroupLimits;
/** Why the kernel does not hold the run to it; null: it does. */
type Problems = Record<Bound, string | null>;

interface Run {
  readonly bounds: CgroupLimits;
  readonly problems: Readonly<Problems>;
  readonly directories: ReadonlySet<string>;
}

const CONTROLLER: Readonly<Record<Bound, string>> = { memory: "memory", cpu: "cpu", tasks: "pids" };
const ALL: readonly Bound[] = ["memory", "cpu", "tasks"];
const FREE: CgroupLimits = { memory: null, cpu: null, tasks: null };
const isSame = (a: CgroupLimits, b: CgroupLimits): boolean => ALL.every((bound) => a[bound] === b[bound]);

/** CPU time in so many microseconds, as the kernel has it by itself. */
const PERIOD_US = 100_000;
/** The kernel takes no smaller share. */
const LEAST_QUOTA_US = 1000;

export interface CgroupLimiterOptions {
  /** The directory that groups of runs are made in; its parent is ours. */
  readonly root: string;
  readonly write?: (path: string, text: string) => void;
  readonly pid?: number;
}

export class CgroupLimiter {
  readonly #root: string;
  readonly #own: string;
  readonly #leaf: string;
  readonly #pid: number;
  readonly #write: (path: string, text: string) => void;
  /** Those that were bound. */
  readonly #runs = new Map<string, Run>();
  /** Why a controller could not be handed on when that was last tried. */
  readonly #refused = new Map<Bound, string>();
  /** Controllers that our group handed on only because of us. */
  readonly #ours = new Set<Bound>();

  constructor({ root, write = writeFileSync, pid = process.pid }: CgroupLimiterOptions) {
    this.#root = root;
    this.#own = dirname(root);
    this.#leaf = `${root}${LEAF}`;
    this.#write = write;
    this.#pid = pid;
  }

  /** A process is about to be born in this group of the run. No bounds: those that the run has. */
  enter(invocation: string, directory: string, bounds: CgroupLimits | null | undefined): void {
    const run = this.#runs.get(invocation);
    if (bounds === undefined && run === undefined) return;
    this.bind(invocation, [...(run?.directories ?? []), directory], bounds === undefined ? run!.bounds : bounds);
  }

  /** Sets the limits of the groups of a run, also anew. One that has none is left as it was. */
  bind(invocation: string, directories: readonly string[], bounds: CgroupLimits | null): void {
    const known = this.#runs.get(invocation);
    const wanted = bounds ?? FREE;
    if (known === undefined && bounds === null) return;
    if (known !== undefined && isSame(known.bounds, wanted) && directories.every((one) => known.directories.has(one))) return;
    const problems: Problems = { memory: null, cpu: null, tasks: null };
    const there = [...new Set(directories)].filter((directory) => existsSync(directory));
    for (const bound of ALL) {
      if (wanted[bound] === null && !this.#isHandedOn(bound)) continue;
      problems[bound] = this.#handOn(bound) ?? firstProblem(there.map((directory) => this.#limit(directory, bound, wanted[bound])));
    }
    this.#runs.set(invocation, { bounds: wanted, problems, directories: new Set(there) });
  }

  /** Null: the kernel holds the run to it. Otherwise why not; for a run that is not bound, why it could not be. */
  unheld(invocation: string | null, bound: Bound): string | null {
    const run = invocation === null ? undefined : this.#runs.get(invocation);
    return run === undefined ? (this.#missing(bound) ?? this.#refused.get(bound) ?? null) : run.problems[bound];
  }

  forget(invocation: string): void {
    this.#runs.delete(invocation);
  }

  /** Nothing of ours is left below: our own group is as it was. */
  close(): void {
    for (const bound of this.#ours) this.#try(subtree(this.#own), `-${CONTROLLER[bound]}`);
    for (const pid of words(join(this.#leaf, "cgroup.procs"))) this.#try(join(this.#own, "cgroup.procs"), pid);
    try {
      rmdirSync(this.#leaf);
    } catch {
      // it was never made, or the controllers of our group are somebody else's
    }
  }

  #missing(bound: Bound): string | null {
    const controller = CONTROLLER[bound];
    return words(join(this.#own, "cgroup.controllers")).includes(controller)
      ? null
      : `there is no ${controller} controller of cgroup v2 in ${this.#own}`;
  }

  #isHandedOn(bound: Bound): boolean {
    return words(subtree(this.#root)).includes(CONTROLLER[bound]);
  }

  /** From our group to the root of the runs, and from there to each run. */
  #handOn(bound: Bound): string | null {
    if (this.#isHandedOn(bound)) return null;
    const problem = this.#missing(bound) ?? this.#order(bound);
    if (problem === null) this.#refused.delete(bound);
    else this.#refused.set(bound, problem);
    return problem;
  }

  #order(bound: Bound): string | null {
    const order = `+${CONTROLLER[bound]}`;
    const was = words(subtree(this.#own)).includes(CONTROLLER[bound]);
    // Asked for cpu or pids first, the kernel does not refuse while we are in there: it makes a threaded domain of our group,
    // and the groups below take no processes ("domain invalid"). The real root, which has no type, may do both.
    const strangers = existsSync(join(this.#own, "cgroup.type")) ? this.#vacate() : [];
    if (strangers.length > 0)
      return `cannot hand on the ${CONTROLLER[bound]} controller of ${this.#own}: other processes are in that group (${strangers.slice(0, 5).join(", ")})`;
    let problem = this.#try(subtree(this.#own), order);
    if (problem === null && !was) this.#ours.add(bound);
    problem ??= this.#try(subtree(this.#root), order);
    return problem === null ? null : `cannot hand on the ${CONTROLLER[bound]} controller of ${this.#own}: ${problem}`;
  }

  /** Out of our group with everything that is this program, the keeper too; stays when that would not empty it. */
  #vacate(): number[] {
    const program = executable(this.#pid);
    const pids = words(join(this.#own, "cgroup.procs")).map(Number);
    const strangers = pids.filter((pid) => pid !== this.#pid && (program === null || executable(pid) !== program));
    if (pids.length === 0 || strangers.length > 0) return strangers;
    try {
      mkdirSync(this.#leaf, { recursive: true });
    } catch {
      return []; // what follows is refused, and says so
    }
    for (const pid of pids) this.#try(join(this.#leaf, "cgroup.procs"), String(pid));
    return [];
  }

  #limit(directory: string, bound: Bound, value: number | null): string | null {
    return firstProblem(
      settings(bound, value).map(([name, text]) => {
        const problem = this.#try(join(directory, name), text);
        return problem === null ? null : `cannot write ${join(directory, name)}: ${problem}`;
      }),
    );
  }

  /** Null, or the error's code. */
  #try(path: string, text: string): string | null {
    try {
      this.#write(path, text);
      return null;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }
}

const LEAF = ".daemon";

/** A daemon that has moved into its leaf is at home one above. */
export const homeOf = (directory: string): string => (/^sup-[^/]+\.daemon$/.test(basename(directory)) ? dirname(directory) : directory);

/**
 * Files and what they are to hold. Not memory.high: what cannot give memory back stalls between that line and the limit for
 * minutes, neither served nor restarted.
 */
function settings(bound: Bound, value: number | null): ReadonlyArray<readonly [name: string, text: string]> {
  if (bound === "tasks") return [["pids.max", value === null ? "max" : String(value)]];
  if (bound === "cpu") {
    const quota = value === null ? "max" : Math.max(LEAST_QUOTA_US, Math.round((value / 100) * PERIOD_US));
    return [["cpu.max", `${quota} ${PERIOD_US}`]];
  }
  return [
    ["memory.oom.group", value === null ? "0" : "1"],
    ["memory.max", value === null ? "max" : String(Math.round(value * 1024 * 1024))],
  ];
}

const subtree = (directory: string): string => join(directory, "cgroup.subtree_control");
const firstProblem = (problems: ReadonlyArray<string | null>): string | null => problems.find((problem) => problem !== null) ?? null;

function executable(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ""); // an upgrade has put another in its place
  } catch {
    return null;
  }
}

function words(path: string): string[] {
  return read(path).split(/\s+/).filter(Boolean);
}

function read(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, "latin1") : "";
  } catch {
    return "";
  }
}
