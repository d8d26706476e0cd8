/** Implements ports/processes.ts: starts, watches, adopts and signals processes, and handles whole process trees. */
import { checkedInvocation } from "../../base/check-mark.ts";
import type { Exit } from "../../base/exit.ts";
import { err, type Result } from "../../base/result.ts";
import { SIGNALS } from "../../base/signals.ts";
import type { Containment, KillMode } from "../../base/words.ts";
import type { Keeper } from "../../ports/keeper.ts";
import type {
  CgroupLimits,
  FoundRun,
  PendingStart,
  Processes,
  ProcessRef,
  SpawnRequest,
  SpawnResult,
  Survivor,
  TreeOf,
} from "../../ports/processes.ts";
import { bootId, clockTicks } from "../proc/boot.ts";
import { CgroupLimiter } from "../cgroup/limits.ts";
import type { Cgroups } from "../cgroup/cgroup.ts";
import { ExitWatcher } from "./exit-watcher.ts";
import type { Epoll } from "../io/epoll.ts";
import { noKeeper } from "../keeper/keeper.ts";
import { libc } from "../ffi/libc.ts";
import { OomKills } from "../cgroup/oom-kills.ts";
import { pidfdSignal, signalProcess } from "./pidfd.ts";
import { compileProcessStats, type ProcessStats } from "../proc/process-stats.ts";
import { environmentVariable, isAlive, isExecuting, listPids, readStat, type Stat } from "../proc/proc.ts";
import { Spawner } from "../spawn/spawner.ts";
import { becomeSubreaper, reapOrphans } from "./orphan-reaper.ts";
import { TreeControl } from "./tree-control.ts";

export interface ProcessTable extends Processes {
  /**
   * Finds the living processes of all trees in one scan, keyed as in `trees`. `trees` must contain every tree, because later
   * scans skip for a while the processes that belong to no tree. A tree can be omitted if its processes have not run since
   * the last scan; `unchanged` must then contain them.
   */
  scanTrees<K>(trees: Iterable<readonly [K, TreeOf]>, unchanged?: ReadonlySet<number>): ReadonlyMap<K, readonly Stat[]>;
  /**
   * Returns the CPU time in microseconds that the cgroups of each run have counted, including that of processes that have ended. The
   * time is null if the run has no cgroup.
   */
  cgroupCpuTimes(invocations: readonly string[]): ReadonlyArray<number | null>;
  /** Returns the number of open descriptors of each process, or null for those that have ended or that we may not inspect. */
  countDescriptors(pids: readonly number[]): ReadonlyArray<number | null>;
  /** Returns the living processes of one tree. */
  treeStats(tree: TreeOf): readonly Stat[];
  /**
   * False if the kernel refused to make this process a subreaper. In that case only a scan of /proc finds processes that
   * daemonise, and init reaps them.
   */
  readonly subreaper: boolean;
  /** Why runs have no cgroups, or null if they have them. */
  readonly containmentNote: string | null;
  /** The pid of the spawn server. It is null after the server was killed, until the next start creates another one. */
  readonly spawnServer: number | null;
  /** Aborts all starts that are in progress, and reports them as failed. */
  abortStarts(): void;
  /** Stops watching and reaping. The processes keep running, except those that are still being set up. */
  close(): void;
}

export interface ProcessesOptions {
  readonly epoll: Epoll;
  /** Called after an orphan has ended and was reaped. */
  readonly onOrphanReaped?: (pid: number, exit: Exit) => void;
  /** Creates the cgroups of runs. If it is an error, runs have no cgroups, and `containmentNote` is that error. */
  readonly cgroups?: Result<Cgroups, string>;
  /** Holds pidfds, so that the next daemon learns how processes ended. */
  readonly keeper?: Keeper;
  /** A private directory for compiling C; by default, the system's temporary directory. */
  readonly scratch?: string;
  /** How long a start may take until it counts as failed; default: 10 seconds. */
  readonly startDeadlineMs?: number;
}

