/**
 * Which processes belong to a run. It is recognised by five marks, any of which counts: the session or the process group of
 * the main process (sup makes it the leader of both), descent from a process that belongs, the run's SUP_INVOCATION_ID in
 * the environment, or the run's cgroup, where there are any. The fourth finds daemons that double-forked and called setsid:
 * they lose the first three, but the environment is inherited; the fifth those that cleaned it as well.
 */
import type { TreeOf } from "../../ports/processes.ts";
import { bootId } from "../proc/boot.ts";
import { environmentVariable, isAlive, isExecuting, type Stat } from "../proc/proc.ts";

/** All processes of the machine at (nearly) one moment. */
export interface Snapshot {
  readonly byPid: ReadonlyMap<number, Stat>;
  readonly byParent: ReadonlyMap<number, readonly Stat[]>;
  /** By session and by process group: both are named by the pid of their leader. */
  readonly byLeader: ReadonlyMap<number, readonly Stat[]>;
  /** All of them descend from this daemon: no stranger is among them. */
  readonly ours: boolean;
}

/** Of these processes. `ours`: all of them descend from this daemon. */
export function takeSnapshot(stats: readonly Stat[], ours: boolean): Snapshot {
  const byPid = new Map<number, Stat>();
  const byParent = new Map<number, Stat[]>();
  const byLeader = new Map<number, Stat[]>();
  for (const stat of stats) {
    byPid.set(stat.pid, stat);
    push(byParent, stat.parent, stat);
    push(byLeader, stat.session, stat);
    if (stat.group !== stat.session) push(byLeader, stat.group, stat);
  }
  return { byPid, byParent, byLeader, ours };
}

function push(map: Map<number, Stat[]>, key: number, stat: Stat): void {
  const list = map.get(key);
  if (list) list.push(stat);
  else map.set(key, [stat]);
}

const KTHREADD = 2;

/** The runs that a process names: by its environment, and by its cgroup. */
interface Marks {
  readonly environment: string | null;
  readonly cgroup: string | null;
  /** In the middle of its exec: the environment may be known in a moment. */
  readonly executing: boolean;
}

const UNKNOWN: Marks = { environment: null, cgroup: null, executing: false };

/** Sorts processes into runs. Keeps what it read of environments and cgroups: they hardly change between two execs. */
export class TreeFinder {
  /** By pid; the start ticks tell a new process of the same pid. */
  readonly #known = new Map<number, Marks & { readonly startTicks: number }>();
  /** The invocation whose cgroup a process is in; null: none; undefined: it is gone. */
  readonly #cgroupMark: (pid: number) => string | null | undefined;

  constructor(cgroupMark: (pid: number) => string | null | undefined) {
    this.#cgroupMark = cgroupMark;
  }

  /**
   * The living processes of each tree. The daemon itself is in none. `onUnsure` is called for each that is in no tree, but may
   * turn out to be in one.
   */
  find<K>(trees: Iterable<readonly [K, TreeOf]>, snapshot: Snapshot, onUnsure: (pid: number) => void = () => {}): Map<K, Stat[]> {
    const claimed = new Map<number, K>();
    const found = new Map<K, Stat[]>();
    const byInvocation = new Map<string, K>();
    let oldest = Number.POSITIVE_INFINITY;
    const claim = (key: K, first: Stat): void => {
      const queue = [first];
      for (const stat of queue) {
        if (stat.pid === process.pid || claimed.has(stat.pid)) continue;
        claimed.set(stat.pid, key);
        if (isAlive(stat)) found.get(key)!.push(stat);
        queue.push(...(snapshot.byParent.get(stat.pid) ?? []));
      }
    };

    for (const [key, tree] of trees) {
      found.set(key, []);
      if (tree.main.bootId !== bootId()) continue; // nothing outlives a boot
      byInvocation.set(tree.invocation, key);
      oldest = Math.min(oldest, tree.main.startTicks);
      for (const stat of this.#seeds(tree, snapshot)) claim(key, stat);
    }
    for (const stat of snapshot.byPid.values()) {
      if (claimed.has(stat.pid) || stat.startTicks < oldest || stat.parent === KTHREADD || !isAlive(stat)) continue;
      const { environment, cgroup, executing } = this.#marks(stat);
      const key = byInvocation.get(environment ?? "") ?? byInvocation.get(cgroup ?? "");
      if (key !== undefined) claim(key, stat);
      else if (executing) onUnsure(stat.pid);
    }
    this.#prune(snapshot);
    return found;
  }

  /** The main process, and the members of its session and group. */
  #seeds({ main, invocation }: TreeOf, snapshot: Snapshot): Stat[] {
    const leader = snapshot.byPid.get(main.pid);
    if (leader && leader.startTicks !== main.startTicks) return []; // the pid is somebody else's, and so is its session
    const members = (snapshot.byLeader.get(main.pid) ?? []).filter((stat) => stat.startTicks >= main.startTicks);
    if (leader) return [leader, ...members];
    // With the leader gone the number may have served a stranger's session since. The kernel gives no number out twice
    // while a member is left, so one that carries our mark vouches for those that dropped their environment.
    const carries = (stat: Stat): boolean => {
      const { environment, cgroup } = this.#marks(stat);
      return environment === invocation || cgroup === invocation;
    };
    const vouched = snapshot.ours || members.some(carries);
    return members.filter((stat) => carries(stat) || (vouched && this.#marks(stat).environment === null));
  }

  #marks(stat: Stat): Marks {
    const known = this.#known.get(stat.pid);
    if (known?.startTicks === stat.startTicks) return known;
    let environment = environmentVariable(stat.pid, "SUP_INVOCATION_ID");
    const executing = environment === undefined && isExecuting(stat.pid);
    if (environment === undefined && !executing) environment = environmentVariable(stat.pid, "SUP_INVOCATION_ID"); // its exec is over
    const cgroup = this.#cgroupMark(stat.pid);
    if (environment === undefined || cgroup === undefined) return { ...UNKNOWN, cgroup: cgroup ?? null, executing }; // perhaps known the next time
    const marks = { startTicks: stat.startTicks, environment, cgroup, executing };
    this.#known.set(stat.pid, marks);
    return marks;
  }

  #prune(snapshot: Snapshot): void {
    if (this.#known.size < 2 * snapshot.byPid.size + 64) return;
    for (const pid of this.#known.keys()) if (!snapshot.byPid.has(pid)) this.#known.delete(pid);
  }
}
