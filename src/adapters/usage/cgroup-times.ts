import type { TreeOf } from "../../ports/processes.ts";

/** CPU time that runs use between two samples by the counters of their cgroups, which include processes that have ended. */
export class CgroupTimes {
  readonly #read: (invocation: string) => number | null;
  /** Microseconds at the last sample, by invocation. */
  #counted: ReadonlyMap<string, number> = new Map();

  /** `read`: what the cgroups of a run have counted so far, in microseconds; null: it has none. */
  constructor(read: (invocation: string) => number | null) {
    this.#read = read;
  }

  /** New microseconds by unit. Units whose runs have no cgroup, or began before the last sample and were not in it, are missing. */
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
