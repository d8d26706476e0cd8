/** The processes of the machine behind ports/processes.ts: spawn, watch, adopt, signal, and whole trees. */
import type { Exit } from "../../base/exit.ts";
import { err, type Result } from "../../base/result.ts";
import { SIGNALS } from "../../base/signals.ts";
import type { Containment, KillMode } from "../../base/words.ts";
import type { Keeper } from "../../ports/keeper.ts";
import type { CgroupLimits, FoundRun, Processes, ProcessRef, SpawnRequest, SpawnResult, Survivor, TreeOf } from "../../ports/processes.ts";
import { bootId, clockTicks } from "../proc/boot.ts";
import { CgroupLimiter } from "../cgroup/limits.ts";
import type { Cgroups } from "../cgroup/cgroup.ts";
import { ExitWatcher, waitForChild } from "./exit-watcher.ts";
import type { Epoll } from "../io/epoll.ts";
import { noKeeper } from "../keeper/keeper.ts";
import { libc } from "../ffi/libc.ts";
import { OomKills } from "../cgroup/oom-kills.ts";
import { pidfdSignal, signalProcess } from "./pidfd.ts";
import { allStats, environmentVariable, isAlive, isExecuting, readStat, type Stat } from "../proc/proc.ts";
import { prepareSpawn, type Spawn, type Spawned } from "../spawn/spawn.ts";
import { becomeSubreaper, reapOrphans } from "./subreaper.ts";
import { TreeControl } from "./tree-control.ts";

export interface ProcessTable extends Processes {
  /**
   * The living processes of many trees in one sweep, by the caller's key. Of every tree there is: what is in none of them is taken
   * for a stranger, and not looked at again for a while.
   */
  scanTrees<K>(trees: Iterable<readonly [K, TreeOf]>): ReadonlyMap<K, readonly Stat[]>;
  treeStats(tree: TreeOf): readonly Stat[];
  /** False: what daemonises away from a service is found only by a sweep of /proc, and its zombies are init's. */
  readonly subreaper: boolean;
  /** Why runs have no cgroups of their own; null when they have. */
  readonly containmentNote: string | null;
  /** Stops watching and reaping; the processes go on. */
  close(): void;
}

export interface ProcessesOptions {
  readonly epoll: Epoll;
  /** An orphan of some tree ended and was reaped. */
  readonly onOrphanReaped?: (pid: number, exit: Exit) => void;
  /** Makes the cgroups of runs; none where it answers an error, which is in `containmentNote` then. */
  readonly cgroups?: Result<Cgroups, string>;
  /** Has the end of processes told to the next daemon. */
  readonly keeper?: Keeper;
  /** A private directory for a moment at the start; else the system's temporary directories are tried. */
  readonly scratch?: string;
}

/** Makes this process a subreaper. Throws when processes cannot be started on this machine at all. */
export function openProcesses(options: ProcessesOptions): ProcessTable {
  return new LinuxProcesses(options);
}

const ESRCH = 3;
const RETRY_MS = 500;
/** A process that takes longer for its exec is not waited for. */
const EXEC_MS = 20;

class LinuxProcesses implements ProcessTable {
  readonly subreaper = becomeSubreaper();
  readonly #start: Spawn;
  readonly #exits: ExitWatcher;
  readonly #trees: TreeControl;
  readonly #stopReaping: () => void;
  readonly #cgroups: Cgroups | null;
  readonly #bounder: CgroupLimiter | null;
  readonly #oom = new OomKills();
  readonly containmentNote: string | null;

  constructor({ epoll, onOrphanReaped, cgroups = err("not asked for"), keeper = noKeeper, scratch }: ProcessesOptions) {
    const { spawn, testCgroup } = prepareSpawn(scratch);
    this.#start = spawn;
    const flaw = cgroups.ok ? testCgroup(cgroups.value.root) : cgroups.error;
    this.containmentNote = flaw;
    this.#cgroups = cgroups.ok && flaw === null ? cgroups.value : null;
    this.#bounder = this.#cgroups === null ? null : new CgroupLimiter({ root: this.#cgroups.root });
    this.#cgroups?.onRelease((invocation) => this.#bounder?.forget(invocation));
    this.#exits = new ExitWatcher(epoll, keeper);
    this.#trees = new TreeControl({ epoll, exits: this.#exits, subreaper: this.subreaper, cgroups: this.#cgroups });
    this.#stopReaping = reapOrphans({ isAwaited: (pid) => this.#exits.has(pid), onReaped: onOrphanReaped });
  }

