import type { Stat } from "../../linux/proc/proc.ts";

type ProcessTimes = Pick<Stat, "pid" | "parent" | "startTicks" | "cpuTicks" | "waitedTicks">;

export interface Seen {
  readonly parent: number;
  readonly startTicks: number;
  readonly cpuTicks: number;
  readonly waitedTicks: number;
  /** CPU time since the sample before; null when there is none. */
  readonly newTicks: number | null;
  /** Counted in earlier samples for children that have ended: when the process waits for them, their time counts only as far as it exceeds this. */
  readonly countedTicks: number;
}

/**
 * CPU time that trees use between two samples, including that of children that began and ended in between. The kernel adds the whole time
 * of a child to its parent's `cutime` and `cstime` when the parent waits for it, so what was counted while the child lived is subtracted.
 * The time of a process that ended and was not waited for by its tree (a daemonised one) since its last sample is lost.
 */
export class CpuTimes {
  #seen: ReadonlyMap<number, Seen> = new Map();
  #sampledAtTicks: number | null = null;

  /** Undefined for a process that was not in the last sample. */
  get(pid: number): Seen | undefined {
    return this.#seen.get(pid);
  }

  /** Ticks since boot of the last sample; null before the first. */
  get sampledAtTicks(): number | null {
    return this.#sampledAtTicks;
  }

  /** The new time of each tree, in ticks; null when it is unknown, because no process of it was seen before and all are older than that. */
  sample<K>(trees: ReadonlyMap<K, readonly ProcessTimes[]>, nowTicks: number): ReadonlyMap<K, number | null> {
    const now = new Map<number, Seen>();
    const alive = new Map<number, number>();
    for (const stats of trees.values()) for (const { pid, startTicks } of stats) alive.set(pid, startTicks);
    const ended = this.#ended(alive);
    const totals = new Map<K, number | null>();
    for (const [key, stats] of trees) {
      let total: number | null = null;
      for (const stat of stats) {
        const { used, newTicks, countedTicks } = this.#since(stat, ended.get(stat.pid) ?? 0);
        const { parent, startTicks, cpuTicks, waitedTicks } = stat;
        now.set(stat.pid, { parent, startTicks, cpuTicks, waitedTicks, newTicks, countedTicks });
        if (used !== null) total = (total ?? 0) + used;
      }
      totals.set(key, total);
    }
    this.#seen = now;
    this.#sampledAtTicks = nowTicks;
    return totals;
  }

  /** What was counted for processes that have ended, by the nearest of their ancestors that is alive and may wait for them. */
  #ended(alive: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
    const isAlive = (pid: number): boolean => alive.has(pid) && alive.get(pid) === this.#seen.get(pid)?.startTicks;
    const counted = new Map<number, number>();
    for (const [pid, { parent, cpuTicks, waitedTicks, countedTicks }] of this.#seen) {
      if (isAlive(pid)) continue;
      let heir = parent;
      while (this.#seen.has(heir) && !isAlive(heir)) heir = this.#seen.get(heir)!.parent;
      if (isAlive(heir)) counted.set(heir, (counted.get(heir) ?? 0) + cpuTicks + waitedTicks + countedTicks);
    }
    return counted;
  }

  #since(
    { pid, startTicks, cpuTicks, waitedTicks }: ProcessTimes,
    ended: number,
  ): { readonly used: number | null; readonly newTicks: number | null; readonly countedTicks: number } {
    const before = this.#seen.get(pid);
    if (before?.startTicks !== startTicks) {
      const isNew = this.#sampledAtTicks !== null && startTicks >= Math.floor(this.#sampledAtTicks);
      return { used: isNew ? cpuTicks + waitedTicks : null, newTicks: null, countedTicks: 0 };
    }
    const own = Math.max(0, cpuTicks - before.cpuTicks);
    const waited = Math.max(0, waitedTicks - before.waitedTicks);
    const counted = before.countedTicks + ended;
    return { used: own + Math.max(0, waited - counted), newTicks: own, countedTicks: Math.max(0, counted - waited) };
  }
}
