/**
 * Whole trees of runs: who is in them, signals to all of them, and the moment when nothing is left.
 *
 * A run that was born here while we are a subreaper needs no sweep of /proc: whatever it forked either descends from
 * its main process or, once orphaned, from a child of ours that nobody else accounts for. For a run that an earlier
 * daemon spawned the whole of /proc is read.
 */
import type { ProcessRef, Survivor, TreeOf } from "../../ports/processes.ts";
import type { Cgroups } from "../cgroup/cgroup.ts";
import type { ExitWatcher } from "./exit-watcher.ts";
import type { Epoll, EpollHandle } from "../io/epoll.ts";
import { SIGNALS } from "../../base/signals.ts";
import { libc } from "../ffi/libc.ts";
import { pidfdOpen, signalProcess } from "./pidfd.ts";
import { ProcessScan } from "./process-scan.ts";
import { addChildren, allStats, isAlive, ownChildren, readStat, type Stat } from "../proc/proc.ts";
import { type Snapshot, takeSnapshot, TreeFinder } from "./tree-finder.ts";

/** Births remembered before the dead ones among them are forgotten; a run that was forgotten costs a sweep, nothing else. */
const MANY_BIRTHS = 512;
/** Looks of one kill, and how long they may hold up everything else. */
const MAX_SWEEPS = 50;
const MAX_KILL_MS = 100;
const RETRY_MS = 50;
/** Looks at once before the next waits for RETRY_MS, while it is not sure that nothing is left; and all of them: then nothing is. */
const PROMPT_LOOKS = 5;
const UNSURE_LOOKS = 20;
/** Among pids: the look before found nothing new. */
const QUIET = 0;

export class TreeControl {
  readonly #epoll: Epoll;
  readonly #exits: ExitWatcher;
  readonly #subreaper: boolean;
  readonly #cgroups: Cgroups | null;
  readonly #finder: TreeFinder;
  readonly #scan = new ProcessScan();
  readonly #births = new Map<number, ProcessRef>();
  #tidyAt = MANY_BIRTHS;
  /** One look serves everybody who asks in the same turn of the loop, unless something was started or killed since. */
  #sweep: Snapshot | null = null;
  #orphans: ReadonlyMap<number, Stat | null> | null = null;
  #orphansAtLook = -1;

  constructor(options: { readonly epoll: Epoll; readonly exits: ExitWatcher; readonly subreaper: boolean; readonly cgroups: Cgroups | null }) {
    this.#epoll = options.epoll;
    this.#exits = options.exits;
    this.#subreaper = options.subreaper;
    this.#cgroups = options.cgroups;
    this.#finder = new TreeFinder((pid) => (this.#cgroups === null ? null : this.#cgroups.invocationOf(pid)));
  }

