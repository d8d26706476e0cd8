/**
 * CPU and memory of whole trees. The sweep that finds the processes of all units reads /proc/PID/stat of each, and the
 * numbers are in the same line: nothing is read twice, and no package that asks the kernel once more is worth its cost.
 */
import { clockTicks, pageBytes } from "../linux/proc/boot.ts";
import { openFiles, proportionalKib } from "../linux/proc/process-details.ts";
import { bootTimeMs } from "../linux/proc/clocks.ts";
import type { ProcessTable } from "../linux/processes/processes.ts";
import { availableMib } from "../linux/proc/available-memory.ts";
import type { ProcessRef, TreeOf } from "../ports/processes.ts";
import type { Sample, Usage } from "../ports/usage.ts";

const MIB = 1024 * 1024;

type Table = Pick<ProcessTable, "treeStats" | "scanTrees">;

export function processUsage(table: Table): Usage {
  return new ProcUsage(table);
}

/** The CPU ticks of one process when it was last looked at. */
interface Seen {
  readonly startTicks: number;
  readonly cpuTicks: number;
}

class ProcUsage implements Usage {
  readonly #table: Table;
  readonly #ticksPerMs = clockTicks() / 1000;
  readonly #pageMib = pageBytes() / MIB;
  #seen = new Map<number, Seen>();
  #seenAtMs = 0;

  constructor(table: Table) {
    this.#table = table;
  }

  sample(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, Sample>> {
    const samples = new Map<string, Sample>();
    if (trees.size === 0) return Promise.resolve(samples);
    const nowMs = bootTimeMs();
    const elapsedTicks = (nowMs - this.#seenAtMs) * this.#ticksPerMs;
    const now = new Map<number, Seen>();
    for (const [unit, stats] of this.#table.scanTrees(trees)) {
      if (stats.length === 0) continue;
      let ticks: number | null = null;
      let pages = 0;
      let tasks = 0;
      let files: number | null = null;
      for (const { pid, startTicks, cpuTicks, residentPages, threads } of stats) {
        now.set(pid, { startTicks, cpuTicks });
        pages += residentPages;
        tasks += threads;
        files = plus(files, openFiles(pid));
        const before = this.#seen.get(pid);
        if (before?.startTicks === startTicks) ticks = (ticks ?? 0) + Math.max(0, cpuTicks - before.cpuTicks);
      }
      const cpuPercent = ticks === null || elapsedTicks <= 0 ? null : (ticks / elapsedTicks) * 100;
      samples.set(unit, { cpuPercent, memoryMb: pages * this.#pageMib, tasks, openFiles: files });
    }
    this.#seen = now;
    this.#seenAtMs = nowMs;
    return Promise.resolve(samples);
  }

  memory(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for (const [unit, tree] of trees) {
      const stats = this.#table.treeStats(tree);
      const pages = stats.reduce((sum, { residentPages }) => sum + residentPages, 0);
      if (stats.length > 0) found.set(unit, pages * this.#pageMib);
    }
    return Promise.resolve(found);
  }

  proportional(tree: TreeOf): number | null {
    let kib: number | null = null;
    for (const { pid } of this.#table.treeStats(tree)) kib = plus(kib, proportionalKib(pid));
    return kib === null ? null : kib / 1024;
  }

  spare(): number | null {
    return availableMib();
  }

  forget(ref: ProcessRef): void {
    if (this.#seen.get(ref.pid)?.startTicks === ref.startTicks) this.#seen.delete(ref.pid);
  }
}

/** What is not known adds nothing. */
const plus = (sum: number | null, more: number | null): number | null => (more === null ? sum : (sum ?? 0) + more);
