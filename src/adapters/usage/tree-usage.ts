/**
 * CPU and memory of whole process trees. The scan that finds the processes of all units reads /proc/PID/stat of each, and the
 * figures are in the same line. So nothing is read twice; a package that reads it once more would only add cost.
 */
import { clockTicks, pageBytes } from "../../linux/proc/boot.ts";
import { openFiles, proportionalKib } from "../../linux/proc/process-details.ts";
import { bootTimeMs } from "../../linux/proc/clocks.ts";
import type { ProcessTable } from "../../linux/processes/processes.ts";
import { availableMib } from "../../linux/proc/available-memory.ts";
import type { ProcessRef, TreeOf } from "../../ports/processes.ts";
import type { Sample, Usage } from "../../ports/usage.ts";

const MIB = 1024 * 1024;

type Table = Pick<ProcessTable, "treeStats" | "scanTrees">;

/** One process at the last sample. */
export interface LastSample {
  /** Time of the sample in milliseconds since boot. */
  readonly atMs: number;
  /** CPU time in milliseconds that the process had used until the sample. */
  readonly cpuMs: number;
  /** CPU usage since the previous sample in percent of one core, or null in the first sample of the process. */
  readonly cpuPercent: number | null;
}

export interface TreeUsage extends Usage {
  /** Returns the last sample of a process, or undefined if the process was not in that sample. */
  lastSample(pid: number, startTicks: number): LastSample | undefined;
}

export function treeUsage(table: Table): TreeUsage {
  return new ProcUsage(table);
}

interface Seen {
  readonly startTicks: number;
  readonly cpuTicks: number;
  /** Used since the sample before. */
  readonly newTicks: number | null;
}

class ProcUsage implements TreeUsage {
  readonly #table: Table;
  readonly #ticksPerMs = clockTicks() / 1000;
  readonly #pageMib = pageBytes() / MIB;
  #seen = new Map<number, Seen>();
  #seenAtMs = 0;
  /** Between the last sample and the one before. */
  #elapsedTicks = 0;

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
        const before = this.#seen.get(pid);
        const newTicks = before?.startTicks === startTicks ? Math.max(0, cpuTicks - before.cpuTicks) : null;
        now.set(pid, { startTicks, cpuTicks, newTicks });
        ticks = plus(ticks, newTicks);
        pages += residentPages;
        tasks += threads;
        files = plus(files, openFiles(pid));
      }
      const cpuPercent = ticks === null || elapsedTicks <= 0 ? null : (ticks / elapsedTicks) * 100;
      samples.set(unit, { cpuPercent, memoryMb: pages * this.#pageMib, tasks, openFiles: files });
    }
    this.#seen = now;
    this.#seenAtMs = nowMs;
    this.#elapsedTicks = elapsedTicks;
    return Promise.resolve(samples);
  }

  lastSample(pid: number, startTicks: number): LastSample | undefined {
    const seen = this.#seen.get(pid);
    if (seen?.startTicks !== startTicks) return undefined;
    const { cpuTicks, newTicks } = seen;
    const cpuPercent = newTicks === null || this.#elapsedTicks <= 0 ? null : (newTicks / this.#elapsedTicks) * 100;
    return { atMs: this.#seenAtMs, cpuMs: cpuTicks / this.#ticksPerMs, cpuPercent };
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

/** Adds a value to a sum. An unknown value (null) adds nothing. */
const plus = (sum: number | null, more: number | null): number | null => (more === null ? sum : (sum ?? 0) + more);
