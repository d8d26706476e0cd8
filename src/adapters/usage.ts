/**
 * CPU and memory of whole trees. The sweep that finds the processes of all units reads /proc/PID/stat of each, and the
 * numbers are in the same line: nothing is read twice, and no package that asks the kernel once more is worth its cost.
 */
import { clockTicks, pageBytes } from "../linux/boot.ts";
import { bootTimeMs } from "../linux/monotonic.ts";
import type { ProcessTable } from "../linux/processes.ts";
import type { ProcessRef, TreeOf } from "../ports/processes.ts";
import type { Sample, Usage } from "../ports/usage.ts";

const MIB = 1024 * 1024;

export function processUsage(table: Pick<ProcessTable, "membersOfAll">): Usage {
  return new ProcUsage(table);
}

/** The CPU ticks of one process when it was last looked at. */
interface Seen {
  readonly startTicks: number;
  readonly cpuTicks: number;
}

class ProcUsage implements Usage {
  readonly #table: Pick<ProcessTable, "membersOfAll">;
  readonly #ticksPerMs = clockTicks() / 1000;
  readonly #pageMib = pageBytes() / MIB;
  #seen = new Map<number, Seen>();
  #seenAtMs = 0;

  constructor(table: Pick<ProcessTable, "membersOfAll">) {
    this.#table = table;
  }

  sample(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, Sample>> {
    const samples = new Map<string, Sample>();
    if (trees.size === 0) return Promise.resolve(samples);
    const nowMs = bootTimeMs();
    const elapsedTicks = (nowMs - this.#seenAtMs) * this.#ticksPerMs;
    const now = new Map<number, Seen>();
    for (const [unit, stats] of this.#table.membersOfAll(trees)) {
      if (stats.length === 0) continue;
      let ticks: number | null = null;
      let pages = 0;
      let tasks = 0;
      for (const { pid, startTicks, cpuTicks, residentPages, threads } of stats) {
        now.set(pid, { startTicks, cpuTicks });
        pages += residentPages;
        tasks += threads;
        const before = this.#seen.get(pid);
        if (before?.startTicks === startTicks) ticks = (ticks ?? 0) + Math.max(0, cpuTicks - before.cpuTicks);
      }
      const cpuPercent = ticks === null || elapsedTicks <= 0 ? null : (ticks / elapsedTicks) * 100;
      samples.set(unit, { cpuPercent, memoryMb: pages * this.#pageMib, tasks });
    }
    this.#seen = now;
    this.#seenAtMs = nowMs;
    return Promise.resolve(samples);
  }

  memory(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, number>> {
    if (trees.size === 0) return Promise.resolve(new Map());
    const pagesOf = (stats: Iterable<{ readonly residentPages: number }>): number => {
      let pages = 0;
      for (const { residentPages } of stats) pages += residentPages;
      return pages;
    };
    const found = [...this.#table.membersOfAll(trees)].filter(([, stats]) => stats.length > 0);
    return Promise.resolve(new Map(found.map(([unit, stats]) => [unit, pagesOf(stats) * this.#pageMib])));
  }

  forget(ref: ProcessRef): void {
    if (this.#seen.get(ref.pid)?.startTicks === ref.startTicks) this.#seen.delete(ref.pid);
  }
}
