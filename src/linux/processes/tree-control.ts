/**
 * Handles whole process trees of runs: lists their members, signals all of them, and waits until none is left.
 *
 * If this daemon is a subreaper, a run that it started needs no full scan of /proc. Every process that the run forked
 * descends from the main process. If it is orphaned, it descends from a child of the daemon whose exit is not watched. For a
 * run that an earlier daemon started, all of /proc is read.
 */
import type { ProcessRef, Survivor, TreeOf } from "../../ports/processes.ts";
import type { Cgroups } from "../cgroup/cgroup.ts";
import type { ExitWatcher } from "./exit-watcher.ts";
import type { Epoll, EpollHandle } from "../io/epoll.ts";
import { SIGNALS } from "../../base/signals.ts";
import { libc } from "../ffi/libc.ts";
import { hasPlentyOfDescriptors } from "../self/descriptors.ts";
import { pidfdOpen, signalProcess } from "./pidfd.ts";
import { ProcessScan } from "./process-scan.ts";
import type { ProcessStats } from "../proc/process-stats.ts";
import { bootId } from "../proc/boot.ts";
import { isAlive, listPids, ownChildren, readStat, type Stat } from "../proc/proc.ts";
import { type Snapshot, takeSnapshot, TreeFinder } from "./tree-finder.ts";

/**
 * After this many additions, ended processes are removed from `#spawned`. If the processes of a run are missing there, its
 * tree needs a full scan.
 */
const PRUNE_AFTER = 512;
/** The maximum number of scans for one kill, and the maximum time in milliseconds that they may block the event loop. */
const MAX_KILL_SCANS = 50;
const MAX_KILL_MS = 100;
const RETRY_MS = 50;
/**
 * While a scan cannot say for sure whether a tree is empty, this many more scans follow at once. Further scans follow every
 * RETRY_MS.
 */
const PROMPT_SCANS = 5;
/** After this many unsure scans the tree counts as empty. */
const MAX_UNSURE_SCANS = 20;
/** A pseudo-pid in the set of seen pids. Its presence means that the previous scan found nothing new. */
const NOTHING_NEW = 0;

export class TreeControl {
  readonly #epoll: Epoll;
  readonly #exits: ExitWatcher;
  readonly #isHelper: (pid: number) => boolean;
  readonly #subreaper: boolean;
  readonly #cgroups: Cgroups | null;
  readonly #finder: TreeFinder;
  readonly #stats: ProcessStats;
  readonly #processScan: ProcessScan;
  /** The processes that this daemon started, and those that stayed its children across a re-exec, by pid. */
  readonly #spawned = new Map<number, ProcessRef>();
  /** The processes that this daemon started for each run, the oldest first: hooks, the main process, and reload commands. */
  readonly #ofRun = new Map<string, readonly ProcessRef[]>();
  #pruneAt = PRUNE_AFTER;
  /**
   * The result of a full scan. It serves all requests in one turn of the event loop, unless a process was started or killed
   * since.
   */
  #fullScan: Snapshot | null = null;
  #orphans: ReadonlyMap<number, Stat | null> | null = null;
  /** The value of `epoll.polls` when `#orphans` was read. */
  #orphansAtPoll = -1;

  constructor(options: {
    readonly epoll: Epoll;
    readonly exits: ExitWatcher;
    /** True for sup's own processes that belong to no run and have no children. */
    readonly isHelper: (pid: number) => boolean;
    readonly subreaper: boolean;
    readonly cgroups: Cgroups | null;
    readonly stats: ProcessStats;
  }) {
    this.#epoll = options.epoll;
    this.#exits = options.exits;
    this.#isHelper = options.isHelper;
    this.#subreaper = options.subreaper;
    this.#cgroups = options.cgroups;
    this.#stats = options.stats;
    this.#processScan = new ProcessScan(options.stats);
    this.#finder = new TreeFinder((pid) => (this.#cgroups === null ? null : this.#cgroups.invocationOf(pid)));
  }

