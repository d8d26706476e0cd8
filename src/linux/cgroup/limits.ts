/**
 * Lets the kernel enforce the limits of runs: memory.max, cpu.max and pids.max of their cgroups (cgroup v2; Linux,
 * Documentation/admin-guide/cgroup-v2.rst). A limit needs its controller, and a group enables controllers for its sub-groups. A
 * group that enables controllers may not contain processes, but our own group contains the daemon. So the daemon moves into a
 * leaf group as soon as a unit has such a limit. If a controller cannot be enabled, the limiter returns the reason, and the other
 * limits still apply.
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { CgroupLimits } from "../../ports/processes.ts";

type LimitName = keyof CgroupLimits;
/** For each limit the reason why the kernel does not enforce it, or null if it does. */
type Problems = Record<LimitName, string | null>;

interface Run {
  readonly limits: CgroupLimits;
  readonly problems: Readonly<Problems>;
  readonly directories: ReadonlySet<string>;
}

const CONTROLLER: Readonly<Record<LimitName, string>> = { memory: "memory", cpu: "cpu", tasks: "pids" };
const ALL: readonly LimitName[] = ["memory", "cpu", "tasks"];
const UNLIMITED: CgroupLimits = { memory: null, cpu: null, tasks: null };
const isSame = (a: CgroupLimits, b: CgroupLimits): boolean => ALL.every((name) => a[name] === b[name]);

/** The period of cpu.max in microseconds. This is the kernel's default. */
const PERIOD_US = 100_000;
/** The smallest quota that the kernel accepts, in microseconds. */
const MIN_QUOTA_US = 1000;

export interface CgroupLimiterOptions {
  /** The directory that contains the groups of runs. Its parent is our own group. */
  readonly root: string;
  readonly write?: (path: string, value: string) => void;
  readonly pid?: number;
}

export class CgroupLimiter {
  readonly #root: string;
  readonly #own: string;
  readonly #leaf: string;
  readonly #pid: number;
  readonly #write: (path: string, value: string) => void;
  /** The runs that have limits or once had them. */
  readonly #runs = new Map<string, Run>();
  /** Why the last attempt to enable a controller failed. */
  readonly #refused = new Map<LimitName, string>();
  /** Controllers that this daemon enabled in our own group. */
  readonly #enabledByUs = new Set<LimitName>();

  constructor({ root, write = writeFileSync, pid = process.pid }: CgroupLimiterOptions) {
    this.#root = root;
    this.#own = dirname(root);
    this.#leaf = `${root}${LEAF}`;
    this.#write = write;
    this.#pid = pid;
  }

  /** Prepares a group of the run for a new process. If `limits` is undefined, the run's present limits apply. */
  addGroup(invocation: string, directory: string, limits: CgroupLimits | null | undefined): void {
    const run = this.#runs.get(invocation);
    if (limits === undefined && run === undefined) return;
    this.setLimits(invocation, [...(run?.directories ?? []), directory], limits === undefined ? run!.limits : limits);
  }

