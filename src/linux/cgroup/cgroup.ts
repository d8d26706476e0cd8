/**
 * Creates a cgroup (version 2) for every run. A process that is created in the cgroup stays there, even if it calls setsid, is
 * orphaned or clears its environment. The file limits.ts handles controllers.
 *
 * The groups are sub-groups of the daemon's cgroup: ROOT/UNIT.INVOCATION. A group that was killed as a whole is not used again,
 * because Linux 6.18 also kills processes that are created in it later. The run's next process gets a new group, UNIT.INVOCATION~2.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ptr } from "bun:ffi";
import { err, ok, type Result } from "../../base/result.ts";
import { withoutLeaf } from "./limits.ts";
import { cstring, libc, O, open } from "../ffi/libc.ts";
import type { ProcessStats } from "../proc/process-stats.ts";
import { groupsIn, read, readShort } from "./files.ts";

export interface CgroupOptions {
  /** Identifies the state directory. It consists of letters and digits. */
  readonly key: string;
  /** The root that an earlier daemon used. Its groups may still contain services. */
  readonly known: string | null;
}

/** The error says why no groups can be created. */
export function openCgroups({ key, known }: CgroupOptions): Result<Cgroups, string> {
  const name = `sup-${key}`;
  const own = ownDirectory();
  const roots = [known, own.ok ? join(own.value, name) : null].filter((root): root is string => root !== null && basename(root) === name);
  let problem = own.ok ? "" : own.error;
  for (const root of roots) {
    if (root !== known || existsSync(dirname(root))) problem = makeDirectory(root) ?? "";
    else continue;
    if (problem === "") return ok(new Cgroups(root));
  }
  return err(problem || "there is no directory in which they can be created");
}

interface Group {
  readonly unit: string;
  /** The name of the first group of the run. */
  readonly name: string;
  count: number;
  killed: boolean;
  /** Open descriptors of the files `cpu.stat` of the groups; it may have fewer entries than there are groups. */
  readonly cpuFiles: number[];
}

type CpuTimesReader = Pick<ProcessStats, "readCpuTimes">;
/** The CPU time of a group that cannot be read. */
const UNKNOWN = -1;

export class Cgroups {
  readonly root: string;
  /** The current group of each run, and the number of groups the run has had. */
  readonly #groups = new Map<string, Group>();
  /** The runs of each unit that have groups: usually one. */
  readonly #runsOf = new Map<string, Set<string>>();
  readonly #path: RegExp;
  #mayKeepFiles = false;
  /** The descriptor of `cpu.stat` of the root, or none. */
  readonly #rootFile: number[] = [];
  /** The last times of `cpuTimes`, and the time that the root had counted before they were read. */
  #lastTimes: { readonly rootUs: number; readonly byRun: ReadonlyMap<string, number | null> } = { rootUs: UNKNOWN, byRun: new Map() };
  #released: (invocation: string) => void = () => {};

