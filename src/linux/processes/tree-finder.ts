/**
 * Finds the processes of each run. A process belongs to a run if it meets at least one of five criteria:
 *   - it is in the session of the main process,
 *   - it is in the process group of the main process (sup makes the main process the leader of both),
 *   - it descends from a process of the run,
 *   - its environment has the run's SUP_INVOCATION_ID,
 *   - it is in the run's cgroup, where cgroups are available.
 * The environment finds daemons that double-forked and called setsid, because they inherit it but meet none of the first three
 * criteria. The cgroup also finds daemons that cleared their environment.
 */
import type { TreeOf } from "../../ports/processes.ts";
import { bootId } from "../proc/boot.ts";
import { environmentVariable, isAlive, isExecuting, type Stat } from "../proc/proc.ts";

/** The processes of the machine at (nearly) one moment. */
export interface Snapshot {
  readonly byPid: ReadonlyMap<number, Stat>;
  readonly byParent: ReadonlyMap<number, readonly Stat[]>;
  /** Processes by session and by process group. The id of both is the pid of the leader. */
  readonly byLeader: ReadonlyMap<number, readonly Stat[]>;
  /** True if all processes descend from this daemon, so none is unrelated. */
  readonly allDescendants: boolean;
  /** Processes that exist, but were not read. */
  readonly unread: ReadonlySet<number>;
}

const NOBODY: ReadonlySet<number> = new Set();

export function takeSnapshot(stats: readonly Stat[], allDescendants: boolean, unread = NOBODY): Snapshot {
  const byPid = new Map<number, Stat>();
  const byParent = new Map<number, Stat[]>();
  const byLeader = new Map<number, Stat[]>();
  for (const stat of stats) {
    byPid.set(stat.pid, stat);
    push(byParent, stat.parent, stat);
    push(byLeader, stat.session, stat);
    if (stat.group !== stat.session) push(byLeader, stat.group, stat);
  }
  return { byPid, byParent, byLeader, allDescendants, unread };
}

function push(map: Map<number, Stat[]>, key: number, stat: Stat): void {
  const list = map.get(key);
  if (list) list.push(stat);
  else map.set(key, [stat]);
}

const KTHREADD = 2;

/** The invocations that a process's environment and the name of its cgroup contain. */
interface Marks {
  readonly environment: string | null;
  readonly cgroup: string | null;
  /** True in the middle of exec; the environment can be read a moment later. */
  readonly executing: boolean;
}

const UNKNOWN: Marks = { environment: null, cgroup: null, executing: false };

/** Assigns processes to runs. Caches environments and cgroups, because they rarely change between two execs. */
export class TreeFinder {
  /** The marks of each process by pid. The start ticks reveal that a pid was reused. */
  readonly #known = new Map<number, Marks & { readonly startTicks: number }>();
  /** Returns the invocation whose cgroup a process is in, null if it is in none, or undefined if the process has ended. */
  readonly #cgroupMark: (pid: number) => string | null | undefined;

  constructor(cgroupMark: (pid: number) => string | null | undefined) {
    this.#cgroupMark = cgroupMark;
  }

  /**
   * Returns the living processes of each tree. The daemon itself is in no tree. `beginOf` returns the start ticks of the tree's oldest
   * possible process, so that older processes need not be inspected. `onUnsure` is called for each process that is in no tree yet
   * because it is in the middle of exec.
   */
  find<K>(
    trees: Iterable<readonly [K, TreeOf]>,
    snapshot: Snapshot,
    beginOf: (tree: TreeOf) => number,
    onUnsure: (pid: number) => void = () => {},
  ): Map<K, Stat[]> {
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
      if (tree.invocation !== "") {
        byInvocation.set(tree.invocation, key);
        oldest = Math.min(oldest, beginOf(tree));
      }
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

  /** Call this when the process has called exec and so has a new environment. */
  forget(pid: number): void {
    this.#known.delete(pid);
  }

  /** Returns the main process and the members of its session and group. */
  #seeds({ main, invocation }: TreeOf, snapshot: Snapshot): Stat[] {
    const leader = snapshot.byPid.get(main.pid);
    if (leader && leader.startTicks !== main.startTicks) return []; // the pid was reused, so the session is another one too
    const members = (snapshot.byLeader.get(main.pid) ?? []).filter((stat) => stat.startTicks >= main.startTicks);
    if (leader) return [leader, ...members];
    // The leader has ended, so its pid may have become the id of an unrelated session. But the kernel does not reuse a pid
    // while its session has members. If one member carries our mark, the session is therefore ours, including members that
    // cleared their environment.
    const isMarked = (stat: Stat): boolean => {
      const { environment, cgroup } = this.#marks(stat);
      return environment === invocation || cgroup === invocation;
    };
    const isOurSession = snapshot.allDescendants || members.some(isMarked);
    return members.filter((stat) => isMarked(stat) || (isOurSession && this.#marks(stat).environment === null));
  }

  #marks(stat: Stat): Marks {
    const known = this.#known.get(stat.pid);
    if (known?.startTicks === stat.startTicks) return known;
    let environment = environmentVariable(stat.pid, "SUP_INVOCATION_ID");
    const executing = environment === undefined && isExecuting(stat.pid);
    // The exec may have ended between the two calls above, so read the environment again.
    if (environment === undefined && !executing) environment = environmentVariable(stat.pid, "SUP_INVOCATION_ID");
    const cgroup = this.#cgroupMark(stat.pid);
    // The next scan may know more, so nothing is cached.
    if (environment === undefined || cgroup === undefined) return { ...UNKNOWN, cgroup: cgroup ?? null, executing };
    const marks = { startTicks: stat.startTicks, environment, cgroup, executing };
    this.#known.set(stat.pid, marks);
    return marks;
  }

  #prune(snapshot: Snapshot): void {
    const { byPid, unread } = snapshot;
    if (this.#known.size < 2 * (byPid.size + unread.size) + 64) return;
    for (const pid of this.#known.keys()) if (!byPid.has(pid) && !unread.has(pid)) this.#known.delete(pid);
  }
}