  addSpawned(ref: ProcessRef): void {
    this.#sweep = null; // it is not in there; an orphan it is not
    this.#births.set(ref.pid, ref);
    if (this.#births.size < this.#tidyAt) return;
    for (const pid of this.#births.keys()) if (!this.#exits.has(pid)) this.#births.delete(pid);
    this.#tidyAt = this.#births.size + MANY_BIRTHS;
  }

  members(tree: TreeOf): Stat[] {
    return this.#look(tree, new Set()).members;
  }

  /**
   * `isSure`: no member can have been overlooked. A look misses one that is in the middle of its exec, and one that was forked
   * during the look by another that has ended since. That other is still there, as a zombie at least: so nothing is missed once
   * all the dead were `seen` before. In the whole of /proc zombies vanish: there, two looks in a row must find nothing new. What is
   * `dead` for good is left out of the next look.
   */
  #look(tree: TreeOf, seen: Set<number>, dead?: Set<number>): { readonly members: Stat[]; readonly isSure: boolean } {
    const near = this.#near(tree, dead);
    const there = near === null ? null : [...near.values()].filter((stat) => stat !== null);
    const unsure = new Set<number>();
    const snapshot = there === null ? this.#everything() : takeSnapshot(there, true);
    const members = this.#finder.find([[0, tree]], snapshot, (pid) => void unsure.add(pid)).get(0)!;
    const doubtful = near === null ? members.map(({ pid }) => pid) : deadOf(near);
    const isQuiet = unsure.size === 0 && doubtful.every((pid) => seen.has(pid));
    const isSure = isQuiet && (near !== null || seen.has(QUIET));
    for (const pid of near?.keys() ?? doubtful) if (!unsure.has(pid)) seen.add(pid);
    if (near !== null) for (const pid of doubtful) if (pid !== tree.main.pid) dead?.add(pid);
    if (isQuiet) seen.add(QUIET);
    else seen.delete(QUIET);
    return { members, isSure };
  }

  scanTrees<K>(trees: Iterable<readonly [K, TreeOf]>): ReadonlyMap<K, readonly Stat[]> {
    const seen = this.#scan.take();
    const found = this.#finder.find(trees, takeSnapshot(seen, false));
    this.#scan.setAside(seen, found.values());
    return found;
  }

  /**
   * To the process group in one call, which the kernel makes atomic, and to those that left the group. The look for these comes
   * before: when the leader dies of the signal they are orphans at once, and a list of the orphans that is of earlier in this
   * turn has them not. It comes again after, for those that left meanwhile.
   */
  signal(tree: TreeOf, signals: readonly number[]): void {
    const inGroup = (stat: Stat): boolean => stat.group === tree.main.pid;
    const members = new Map(this.members(tree).map((stat) => [nameOf(stat), stat]));
    // While we have not waited for the leader, the group's number is nobody else's.
    const ours = this.#exits.pidfdOf(tree.main.pid, tree.main.startTicks) !== null && this.#births.has(tree.main.pid);
    if (ours || [...members.values()].some(inGroup)) for (const signal of signals) libc.kill(-tree.main.pid, signal);
    for (const stat of this.members(tree)) members.set(nameOf(stat), stat);
    for (const stat of members.values()) {
      if (inGroup(readStat(stat.pid) ?? stat)) continue;
      for (const signal of signals) signalProcess(stat, signal);
    }
  }

  /**
   * A forking tree can outrun one look, so it looks until it is sure that nothing new is there. Where there are no cgroups, one
   * that forks faster than this process gets the processor may outrun all looks; who waits for the end kills again.
   */
  kill(tree: TreeOf): Survivor[] {
    const hit = new Map<string, Survivor>();
    const tried = new Set<string>();
    const [seen, dead] = [new Set<number>(), new Set<number>()];
    const end = performance.now() + MAX_KILL_MS;
    for (let sweeps = 0, isOver = false; !isOver && sweeps < MAX_SWEEPS && performance.now() < end; sweeps++) {
      this.#lookAfresh();
      const { members, isSure } = this.#look(tree, seen, dead);
      isOver = isSure;
      for (const stat of members) {
        if (tried.has(nameOf(stat))) continue;
        tried.add(nameOf(stat));
        isOver = false; // also when it has just ended by itself: it may have forked before
        if (signalProcess(stat, SIGNALS.SIGKILL)) hit.set(nameOf(stat), { pid: stat.pid, name: stat.name });
      }
      // Once the first look has their names: what forks faster than we look ends here.
      if (sweeps === 0) this.#cgroups?.kill(tree.invocation);
    }
    this.#lookAfresh();
    return [...hit.values()];
  }

  isEmpty(tree: TreeOf): boolean {
    const { members, isSure } = this.#look(tree, endedMain(tree));
    return isSure && members.length === 0;
  }

  whenEmpty(tree: TreeOf, callback: () => void): () => void {
    let cancelled = false;
    let stopWaiting = (): void => {};
    const seen = endedMain(tree);
    let unsure = 0;
    const look = (): void => {
      if (cancelled) return;
      const { members, isSure } = this.#look(tree, seen);
      if (members.length > 0) {
        unsure = 0;
        stopWaiting = this.#waitForAll(members, look);
      } else if (isSure || ++unsure === UNSURE_LOOKS) {
        this.#cgroups?.release(tree.invocation);
        callback();
      } else stopWaiting = again(look, unsure < PROMPT_LOOKS ? 0 : RETRY_MS);
    };
    const first = setImmediate(look);
    return () => {
      cancelled = true;
      clearImmediate(first);
      stopWaiting();
    };
  }

  /** Calls back when all of these processes have ended. */
  #waitForAll(members: readonly Stat[], callback: () => void): () => void {
    const open = new Set<() => void>();
    for (const stat of members) {
      const stop = this.#waitForEnd(stat, () => {
        open.delete(stop!);
        if (open.size === 0) callback();
      });
      if (stop) open.add(stop);
    }
    if (open.size === 0) {
      // All gone since the look, or no descriptors left to watch them with: look again soon.
      const timer = setTimeout(callback, RETRY_MS);
      return () => clearTimeout(timer);
    }
    return () => {
      for (const stop of open) stop();
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
        // No memory or descriptors: the caller looks again by the clock.
      }
    }
    libc.close(pidfd);
    return null;
  }

  #lookAfresh = (): void => {
    this.#sweep = null;
    this.#orphans = null;
  };

  #everything(): Snapshot {
    if (this.#sweep) return this.#sweep;
    setImmediate(this.#lookAfresh);
    return (this.#sweep = takeSnapshot(allStats(), false));
  }

  /** What may be of the tree, also what is dead; null when the shortcut does not hold for this run. `dead` is not looked at. */
  #near(tree: TreeOf, dead?: ReadonlySet<number>): ReadonlyMap<number, Stat | null> | null {
    if (!this.#subreaper || this.#births.get(tree.main.pid)?.startTicks !== tree.main.startTicks) return null;
    const found = descendants([tree.main.pid], dead);
    // Read after the descendants: a process that is orphaned meanwhile moves from there to here, never back.
    const orphans = this.#findOrphans(dead);
    if (orphans === null) return null;
    for (const [pid, stat] of orphans) found.set(pid, stat);
    return found;
  }

  /** Our children that nobody waits for, and what descends from them. */
  #findOrphans(dead?: ReadonlySet<number>): ReadonlyMap<number, Stat | null> | null {
    // Those of a process whose end was told are in the list: it was read after the look that told it.
    if (this.#orphans && this.#orphansAtLook === this.#epoll.looks) return this.#orphans;
    this.#orphansAtLook = this.#epoll.looks;
    const children = ownChildren();
    if (children === null) return null;
    setImmediate(this.#lookAfresh);
    const orphans = [...children].filter((pid) => !this.#exits.has(pid));
    return (this.#orphans = descendants(orphans, dead));
  }
}

/** These and everything below them. What is dead has nobody below it: they are orphans. */
function descendants(roots: Iterable<number>, skipped?: ReadonlySet<number>): Map<number, Stat | null> {
  const found = new Map<number, Stat | null>();
  const pids = new Set(roots);
  for (const pid of pids) {
    if (skipped?.has(pid)) continue;
    const stat = readStat(pid);
    found.set(pid, stat);
    if (stat !== null && isAlive(stat)) addChildren(pid, pids); // a Set iterates what is added meanwhile
  }
  return found;
}

/** For a first look once it has ended: what it forked is there to be seen. */
const endedMain = ({ main }: TreeOf): Set<number> => new Set([main.pid]);

const deadOf = (found: ReadonlyMap<number, Stat | null>): number[] =>
  [...found].filter(([, stat]) => stat === null || !isAlive(stat)).map(([pid]) => pid);

function again(look: () => void, delayMs: number): () => void {
  if (delayMs > 0) {
    const timer = setTimeout(look, delayMs);
    return () => clearTimeout(timer);
  }
  const next = setImmediate(look);
  return () => clearImmediate(next);
}

const nameOf = ({ pid, startTicks }: Pick<ProcessRef, "pid" | "startTicks">): string => `${pid}:${startTicks}`;