  constructor(root: string) {
    this.root = root;
    this.#path = new RegExp(`^0::.*/${basename(root)}/([^/\n]+)\\.([^/.~\n]+)(~\\d+)?(/|$)`, "m");
    for (const name of groupsIn(root)) {
      const [, unit, invocation, again] = /^(.+)\.([^.~]+)(~\d+)?$/.exec(name) ?? [];
      if (unit === undefined || invocation === undefined) continue;
      const count = again === undefined ? 1 : Number(again.slice(1));
      if (count >= (this.#groups.get(invocation)?.count ?? 0))
        this.#add(invocation, { unit, name: `${unit}.${invocation}`, count, killed: true, cpuFiles: [] });
    }
  }

  /** Registers a callback that runs when the groups of a run have been removed. */
  onRelease(callback: (invocation: string) => void): void {
    this.#released = callback;
  }

  has(invocation: string): boolean {
    return this.#groups.has(invocation);
  }

  /** Returns the directory of the group for the run's next process, or null if none can be created (too many groups, no memory). */
  enter(unit: string, invocation: string): string | null {
    let group = this.#groups.get(invocation);
    if (group === undefined || group.killed) {
      group = { unit, name: `${unit}.${invocation}`, count: (group?.count ?? 0) + 1, killed: false, cpuFiles: group?.cpuFiles ?? [] };
      const directory = this.#directory(group.name, group.count);
      // Someone may have removed the root while it was empty.
      if (makeDirectory(directory) !== null && (makeDirectory(this.root) ?? makeDirectory(directory)) !== null) return null;
      this.#add(invocation, group);
    }
    return this.#directory(group.name, group.count);
  }

  /** Returns the directories of the run's groups that exist. */
  directoriesOf(invocation: string): string[] {
    return this.pathsOf(invocation).filter((path) => existsSync(path));
  }

  /** Returns the directories of the run's groups. Somebody may have removed some of them. */
  pathsOf(invocation: string): string[] {
    const group = this.#groups.get(invocation);
    return group === undefined ? [] : Array.from({ length: group.count }, (_, i) => this.#directory(group.name, i + 1));
  }

  /**
   * Returns the CPU time of the groups of each run in microseconds. The time is null if the run has no group, or if the kernel does
   * not count the time (before Linux 4.15). The counter of the root includes all groups. While it does not change, no group is read.
   */
  cpuTimes(invocations: readonly string[], reader: CpuTimesReader): ReadonlyArray<number | null> {
    const rootUs = this.#readRoot(reader);
    const { byRun } = this.#lastTimes;
    const isUnchanged = rootUs !== UNKNOWN && rootUs === this.#lastTimes.rootUs;
    if (isUnchanged && invocations.every((invocation) => byRun.has(invocation))) return invocations.map((one) => byRun.get(one)!);
    const times = this.#readGroups(invocations, reader);
    this.#lastTimes = { rootUs, byRun: new Map(invocations.map((invocation, i) => [invocation, times[i]!])) };
    return times;
  }

  #readRoot(reader: CpuTimesReader): number {
    const file = this.#rootFile[0] ?? open(join(this.root, "cpu.stat"), O.RDONLY);
    if (file < 0) return UNKNOWN;
    const us = reader.readCpuTimes([file])[0]!;
    this.#rootFile[0] = file;
    // Reading fails if the root was removed and made again.
    if (us === UNKNOWN || !this.#mayKeepFiles) closeAll(this.#rootFile);
    return us;
  }

  #readGroups(invocations: readonly string[], reader: CpuTimesReader): Array<number | null> {
    const files: number[] = [];
    const owners: number[] = [];
    const opened: number[] = [];
    for (const [owner, invocation] of invocations.entries()) {
      const group = this.#groups.get(invocation);
      for (let i = 0; i < (group?.count ?? 0); i++) {
        const file = group!.cpuFiles[i] ?? this.#openCpuFile(group!, i, opened);
        if (file >= 0) owners[files.push(file) - 1] = owner;
      }
    }
    const sums = new Array<number | null>(invocations.length).fill(null);
    for (const [i, us] of reader.readCpuTimes(files).entries()) if (us !== UNKNOWN) sums[owners[i]!] = (sums[owners[i]!] ?? 0) + us;
    closeAll(opened);
    return sums;
  }

  /** Opens `cpu.stat` of one group of a run. Adds the descriptor to `opened` if it is not kept. Returns a negative number on failure. */
  #openCpuFile({ name, cpuFiles }: Group, index: number, opened: number[]): number {
    const file = open(join(this.#directory(name, index + 1), "cpu.stat"), O.RDONLY);
    if (file >= 0) (index === cpuFiles.length && this.#mayKeepFiles ? cpuFiles : opened).push(file);
    return file;
  }

  /** Whether `cpuTimes` keeps files open, which makes it several times as fast. At first it does not. */
  keepFiles(mayKeep: boolean): void {
    this.#mayKeepFiles = mayKeep;
    if (mayKeep) return;
    closeAll(this.#rootFile);
    for (const { cpuFiles } of this.#groups.values()) closeAll(cpuFiles);
  }

  /**
   * Returns true if this process is the only one in the run's group. Sub-groups that the service created are not searched. Returns false
   * if the run has no group or several. One read of `cgroup.procs` takes a third of the time that /proc takes for the children of a single process.
   */
  isAlone(invocation: string, pid: number): boolean {
    const group = this.#groups.get(invocation);
    if (group?.count !== 1) return false;
    return readShort(`${this.#directory(group.name, 1)}/cgroup.procs`)?.toString("latin1") === `${pid}\n`;
  }

  /** Kills all processes in the run's groups. The kernel does this in one step, so no fork can escape (Linux 5.14). */
  kill(invocation: string): void {
    const group = this.#groups.get(invocation);
    if (group === undefined) return;
    group.killed = true;
    for (let i = 1; i <= group.count; i++) {
      try {
        writeFileSync(join(this.#directory(group.name, i), "cgroup.kill"), "1");
      } catch {
        // the group is gone or the kernel is older, so the caller's signals must suffice
      }
    }
  }

  /**
   * Returns the run whose group the process is in, or null if it is in none of our groups. Returns undefined if the process has
   * ended.
   */
  invocationOf(pid: number): string | null | undefined {
    try {
      return this.#path.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[2] ?? null;
    } catch {
      return undefined;
    }
  }

  /** Returns the unit and the run whose group the process is in, or null if it is in none of our groups or has ended. */
  runOf(pid: number): { readonly unit: string; readonly invocation: string } | null {
    try {
      const [, unit, invocation] = this.#path.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8")) ?? [];
      return unit === undefined || invocation === undefined ? null : { unit, invocation };
    } catch {
      return null;
    }
  }

  /** Removes the groups of a run without living processes. A group that is not empty stays. */
  release(invocation: string): void {
    const group = this.#groups.get(invocation);
    if (group === undefined) return;
    for (let i = 1; i <= group.count; i++) if (!removeTree(this.#directory(group.name, i))) return;
    closeAll(group.cpuFiles);
    this.#groups.delete(invocation);
    const runs = this.#runsOf.get(group.unit);
    runs?.delete(invocation);
    if (runs?.size === 0) this.#runsOf.delete(group.unit);
    this.#released(invocation);
  }

  /** Removes empty groups. Returns true if no group is left. */
  close(): boolean {
    this.keepFiles(false);
    for (const invocation of [...this.#groups.keys()]) this.release(invocation);
    return removeTree(this.root);
  }

  /**
   * Releases the groups of the unit's earlier runs. The group of the last run is still there if that run ended without a wait for its
   * processes, and a hook may have created a group after the release of its run. The kernel takes 0.1 ms to remove a group, so this is
   * called once the new process is being started.
   */
  releaseOtherRuns(unit: string, invocation: string): void {
    for (const other of [...(this.#runsOf.get(unit) ?? [])]) if (other !== invocation) this.release(other);
  }

  #add(invocation: string, group: Group): void {
    this.#groups.set(invocation, group);
    const runs = this.#runsOf.get(group.unit);
    if (runs) runs.add(invocation);
    else this.#runsOf.set(group.unit, new Set([invocation]));
  }

  #directory(name: string, count: number): string {
    return `${this.root}/${count === 1 ? name : `${name}~${count}`}`;
  }
}

function closeAll(files: number[]): void {
  for (const file of files.splice(0)) libc.close(file);
}

/** Returns the directory of this process's cgroup, if sub-groups may be created there. */
function ownDirectory(): Result<string, string> {
  const own = mountedDirectory();
  if (!own.ok) return own;
  const group = withoutLeaf(own.value.directory);
  // Systemd owns the cgroups that it manages and has not delegated: https://systemd.io/CGROUP_DELEGATION
  if (!own.value.isTop && existsSync("/run/systemd/system") && !isDelegated(group))
    return err("systemd has not delegated our cgroup (Delegate=yes)");
  return ok(group);
}

/** Returns the directory of this process's cgroup, even if systemd owns it. */
export function mountedDirectory(): Result<{ readonly directory: string; readonly isTop: boolean }, string> {
  const path = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup"))?.[1];
  // The fields of mountinfo are ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS … - TYPE SOURCE … (proc(5)).
  const mount = read("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" "))
    .find((fields) => fields[fields.indexOf("-") + 1] === "cgroup2");
  if (path === undefined || mount === undefined) return err("no cgroup v2 is mounted");
  const [root, point] = [mount[3]!, mount[4]!];
  const inside = root === "/" ? path : path === root ? "/" : path.startsWith(`${root}/`) ? path.slice(root.length) : null;
  if (inside === null || inside.startsWith("/..")) return err("our cgroup is outside of the mounted hierarchy");
  return ok({ directory: join(point, inside), isTop: withoutLeaf(path) === "/" });
}

export function isDelegated(directory: string): boolean {
  return hasDelegateMark(directory) || isDelegatedByUserManager(directory);
}

/** Asks systemctl, because a user's service manager (systemd 252) sets no mark on the directory. */
function isDelegatedByUserManager(directory: string): boolean {
  const unit = basename(directory);
  if (!/\/user@\d+\.service\//.test(directory) || !unit.endsWith(".service")) return false;
  const command = ["systemctl", "--user", "show", "--property=Delegate", "--value", "--", unit];
  try {
    return (
      Bun.spawnSync(command, { stdio: ["ignore", "pipe", "ignore"], timeout: MANAGER_MS })
        .stdout.toString()
        .trim() === "yes"
    );
  } catch {
    return false; // there is no systemctl, as in a container that sees the host's cgroup paths
  }
}

const MANAGER_MS = 3000;

function hasDelegateMark(directory: string): boolean {
  const path = cstring(directory);
  const value = Buffer.alloc(16);
  return ["user.delegate", "trusted.delegate"].some((name) => {
    const bytes = cstring(name);
    const length = Number(libc.getxattr(ptr(path), ptr(bytes), ptr(value), value.length));
    return length === 1 && value[0] === 0x31; // "1"
  });
}

/** Creates the directory if it is missing. Returns null, or the error. */
function makeDirectory(path: string): string | null {
  try {
    mkdirSync(path);
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return code === "EEXIST" ? null : `cannot make ${path}: ${code}`;
  }
}

/** Removes a group and the sub-groups that a service may have created in it. Returns false if a group is not empty. */
function removeTree(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return true;
    if (code !== "EBUSY") return false;
  }
  const inner = groupsIn(directory);
  if (inner.length === 0 || !inner.every((name) => removeTree(join(directory, name)))) return false;
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}