/** Makes this process a subreaper. Throws if this machine cannot start processes at all. */
export function openProcesses(options: ProcessesOptions): ProcessTable {
  return new LinuxProcesses(options);
}

const ESRCH = 3;
const RETRY_MS = 500;
/** The time in milliseconds that `findRuns` waits for a process in the middle of exec. */
const EXEC_MS = 20;

class LinuxProcesses implements ProcessTable {
  readonly subreaper = becomeSubreaper();
  readonly #spawner: Spawner;
  readonly #exits: ExitWatcher;
  readonly #trees: TreeControl;
  readonly #stopReaping: () => void;
  readonly #cgroups: Cgroups | null;
  readonly #limiter: CgroupLimiter | null;
  readonly #oom = new OomKills();
  readonly #stats: ProcessStats;
  readonly containmentNote: string | null;

  constructor(options: ProcessesOptions) {
    const { epoll, onOrphanReaped, cgroups = err("cgroups are not requested"), keeper = noKeeper, scratch, startDeadlineMs } = options;
    this.#exits = new ExitWatcher(epoll, keeper);
    this.#stats = compileProcessStats(scratch);
    this.#spawner = new Spawner({ epoll, exits: this.#exits, scratch, deadlineMs: startDeadlineMs });
    const problem = cgroups.ok ? this.#spawner.testCgroup(cgroups.value.root) : cgroups.error;
    this.containmentNote = problem;
    this.#cgroups = cgroups.ok && problem === null ? cgroups.value : null;
    this.#limiter = this.#cgroups === null ? null : new CgroupLimiter({ root: this.#cgroups.root });
    this.#cgroups?.onRelease((invocation) => this.#limiter?.forget(invocation));
    const isHelper = (pid: number): boolean => pid === keeper.pid; // the spawn server is watched
    const { subreaper } = this;
    this.#trees = new TreeControl({ epoll, exits: this.#exits, isHelper, subreaper, cgroups: this.#cgroups, stats: this.#stats });
    this.#stopReaping = reapOrphans({
      isAwaited: (pid) => this.#exits.has(pid) || this.#spawner.isStarting(pid),
      onReaped: onOrphanReaped,
    });
  }

  get spawnServer(): number | null {
    return this.#spawner.serverPid;
  }

  spawn(request: SpawnRequest, onStarted: (result: SpawnResult) => void, onExit: (exit: Exit) => void): PendingStart {
    const { SUP_INVOCATION_ID: invocation = "" } = request.env;
    const group = this.#enterCgroup(request);
    const start = this.#spawner.start(request, group, (outcome) => {
      if (!outcome.ok) return onStarted(outcome);
      if (outcome.cgroupError !== 0) this.#cgroups?.release(invocation); // the environment identifies the run without a cgroup
      onStarted(this.#watch(outcome.pid, request, onExit));
    });
    if (group !== null) this.#cgroups?.releaseOtherRuns(request.env.SUP_UNIT!, invocation);
    return start;
  }

  #watch(pid: number, request: SpawnRequest, onExit: (exit: Exit) => void): SpawnResult {
    const ref = childRef(pid);
    const errno = this.#exits.watchChild(ref, request.kept === true, onExit);
    if (errno !== 0) {
      // No descriptors are left. A process that cannot be watched must not run; it is reaped as an orphan.
      libc.kill(pid, SIGNALS.SIGKILL);
      return { ok: false, stage: "fork", errno, subject: request.argv[0] ?? "" };
    }
    this.#trees.addSpawned(ref, request.env.SUP_INVOCATION_ID ?? null);
    return { ok: true, ref };
  }

  #enterCgroup({ env, bounds }: SpawnRequest): string | null {
    const { SUP_UNIT: unit, SUP_INVOCATION_ID: invocation } = env;
    if (this.#cgroups === null || !unit || !invocation) return null;
    const group = this.#cgroups.enter(unit, invocation);
    if (group !== null) this.#limiter?.addGroup(invocation, group, bounds);
    return group;
  }

  abortStarts(): void {
    this.#spawner.abortAll();
  }

  ranOutOfMemory(invocation: string, certain: boolean): boolean {
    return this.#oom.wasKilled(this.#cgroups?.pathsOf(invocation) ?? [], certain);
  }

  containment(invocation: string): Containment {
    return this.#cgroups?.has(invocation) ? "cgroup" : "processes";
  }

  cgroupCpuTimes(invocations: readonly string[]): ReadonlyArray<number | null> {
    return this.#cgroups?.cpuTimes(invocations, this.#stats) ?? [];
  }

  bind(invocation: string, bounds: CgroupLimits | null): void {
    if (bounds === null && this.#limiter?.isLimited(invocation) !== true) return;
    if (this.#cgroups?.has(invocation)) this.#limiter?.setLimits(invocation, this.#cgroups.directoriesOf(invocation), bounds);
  }

  unheld(invocation: string | null, bound: keyof CgroupLimits): string | null {
    if (this.#limiter === null) return this.containmentNote ?? "there are no cgroups";
    if (invocation !== null && this.containment(invocation) === "processes") return "its processes have no cgroup of their own";
    return this.#limiter.whyNotEnforced(invocation, bound);
  }

  adopt(ref: ProcessRef, onExit: (exit: Exit) => void): "adopted" | "ended" | "gone" {
    if (ref.bootId !== bootId()) return "gone";
    const errno = this.#exits.watch(ref.pid, ref.startTicks, true, onExit);
    if (errno === ESRCH) {
      const exit = this.#exits.takeExitFromKeeper(ref.pid);
      if (exit !== null) setImmediate(onExit, exit);
      return exit === null ? "gone" : "ended";
    }
    if (errno !== 0) this.#adoptLater(ref, onExit);
    if (parentOf(ref.pid) === process.pid) this.#trees.addSpawned(ref, null); // a daemon that re-executed itself is still the parent
    return "adopted";
  }

  /** Retries until the process can be watched. It exists, but descriptors or memory ran out. */
  #adoptLater(ref: ProcessRef, onExit: (exit: Exit) => void): void {
    setTimeout(() => {
      const errno = this.#exits.watch(ref.pid, ref.startTicks, true, onExit);
      if (errno === ESRCH) onExit({ kind: "lost" });
      else if (errno !== 0) this.#adoptLater(ref, onExit);
    }, RETRY_MS);
  }

  findRuns(): readonly FoundRun[] {
    const found = new Map<string, FoundRun>();
    const ticksPerMs = clockTicks() / 1000;
    const all = this.#stats.read(listPids());
    const alive = new Set(all.filter(isAlive).map(({ pid }) => pid));
    for (const { pid, session, startTicks } of all) {
      const leads = pid === session;
      if (!alive.has(pid) || (!leads && alive.has(session))) continue;
      const run = this.#runOf(pid);
      if (run === null) continue;
      const { unit, invocation } = run;
      if (!leads && checkedInvocation(invocation) === null) continue;
      const known = found.get(invocation);
      const ref = { pid, startTicks, bootId: bootId() };
      if (known === undefined || startTicks < known.ref.startTicks)
        found.set(invocation, { unit, invocation, ref, madeAtMs: startTicks / ticksPerMs });
    }
    return [...found.values()];
  }

  /** Returns the run of a process. Its cgroup tells the run if the program has overwritten its environment, as nginx does. */
  #runOf(pid: number): Pick<FoundRun, "unit" | "invocation"> | null {
    let invocation = environmentVariable(pid, "SUP_INVOCATION_ID");
    for (const end = Date.now() + EXEC_MS; invocation === undefined && isExecuting(pid) && Date.now() < end;)
      invocation = environmentVariable(pid, "SUP_INVOCATION_ID");
    const unit = typeof invocation === "string" ? environmentVariable(pid, "SUP_UNIT") : null;
    if (typeof invocation === "string" && typeof unit === "string") return { unit, invocation };
    return this.#cgroups?.runOf(pid) ?? null;
  }

  condition(ref: ProcessRef): "running" | "stopped" | "zombie" | "gone" {
    const stat = this.#find(ref);
    if (!stat) return "gone";
    if (!isAlive(stat)) return "zombie";
    return stat.state === "T" || stat.state === "t" ? "stopped" : "running";
  }

  signal(ref: ProcessRef, signal: number): boolean {
    if (ref.bootId !== bootId()) return false;
    const watched = this.#exits.pidfdOf(ref.pid, ref.startTicks);
    return watched === null ? signalProcess(ref, signal) : pidfdSignal(watched, signal) === 0;
  }

  signalTree(tree: TreeOf, signal: number, mode: KillMode): void {
    // A suspended process (SIGSTOP) receives no signal except SIGKILL until it continues. Therefore SIGCONT follows, as in systemd.
    const signals = signal === SIGNALS.SIGKILL || signal === SIGNALS.SIGCONT ? [signal] : [signal, SIGNALS.SIGCONT];
    if (mode === "group") this.#trees.signal(tree, signals);
    else for (const number of signals) this.signal(tree.main, number);
  }

  killTree(tree: TreeOf): readonly Survivor[] {
    return this.#trees.kill(tree);
  }

  members(tree: TreeOf): readonly Survivor[] {
    return this.#trees.members(tree).map(({ pid, name }) => ({ pid, name }));
  }

  findMember(tree: TreeOf, pid: number): ProcessRef | null {
    const stat = this.#trees.members(tree).find((member) => member.pid === pid);
    return stat === undefined ? null : { pid, startTicks: stat.startTicks, bootId: bootId() };
  }

  isEmpty(tree: TreeOf): boolean {
    return this.#trees.isEmpty(tree);
  }

  whenEmpty(tree: TreeOf, callback: () => void): () => void {
    return this.#trees.whenEmpty(tree, callback);
  }

  forget(invocation: string): void {
    this.#cgroups?.release(invocation);
  }

  countDescriptors(pids: readonly number[]): ReadonlyArray<number | null> {
    return this.#stats.countDescriptors(pids);
  }

  treeStats(tree: TreeOf): readonly Stat[] {
    return this.#trees.members(tree);
  }

  scanTrees<K>(trees: Iterable<readonly [K, TreeOf]>, unchanged?: ReadonlySet<number>): ReadonlyMap<K, readonly Stat[]> {
    this.#oom.resetBaseline();
    return this.#trees.scanTrees(trees, unchanged);
  }

  close(): void {
    this.#stopReaping();
    this.#spawner.close();
    this.#exits.close();
    this.#trees.close();
    if (this.#cgroups?.close()) this.#limiter?.close();
  }

  #find(ref: ProcessRef): Stat | null {
    if (ref.bootId !== bootId()) return null;
    const stat = readStat(ref.pid);
    return stat?.startTicks === ref.startTicks ? stat : null;
  }
}

/**
 * Returns a reference that reads the start time lazily, at the latest before the child is waited for. While hundreds of processes
 * start, reading /proc costs more than the rest of the spawn.
 */
function childRef(pid: number): ProcessRef {
  let ticks: number | null = null;
  return {
    pid,
    get startTicks() {
      return (ticks ??= startOf(pid));
    },
    bootId: bootId(),
  };
}

/**
 * Returns the start time, or 0, which matches no process, if no descriptor is left to open /proc. The watch then fails for the
 * same reason.
 */
function startOf(pid: number): number {
  try {
    // A child that has ended is a zombie until we wait for it, so /proc still lists it.
    return readStat(pid)?.startTicks ?? 0;
  } catch {
    return 0;
  }
}

function parentOf(pid: number): number | null {
  try {
    return readStat(pid)?.parent ?? null;
  } catch {
    return null;
  }
}