  /** Sets or changes the limits of a run's groups. If `limits` is null, removes the limits; if the run never had any, nothing is written. */
  setLimits(invocation: string, directories: readonly string[], limits: CgroupLimits | null): void {
    const known = this.#runs.get(invocation);
    const wanted = limits ?? UNLIMITED;
    if (known === undefined && limits === null) return;
    if (known !== undefined && isSame(known.limits, wanted) && directories.every((one) => known.directories.has(one))) return;
    const problems: Problems = { memory: null, cpu: null, tasks: null };
    const existing = [...new Set(directories)].filter((directory) => existsSync(directory));
    for (const name of ALL) {
      if (wanted[name] === null && !this.#isEnabled(name)) continue;
      problems[name] = this.#enable(name) ?? firstProblem(existing.map((directory) => this.#writeLimit(directory, name, wanted[name])));
    }
    this.#runs.set(invocation, { limits: wanted, problems, directories: new Set(existing) });
  }

  /** Returns true if the run has limits or once had them. */
  isLimited(invocation: string): boolean {
    return this.#runs.has(invocation);
  }

  /**
   * Returns null if the kernel enforces this limit of the run, otherwise the reason why it does not. For a run without limits,
   * returns the reason why the kernel could not enforce one.
   */
  whyNotEnforced(invocation: string | null, name: LimitName): string | null {
    const run = invocation === null ? undefined : this.#runs.get(invocation);
    return run === undefined ? (this.#whyMissing(name) ?? this.#refused.get(name) ?? null) : run.problems[name];
  }

  forget(invocation: string): void {
    this.#runs.delete(invocation);
  }

  /** Restores our own group. Call it when no groups of runs are left. */
  close(): void {
    for (const name of this.#enabledByUs) this.#try(subtree(this.#own), `-${CONTROLLER[name]}`);
    for (const pid of words(join(this.#leaf, "cgroup.procs"))) this.#try(join(this.#own, "cgroup.procs"), pid);
    try {
      rmdirSync(this.#leaf);
    } catch {
      // the leaf was never created, or controllers that others enabled keep the daemon in it
    }
  }

  #whyMissing(name: LimitName): string | null {
    const controller = CONTROLLER[name];
    return words(join(this.#own, "cgroup.controllers")).includes(controller)
      ? null
      : `there is no ${controller} controller of cgroup v2 in ${this.#own}`;
  }

  /** Returns true if the groups of runs have the controller. */
  #isEnabled(name: LimitName): boolean {
    return words(subtree(this.#root)).includes(CONTROLLER[name]);
  }

  /** Enables the controller for the groups of runs. Returns null, or why that is impossible. */
  #enable(name: LimitName): string | null {
    if (this.#isEnabled(name)) return null;
    const problem = this.#whyMissing(name) ?? this.#enableFromOwn(name);
    if (problem === null) this.#refused.delete(name);
    else this.#refused.set(name, problem);
    return problem;
  }

  /** Enables the controller in our own group for the root of the runs, and in that root for the groups of the runs. */
  #enableFromOwn(name: LimitName): string | null {
    const failed = `cannot enable the ${CONTROLLER[name]} controller in ${this.#own}`;
    const wasEnabled = words(subtree(this.#own)).includes(CONTROLLER[name]);
    // If the daemon is in our own group, the kernel does not refuse to enable cpu or pids. Instead it turns the group into a
    // threaded domain, whose sub-groups admit no processes ("domain invalid"). So the daemon moves out first. The real root has
    // no type, and may both contain processes and enable controllers.
    const others = existsSync(join(this.#own, "cgroup.type")) ? this.#moveToLeaf() : [];
    if (others.length > 0) return `${failed}: other processes are in that group (${others.slice(0, 5).join(", ")})`;
    let problem = this.#try(subtree(this.#own), `+${CONTROLLER[name]}`);
    if (problem === null && !wasEnabled) this.#enabledByUs.add(name);
    problem ??= this.#try(subtree(this.#root), `+${CONTROLLER[name]}`);
    return problem === null ? null : `${failed}: ${problem}`;
  }

  /**
   * Moves all processes of this program, including the keeper, out of our own group. If the group contains processes of other
   * programs, it would not become empty. In that case, moves nothing and returns those processes.
   */
  #moveToLeaf(): number[] {
    const program = executable(this.#pid);
    const pids = words(join(this.#own, "cgroup.procs")).map(Number);
    const others = pids.filter((pid) => pid !== this.#pid && (program === null || executable(pid) !== program));
    if (pids.length === 0 || others.length > 0) return others;
    try {
      mkdirSync(this.#leaf, { recursive: true });
    } catch {
      return []; // enabling the controller fails next and reports the error
    }
    for (const pid of pids) this.#try(join(this.#leaf, "cgroup.procs"), String(pid));
    return [];
  }

  #writeLimit(directory: string, name: LimitName, limit: number | null): string | null {
    return firstProblem(
      settings(name, limit).map(([file, value]) => {
        const problem = this.#try(join(directory, file), value);
        return problem === null ? null : `cannot write ${join(directory, file)}: ${problem}`;
      }),
    );
  }

  /** Writes a file. Returns null, or the error's code. */
  #try(path: string, value: string): string | null {
    try {
      this.#write(path, value);
      return null;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }
}

const LEAF = ".daemon";

/** Returns the group that sup uses. If `directory` is the leaf into which a daemon has moved, this is the parent of the leaf. */
export const withoutLeaf = (directory: string): string =>
  /^sup-[^/]+\.daemon$/.test(basename(directory)) ? dirname(directory) : directory;

/**
 * Returns the files to write and their contents. memory.high is not used: between memory.high and memory.max, a program that cannot
 * free memory stalls for minutes. During that time it does no work, and it is not restarted either.
 */
function settings(name: LimitName, limit: number | null): ReadonlyArray<readonly [file: string, value: string]> {
  if (name === "tasks") return [["pids.max", limit === null ? "max" : String(limit)]];
  if (name === "cpu") {
    const quota = limit === null ? "max" : Math.max(MIN_QUOTA_US, Math.round((limit / 100) * PERIOD_US));
    return [["cpu.max", `${quota} ${PERIOD_US}`]];
  }
  return [
    ["memory.oom.group", limit === null ? "0" : "1"],
    ["memory.max", limit === null ? "max" : String(Math.round(limit * 1024 * 1024))],
  ];
}

const subtree = (directory: string): string => join(directory, "cgroup.subtree_control");
const firstProblem = (problems: ReadonlyArray<string | null>): string | null => problems.find((problem) => problem !== null) ?? null;

function executable(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ""); // the suffix means that an upgrade replaced the file
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
