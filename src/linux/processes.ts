/** The processes of the machine behind ports/processes.ts: spawn, watch, adopt, signal, and whole trees. */
import type { Exit } from "../base/exit.ts";
import { SIGNALS } from "../base/signals.ts";
import type { KillMode } from "../base/words.ts";
import type { Processes, ProcessRef, SpawnRequest, SpawnResult, Survivor, TreeOf } from "../ports/processes.ts";
import { bootId } from "./boot.ts";
import { Exits, waitFor } from "./exits.ts";
import type { Hub } from "./hub.ts";
import { libc } from "./libc.ts";
import { pidfdSignal, sendTo } from "./pidfd.ts";
import { isAlive, readStat, type Stat } from "./proc.ts";
import { prepareSpawn, type Spawn } from "./spawn.ts";
import { becomeSubreaper, reapOrphans } from "./subreaper.ts";
import { Trees } from "./trees.ts";

export interface ProcessTable extends Processes {
  /** The living processes of many trees in one sweep, by the caller's key. */
  membersOfAll<K>(trees: Iterable<readonly [K, TreeOf]>): ReadonlyMap<K, readonly Stat[]>;
  /** False: what daemonises away from a service is found only by a sweep of /proc, and its zombies are init's. */
  readonly subreaper: boolean;
  /** Stops reaping orphans. Watches go with the hub. */
  close(): void;
}

export interface ProcessesOptions {
  readonly hub: Hub;
  /** An orphan of some tree ended and was reaped. */
  readonly onStranger?: (pid: number, exit: Exit) => void;
}

/** Makes this process a subreaper. Throws when processes cannot be started on this machine at all. */
export function openProcesses({ hub, onStranger }: ProcessesOptions): ProcessTable {
  return new LinuxProcesses(hub, onStranger ?? (() => {}));
}

class LinuxProcesses implements ProcessTable {
  readonly subreaper = becomeSubreaper();
  readonly close: () => void;
  private readonly start: Spawn = prepareSpawn();
  private readonly exits: Exits;
  private readonly trees: Trees;

  constructor(hub: Hub, onReaped: (pid: number, exit: Exit) => void) {
    this.exits = new Exits(hub);
    this.trees = new Trees(hub, this.exits, this.subreaper);
    this.close = reapOrphans({ isAwaited: (pid) => this.exits.has(pid), onReaped });
  }

  spawn(request: SpawnRequest, onExit: (exit: Exit) => void): SpawnResult {
    const spawned = this.start(request);
    if (!spawned.ok) return spawned;
    const { pid } = spawned;
    // It may have ended already, but it is a zombie until we wait for it: its line is there.
    const startTicks = readStat(pid)!.startTicks;
    const errno = this.exits.watch(pid, startTicks, onExit);
    if (errno !== 0) {
      // No descriptors left: a process that cannot be watched must not run.
      libc.kill(pid, SIGNALS.SIGKILL);
      waitFor(pid, 0);
      return { ok: false, stage: "fork", errno, subject: request.argv[0] ?? "" };
    }
    const ref = { pid, startTicks, bootId: bootId() };
    this.trees.bornHere(ref);
    return { ok: true, ref };
  }

  adopt(ref: ProcessRef, onExit: (exit: Exit) => void): "adopted" | "gone" {
    if (ref.bootId !== bootId()) return "gone";
    const errno = this.exits.watch(ref.pid, ref.startTicks, onExit);
    if (errno === ESRCH) return "gone";
    if (errno !== 0) throw new Error(`cannot watch process ${ref.pid}: errno ${errno}`);
    if (readStat(ref.pid)?.parent === process.pid) this.trees.bornHere(ref); // after a re-exec of the daemon
    return "adopted";
  }

  condition(ref: ProcessRef): "running" | "stopped" | "zombie" | "gone" {
    const stat = this.find(ref);
    if (!stat) return "gone";
    if (!isAlive(stat)) return "zombie";
    return stat.state === "T" || stat.state === "t" ? "stopped" : "running";
  }

  signal(ref: ProcessRef, signal: number): boolean {
    if (ref.bootId !== bootId()) return false;
    const watched = this.exits.pidfdOf(ref.pid, ref.startTicks);
    return watched === null ? sendTo(ref, signal) : pidfdSignal(watched, signal) === 0;
  }

  signalTree(tree: TreeOf, signal: number, mode: KillMode): void {
    // A stopped process sees no signal but SIGKILL until it goes on, so SIGCONT follows, as systemd does it.
    const signals = signal === SIGNALS.SIGKILL || signal === SIGNALS.SIGCONT ? [signal] : [signal, SIGNALS.SIGCONT];
    if (mode === "group") this.trees.signal(tree, signals);
    else for (const number of signals) this.signal(tree.main, number);
  }

  killTree(tree: TreeOf): readonly Survivor[] {
    return this.trees.kill(tree);
  }

  members(tree: TreeOf): readonly Survivor[] {
    return this.trees.members(tree).map(({ pid, name }) => ({ pid, name }));
  }

  whenEmpty(tree: TreeOf, callback: () => void): () => void {
    return this.trees.whenEmpty(tree, callback);
  }

  membersOfAll<K>(trees: Iterable<readonly [K, TreeOf]>): ReadonlyMap<K, readonly Stat[]> {
    return this.trees.membersOfAll(trees);
  }

  private find(ref: ProcessRef): Stat | null {
    if (ref.bootId !== bootId()) return null;
    const stat = readStat(ref.pid);
    return stat?.startTicks === ref.startTicks ? stat : null;
  }
}

const ESRCH = 3;
