import type { Stat } from "../../linux/proc/proc.ts";

type ProcessTimes = Pick<Stat, "pid" | "parent" | "startTicks" | "cpuTicks" | "waitedTicks">;

export interface Seen {
  readonly parent: number;
  readonly startTicks: number;
  readonly cpuTicks: number;
  readonly waitedTicks: number;
  /** CPU time since the previous sample, or null if the process was not in that sample. */
  readonly newTicks: number | null;
  /**
   * The time that earlier samples counted for children that have ended. When the process waits for these children, only the
   * time beyond this counts as new.
   */
  readonly countedTicks: number;
}

/**
 * Computes the CPU time that trees used between two samples, including that of children that began and ended in between. When
 * a parent waits for a child, the kernel adds the whole time of the child to `cutime` and `cstime` of the parent. Therefore
 * the time that was already counted while the child was alive is subtracted. If no process of the tree waits for a process (a
 * daemonised one), its time since the last sample is lost when it ends.
 */
export class CpuTimes {
  #seen: ReadonlyMap<number, Seen> = new Map();
  #sampledAtTicks: number | null = null;

  /** Returns the process at the last sample, or undefined if it was not in that sample. */
  get(pid: number): Seen | undefined {
    return this.#seen.get(pid);
  }

  /** The time of the last sample in ticks since boot, or null before the first sample. */
  get sampledAtTicks(): number | null {
    return this.#sampledAtTicks;
  }

  /**
   * Returns the time that each tree used since the last sample, in ticks. The time is null if all processes of the tree began
   * before the last sample but none of them was in that sample. `idle` contains processes of other trees that have not run
   * since the last sample.
   */
  sample<K>(trees: ReadonlyMap<K, readonly ProcessTimes[]>, nowTicks: number, idle: Iterable<number> = []): ReadonlyMap<K, number | null> {
    const now = new Map<number, Seen>();
    const alive = new Map<number, number>();
    for (const pid of idle) {
      const before = this.#seen.get(pid);
      if (before === undefined) continue;
      alive.set(pid, before.startTicks);
      now.set(pid, before.newTicks === 0 ? before : { ...before, newTicks: 0 });
    }
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

  /** Returns the time that was counted for processes that have ended. The key is the nearest living ancestor, which may wait for them. */
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
