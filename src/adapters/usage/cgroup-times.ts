import type { TreeOf } from "../../ports/processes.ts";

/**
 * Computes the CPU time that runs used between two samples. It takes the time from the counters of their cgroups, which include
 * processes that have ended.
 */
export class CgroupTimes {
  readonly #read: (invocation: string) => number | null;
  /** The counters at the last sample in microseconds, by invocation. */
  #counted: ReadonlyMap<string, number> = new Map();

  /** `read` returns the microseconds that the cgroups of a run have counted so far, or null if the run has no cgroup. */
  constructor(read: (invocation: string) => number | null) {
    this.#read = read;
  }

  /**
   * Returns the microseconds since the last sample, by unit. A unit is missing if its run has no cgroup, or if the run began before
   * the last sample but was not in that sample.
   */
  sample(trees: ReadonlyMap<string, TreeOf>, lastTicks: number | null): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    const counted = new Map<string, number>();
    for (const [unit, { invocation, main }] of trees) {
      const us = this.#read(invocation);
      if (us === null) continue;
      counted.set(invocation, us);
      const isNew = lastTicks !== null && main.startTicks >= Math.floor(lastTicks);
      const before = this.#counted.get(invocation) ?? (isNew ? 0 : null);
      if (before !== null) found.set(unit, Math.max(0, us - before));
    }
    this.#counted = counted;
    return found;
  }
}