  spawn(request: SpawnRequest, onExit: (exit: Exit) => void): SpawnResult {
    const spawned = this.#startInGroup(request);
    if (!spawned.ok) return spawned;
    const { pid } = spawned;
    const ref = childRef(pid);
    const errno = this.#exits.watchChild(ref, request.kept === true, onExit);
    if (errno !== 0) {
      // No descriptors left: a process that cannot be watched must not run.
      libc.kill(pid, SIGNALS.SIGKILL);
      waitForChild(pid, 0);
      return { ok: false, stage: "fork", errno, subject: request.argv[0] ?? "" };
    }
    this.#trees.addSpawned(ref);
    return { ok: true, ref };
  }

  #startInGroup(request: SpawnRequest): Spawned {
    const { SUP_UNIT: unit, SUP_INVOCATION_ID: invocation } = request.env;
    if (this.#cgroups === null || !unit || !invocation) return this.#start(request, null);
    const group = this.#cgroups.enter(unit, invocation);
    if (group !== null) this.#bounder?.enter(invocation, group, request.bounds);
    const spawned = this.#start(request, group);
    if (spawned.ok || spawned.stage !== "cgroup") return spawned;
    this.#cgroups.release(invocation); // its marks must do
    return this.#start(request, null);
  }

  ranOutOfMemory(invocation: string, certain: boolean): boolean {
    return this.#oom.killed(this.#cgroups?.directoriesOf(invocation) ?? [], certain);
  }

  containment(invocation: string): Containment {
    return this.#cgroups?.has(invocation) ? "cgroup" : "processes";
  }

  bind(invocation: string, bounds: CgroupLimits | null): void {
    if (this.#cgroups?.has(invocation)) this.#bounder?.bind(invocation, this.#cgroups.directoriesOf(invocation), bounds);
  }

  unheld(invocation: string | null, bound: keyof CgroupLimits): string | null {
    if (this.#bounder === null) return this.containmentNote ?? "there are no cgroups";
    if (invocation !== null && this.containment(invocation) === "processes") return "its processes are in no cgroup of their own";
    return this.#bounder.unheld(invocation, bound);
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
    if (parentOf(ref.pid) === process.pid) this.#trees.addSpawned(ref); // after a re-exec of the daemon
    return "adopted";
  }

  /** It is there, but there are no descriptors (or memory) to watch it with. */
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
    for (const { pid, session, startTicks, state } of allStats()) {
      if (pid !== session || state === "Z" || state === "X") continue;
      let invocation = environmentVariable(pid, "SUP_INVOCATION_ID");
      for (const end = Date.now() + EXEC_MS; invocation === undefined && isExecuting(pid) && Date.now() < end;)
        invocation = environmentVariable(pid, "SUP_INVOCATION_ID");
      const unit = typeof invocation === "string" ? environmentVariable(pid, "SUP_UNIT") : null;
      if (typeof invocation !== "string" || typeof unit !== "string") continue;
      const known = found.get(invocation);
      const ref = { pid, startTicks, bootId: bootId() };
      if (known === undefined || startTicks < known.ref.startTicks)
        found.set(invocation, { unit, invocation, ref, madeAtMs: startTicks / ticksPerMs });
    }
    return [...found.values()];
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
    // A stopped process sees no signal but SIGKILL until it goes on, so SIGCONT follows, as systemd does it.
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

  memberOf(tree: TreeOf, pid: number): ProcessRef | null {
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

  treeStats(tree: TreeOf): readonly Stat[] {
    return this.#trees.members(tree);
  }

  scanTrees<K>(trees: Iterable<readonly [K, TreeOf]>): ReadonlyMap<K, readonly Stat[]> {
    this.#oom.look();
    return this.#trees.scanTrees(trees);
  }

  close(): void {
    this.#stopReaping();
    this.#exits.close();
    if (this.#cgroups?.close()) this.#bounder?.close();
  }

  #find(ref: ProcessRef): Stat | null {
    if (ref.bootId !== bootId()) return null;
    const stat = readStat(ref.pid);
    return stat?.startTicks === ref.startTicks ? stat : null;
  }
}

/**
 * The start time is read when somebody asks, at the latest before the child is waited for: while hundreds of processes
 * start, a look into /proc costs more than the rest of the spawn.
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

/** 0, which fits no process, when /proc cannot be opened for want of descriptors: the watch then fails for the same reason. */
function startOf(pid: number): number {
  try {
    // It may have ended already, but it is a zombie until we wait for it: its line is there.
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