  /** `invocation` belongs to the run for which the process was started. It is null if an earlier image of this daemon started the process. */
  addSpawned(ref: ProcessRef, invocation: string | null): void {
    this.#fullScan = null; // the scan lacks the new process; `#orphans` stays valid
    this.#finder.forget(ref.pid); // a scan before exec may have seen it without its environment
    this.#spawned.set(ref.pid, ref);
    if (invocation !== null) {
      const [first = ref, ...later] = this.#ofRun.get(invocation) ?? [];
      this.#ofRun.set(invocation, first === ref ? [ref] : [first, ...later.filter(({ pid }) => this.#exits.has(pid)), ref]);
    }
    if (this.#spawned.size < this.#pruneAt) return;
    for (const pid of this.#spawned.keys()) if (!this.#exits.has(pid)) this.#spawned.delete(pid);
    for (const [run, refs] of this.#ofRun) if (!refs.some(({ pid }) => this.#spawned.has(pid))) this.#ofRun.delete(run);
    this.#pruneAt = this.#spawned.size + PRUNE_AFTER;
  }

  members(tree: TreeOf): Stat[] {
    return this.#scanTree(tree, new Set()).members;
  }

  /**
   * Finds the members of a tree. `isSure` means that the scan cannot have missed a member. A scan can miss a process in the
   * middle of exec. It can also miss a process that was forked during the scan, if the parent has ended since. If the tree
   * consists of our descendants, such a parent is still visible as a zombie. So nothing was missed once an earlier scan has
   * `seen` all dead processes. In a full scan of /proc zombies disappear when others reap them, so two scans in a row must
   * find nothing new. `dead` collects processes that the next scan can skip.
   */
  #scanTree(tree: TreeOf, seen: Set<number>, dead?: Set<number>): { readonly members: Stat[]; readonly isSure: boolean } {
    const nearby = this.#descendantsNear(tree, dead);
    const unsure = new Set<number>();
    const members = membersIfAlone(tree, nearby) ?? this.#findMembers(tree, nearby, unsure);
    // These processes may have forked others unnoticed.
    const suspects = nearby === null ? members.map(({ pid }) => pid) : deadOf(nearby);
    const isNothingNew = unsure.size === 0 && suspects.every((pid) => seen.has(pid));
    const isSure = isNothingNew && (nearby !== null || seen.has(NOTHING_NEW));
    for (const pid of nearby?.keys() ?? suspects) if (!unsure.has(pid)) seen.add(pid);
    if (nearby !== null) for (const pid of suspects) if (pid !== tree.main.pid) dead?.add(pid);
    if (isNothingNew) seen.add(NOTHING_NEW);
    else seen.delete(NOTHING_NEW);
    return { members, isSure };
  }

  #findMembers(tree: TreeOf, nearby: ReadonlyMap<number, Stat | null> | null, unsure: Set<number>): Stat[] {
    const existing = nearby === null ? null : [...nearby.values()].filter((stat) => stat !== null);
    const snapshot = existing === null ? this.#scanAll() : takeSnapshot(existing, true);
    return this.#finder.find([[0, tree]], snapshot, this.#beginOf, (pid) => void unsure.add(pid)).get(0)!;
  }

  /** Closes the descriptors that are kept between scans. */
  close(): void {
    this.#processScan.close();
  }

  scanTrees<K>(trees: Iterable<readonly [K, TreeOf]>, unchanged: ReadonlySet<number> = new Set()): ReadonlyMap<K, readonly Stat[]> {
    const mayKeep = hasPlentyOfDescriptors();
    this.#cgroups?.keepFiles(mayKeep);
    const wanted = [...trees];
    if (wanted.length === 0) {
      this.#processScan.skip(mayKeep);
      return new Map();
    }
    const scanned = this.#processScan.scan(unchanged);
    const found = this.#finder.find(wanted, takeSnapshot(scanned, false, unchanged), this.#beginOf);
    this.#processScan.finish(scanned, found.values(), { unchanged, mayKeep });
    return found;
  }

  /**
   * Signals the process group with one atomic call, and then, one by one, the processes of the tree that have left the group.
   * The processes are listed before the signal. If the signal kills the leader, they become orphans, which `#orphans` from
   * earlier in this turn would not contain. They are listed again after the signal, to find processes that left the group in
   * between. They cannot have left the cgroup, so if it contains only the main process, there are none.
   */
  signal(tree: TreeOf, signals: readonly number[]): void {
    const inGroup = (stat: Stat): boolean => stat.group === tree.main.pid;
    const members = new Map(this.members(tree).map((stat) => [keyOf(stat), stat]));
    // The group's id cannot be reused until we have waited for the leader.
    const isOurGroup = this.#exits.pidfdOf(tree.main.pid, tree.main.startTicks) !== null && this.#spawned.has(tree.main.pid);
    if (isOurGroup || [...members.values()].some(inGroup)) for (const signal of signals) libc.kill(-tree.main.pid, signal);
    if (this.#cgroups?.isAlone(tree.invocation, tree.main.pid) !== true)
      for (const stat of this.members(tree)) members.set(keyOf(stat), stat);
    for (const stat of members.values()) {
      const mayLeave = stat.pid !== tree.main.pid; // setpgid(2) fails for the leader of a session
      if (inGroup(mayLeave ? (readStat(stat.pid) ?? stat) : stat)) continue;
      for (const signal of signals) signalProcess(stat, signal);
    }
  }

  /**
   * Kills all members. A tree can fork during a scan, so the scans repeat until one is sure that there is nothing new. Without
   * cgroups, a tree that forks faster than this process gets CPU time can escape all scans. The caller waits for the end of the
   * tree and kills it again.
   */
  kill(tree: TreeOf): Survivor[] {
    const killed = new Map<string, Survivor>();
    const tried = new Set<string>();
    const [seen, dead] = [new Set<number>(), new Set<number>()];
    const end = performance.now() + MAX_KILL_MS;
    for (let scans = 0, isDone = false; !isDone && scans < MAX_KILL_SCANS && performance.now() < end; scans++) {
      this.#clearScans();
      const { members, isSure } = this.#scanTree(tree, seen, dead);
      isDone = isSure;
      for (const stat of members) {
        if (tried.has(keyOf(stat))) continue;
        tried.add(keyOf(stat));
        isDone = false; // even a process that has just ended by itself may have forked before
        if (signalProcess(stat, SIGNALS.SIGKILL)) killed.set(keyOf(stat), { pid: stat.pid, name: stat.name });
      }
      // The first scan has listed the names. Killing the cgroup ends trees that fork faster than the scans.
      if (scans === 0) this.#cgroups?.kill(tree.invocation);
    }
    this.#clearScans();
    return [...killed.values()];
  }

  isEmpty(tree: TreeOf): boolean {
    const { members, isSure } = this.#scanTree(tree, seenMain(tree));
    return isSure && members.length === 0;
  }

  whenEmpty(tree: TreeOf, callback: () => void): () => void {
    let cancelled = false;
    let stopWaiting = (): void => {};
    const seen = seenMain(tree);
    let unsure = 0;
    const scan = (): void => {
      if (cancelled) return;
      const { members, isSure } = this.#scanTree(tree, seen);
      if (members.length > 0) {
        unsure = 0;
        stopWaiting = this.#waitForAll(members, scan);
      } else if (isSure || ++unsure === MAX_UNSURE_SCANS) {
        this.#cgroups?.release(tree.invocation);
        callback();
      } else stopWaiting = callLater(scan, unsure < PROMPT_SCANS ? 0 : RETRY_MS);
    };
    const first = setImmediate(scan);
    return () => {
      cancelled = true;
      clearImmediate(first);
      stopWaiting();
    };
  }

  /** Calls back when all of these processes have ended. */
  #waitForAll(members: readonly Stat[], callback: () => void): () => void {
    const waits = new Set<() => void>();
    for (const stat of members) {
      const stop = this.#waitForEnd(stat, () => {
        waits.delete(stop!);
        if (waits.size === 0) callback();
      });
      if (stop) waits.add(stop);
    }
    if (waits.size === 0) {
      // Either all have ended since the scan, or no descriptors are left to watch them. So scan again soon.
      const timer = setTimeout(callback, RETRY_MS);
      return () => clearTimeout(timer);
    }
    return () => {
      for (const stop of waits) stop();
    };
  }

  #waitForEnd({ pid, startTicks }: Stat, callback: () => void): (() => void) | null {
    const pidfd = pidfdOpen(pid);
    if (pidfd < 0) return null;
    let handle: EpollHandle;
    const stop = (): void => {
      handle.remove();
      libc.close(pidfd);
    };
    const ended = (): void => {
      stop();
      callback();
    };
    if (readStat(pid)?.startTicks === startTicks) {
      try {
        handle = this.#epoll.add(pidfd, "in", false, ended);
        return stop;
      } catch {
        // Memory or descriptors ran out, so the caller scans again after a delay.
      }
    }
    libc.close(pidfd);
    return null;
  }

  #clearScans = (): void => {
    this.#fullScan = null;
    this.#orphans = null;
  };

  #scanAll(): Snapshot {
    if (this.#fullScan) return this.#fullScan;
    setImmediate(this.#clearScans);
    return (this.#fullScan = takeSnapshot(this.#stats.read(listPids()), false));
  }

  /**
   * Returns the processes that may belong to the tree, including dead ones (null if the process has no stat any more). Returns
   * null if a full scan is needed. Processes in `dead` are skipped.
   */
  #descendantsNear(tree: TreeOf, dead?: ReadonlySet<number>): ReadonlyMap<number, Stat | null> | null {
    const { main, invocation } = tree;
    if (!this.#subreaper || this.#spawned.get(main.pid)?.startTicks !== main.startTicks) return null;
    // A reload command, or a main process that another one has replaced, is watched and therefore no orphan.
    const others = (this.#ofRun.get(invocation) ?? []).map(({ pid }) => pid).filter((pid) => this.#exits.has(pid));
    const isReaped = this.#exits.wasJustReaped(main.pid); // then /proc has nothing about it
    const found = this.#stats.readDescendants(isReaped ? others : [main.pid, ...others], dead);
    if (isReaped) found.set(main.pid, null);
    // Orphans are read after the descendants, because an orphaned process moves from the descendants to the orphans, never back.
    const orphans = this.#findOrphans(dead);
    if (orphans === null) return null;
    for (const [pid, stat] of orphans) found.set(pid, stat);
    return found;
  }

  /**
   * Returns the start ticks of the run's first process. If this daemon did not start the main process, the result is 0, because an
   * earlier daemon may have started other processes before it.
   */
  #beginOf = ({ invocation, main }: TreeOf): number => {
    const started = this.#ofRun.get(invocation) ?? [];
    return started.some((ref) => isSame(ref, main)) ? started[0]!.startTicks : 0;
  };

  /**
   * Returns our children that are not watched, and their descendants, without helpers. Processes that are being set up are among
   * them, but belong to no tree.
   */
  #findOrphans(dead?: ReadonlySet<number>): ReadonlyMap<number, Stat | null> | null {
    // The list is valid until the next poll, because it includes the orphans of every process whose exit was already reported.
    if (this.#orphans && this.#orphansAtPoll === this.#epoll.polls) return this.#orphans;
    this.#orphansAtPoll = this.#epoll.polls;
    const children = ownChildren();
    if (children === null) return null;
    setImmediate(this.#clearScans);
    const orphans = [...children].filter((pid) => !this.#exits.has(pid) && !this.#isHelper(pid));
    return (this.#orphans = this.#stats.readDescendants(orphans, dead));
  }
}

/**
 * The pids that the first scan after the end of the main process counts as seen. All children of the main process are visible by
 * then.
 */
const seenMain = ({ main }: TreeOf): Set<number> => new Set([main.pid]);

/**
 * Returns the members of a tree if nothing but its main process is near, as is usual, or else null. Then no tree has to be searched,
 * which would take most of the time of a stop.
 */
function membersIfAlone({ main }: TreeOf, nearby: ReadonlyMap<number, Stat | null> | null): Stat[] | null {
  const stat = nearby?.size === 1 ? nearby.get(main.pid) : undefined;
  if (stat === undefined || main.bootId !== bootId()) return null;
  if (stat === null) return [];
  if (stat.startTicks !== main.startTicks) return null; // another process has its pid
  return isAlive(stat) ? [stat] : [];
}

const deadOf = (found: ReadonlyMap<number, Stat | null>): number[] =>
  [...found].filter(([, stat]) => stat === null || !isAlive(stat)).map(([pid]) => pid);

function callLater(callback: () => void, delayMs: number): () => void {
  if (delayMs > 0) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  }
  const next = setImmediate(callback);
  return () => clearImmediate(next);
}

const isSame = (a: ProcessRef, b: ProcessRef): boolean => a.pid === b.pid && a.startTicks === b.startTicks;

const keyOf = ({ pid, startTicks }: Pick<ProcessRef, "pid" | "startTicks">): string => `${pid}:${startTicks}`;
