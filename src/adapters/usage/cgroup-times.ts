import type { TreeOf } from "../../ports/processes.ts";

/** The CPU time that the cgroup of a run has counted so far. */
export interface GroupReading {
  readonly us: number;
  /** Identifies a group that may be older than the run. Null if the group was created for the run. */
  readonly group: string | null;
}

/**
 * Computes the CPU time that runs used between two samples. It takes the time from the counters of their cgroups, which include
 * processes that have ended.
 */
export class CgroupTimes {
  readonly #read: (unit: string, tree: TreeOf) => GroupReading | null;
  /** The readings of the last sample, by invocation. */
  #counted: ReadonlyMap<string, GroupReading> = new Map();

  /** `read` returns null if the run has no cgroup. */
  constructor(read: (unit: string, tree: TreeOf) => GroupReading | null) {
    this.#read = read;
  }

  /**
   * Returns the microseconds since the last sample, by unit. A unit is missing if its run has no cgroup. It is also missing
   * if its run began before the last sample but was not in that sample.
   */
  sample(trees: ReadonlyMap<string, TreeOf>, lastTicks: number | null): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    const counted = new Map<string, GroupReading>();
    for (const [unit, tree] of trees) {
      const { invocation, main } = tree;
      const reading = this.#read(unit, tree);
      if (reading === null) continue;
      counted.set(invocation, reading);
      const { us, group } = reading;
      const known = this.#counted.get(invocation);
      const isNew = group === null && lastTicks !== null && main.startTicks >= Math.floor(lastTicks);
      const before = known?.group === group ? known.us : isNew ? 0 : null;
      if (before !== null) found.set(unit, Math.max(0, us - before));
    }
    this.#counted = counted;
    return found;
  }
}
