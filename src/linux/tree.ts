/**
 * Which processes belong to a run. Without a cgroup of its own a run is recognised by four marks, any of which counts:
 * the session or the process group of the main process (sup makes it the leader of both), descent from a process that
 * belongs, or the run's SUP_INVOCATION_ID in the environment. The last one finds daemons that double-forked and called
 * setsid: they lose the first three, but the environment is inherited.
 */
import type { TreeOf } from "../ports/processes.ts";
import { bootId } from "./boot.ts";
import { environmentVariable, isAlive, type Stat } from "./proc.ts";

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

/** Sorts processes into runs. Keeps what it read of environments: they do not change between two execs. */
export class TreeFinder {
  /** By pid; the start ticks tell a new process of the same pid. */
  private readonly invocations = new Map<number, { readonly startTicks: number; readonly id: string | null }>();

  /** The living processes of each tree. The daemon itself is in none. */
  find<K>(trees: Iterable<readonly [K, TreeOf]>, snapshot: Snapshot): Map<K, Stat[]> {
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
      for (const stat of this.seeds(tree, snapshot)) claim(key, stat);
    }
    for (const stat of snapshot.byPid.values()) {
      if (claimed.has(stat.pid) || stat.startTicks < oldest || stat.parent === KTHREADD || !isAlive(stat)) continue;
      const id = this.invocation(stat);
      const key = id === null ? undefined : byInvocation.get(id);
      if (key !== undefined) claim(key, stat);
    }
    this.prune(snapshot);
    return found;
  }

  /** The main process, and the members of its session and group. */
  private seeds({ main, invocation }: TreeOf, snapshot: Snapshot): Stat[] {
    const leader = snapshot.byPid.get(main.pid);
    if (leader && leader.startTicks !== main.startTicks) return []; // the pid is somebody else's, and so is its session
    const members = (snapshot.byLeader.get(main.pid) ?? []).filter((stat) => stat.startTicks >= main.startTicks);
    if (leader) return [leader, ...members];
    // With the leader gone the number may have served a stranger's session since. The kernel gives no number out twice
    // while a member is left, so one that carries our mark vouches for those that dropped their environment.
    const marked = members.some((stat) => this.invocation(stat) === invocation);
    const accepted = marked || snapshot.ours ? [invocation, null] : [invocation];
    return members.filter((stat) => accepted.includes(this.invocation(stat)));
  }

  private invocation(stat: Stat): string | null {
    const known = this.invocations.get(stat.pid);
    if (known?.startTicks === stat.startTicks) return known.id;
    const id = environmentVariable(stat.pid, "SUP_INVOCATION_ID");
    if (id === undefined) return null; // perhaps known the next time
    this.invocations.set(stat.pid, { startTicks: stat.startTicks, id });
    return id;
  }

  private prune(snapshot: Snapshot): void {
    if (this.invocations.size < 2 * snapshot.byPid.size + 64) return;
    for (const pid of this.invocations.keys()) if (!snapshot.byPid.has(pid)) this.invocations.delete(pid);
  }
}
