/**
 * Measures CPU and memory of whole process trees. The scan that finds the processes of all units reads /proc/PID/stat of each
 * process. That file also contains the figures, so reading it again with a package would only add cost. If a run has a cgroup
 * (of version 2, or of version 1 with the controller cpuacct), the cgroup's counter gives its CPU time. The counter includes
 * processes that ended between two samples.
 *
 * If a counter of version 2 has not changed since the last sample, no process of the run has executed an instruction. In that
 * case the run still has the same processes with the same memory and descriptors, and they are not read again. Once a minute
 * they are read nevertheless, because the kernel can swap memory out.
 */
import { clockTicks, pageBytes } from "../../linux/proc/boot.ts";
import { proportionalKib } from "../../linux/proc/process-details.ts";
import { countConnections } from "../../linux/io/tcp-connections.ts";
import { countUnixConnections } from "../../linux/io/unix-listeners.ts";
import { CpuAcct } from "../../linux/cgroup/cpuacct.ts";
import { bootTimeMs } from "../../linux/proc/clocks.ts";
import type { Stat } from "../../linux/proc/proc.ts";
import type { ProcessTable } from "../../linux/processes/processes.ts";
import { availableMib } from "../../linux/proc/available-memory.ts";
import type { TreeOf } from "../../ports/processes.ts";
import type { Sample, Usage } from "../../ports/usage.ts";
import { CgroupTimes, type GroupReading } from "./cgroup-times.ts";
import { CpuTimes } from "./cpu-times.ts";

const MIB = 1024 * 1024;
/** Every 12th sample reads all processes again. */
const FULL_SAMPLE_EVERY = 12;

type Table = Pick<ProcessTable, "treeStats" | "scanTrees" | "cgroupCpuTimes" | "countDescriptors">;

/** One process at the last sample. */
export interface LastSample {
  /** Time of the sample in milliseconds since boot. */
  readonly atMs: number;
  /** CPU time in milliseconds that the process had used until the sample. */
  readonly cpuMs: number;
  /** CPU usage since the previous sample in percent of one core, or null in the first sample of the process. */
  readonly cpuPercent: number | null;
}

/** The last sample of a unit. */
interface Known {
  readonly tree: TreeOf;
  readonly pids: readonly number[];
  /** The CPU time in microseconds that the cgroup had counted before the sample was taken, or null without a cgroup of version 2. */
  readonly countedUs: number | null;
  readonly sample: Sample;
}

export interface TreeUsage extends Usage {
  /** Returns the last sample of a process, or undefined if the process was not in that sample. */
  lastSample(pid: number, startTicks: number): LastSample | undefined;
}

export const treeUsage = (table: Table): TreeUsage => new ProcUsage(table);

class ProcUsage implements TreeUsage {
  readonly #table: Table;
  readonly #ticksPerMs = clockTicks() / 1000;
  readonly #pageMib = pageBytes() / MIB;
  readonly #times = new CpuTimes();
  readonly #cgroupTimes: CgroupTimes;
  readonly #cpuAcct = new CpuAcct();
  #known: ReadonlyMap<string, Known> = new Map();
  #samples = 0;
  /** The time between the last two samples. */
  #elapsedTicks = 0;
  /** The CPU time in microseconds that the cgroups of version 2 had counted before the sample that is being taken, by unit. */
  #counters: ReadonlyMap<string, number | null> = new Map();
  /** The processes of the sample that is being taken. */
  #scanned: ReadonlyMap<string, readonly Stat[]> = new Map();

  constructor(table: Table) {
    this.#table = table;
    this.#cgroupTimes = new CgroupTimes((unit, tree) => this.#readGroup(unit, tree));
  }

  sample(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, Sample>> {
    const nowTicks = bootTimeMs() * this.#ticksPerMs;
    const lastTicks = this.#times.sampledAtTicks;
    // The counters are read before the scan. A process that runs in between changes the counter until the next sample, which
    // then reads the processes again.
    this.#counters = this.#readCounters(trees);
    const idle = this.#findIdle(trees);
    const idlePids = new Set([...idle.values()].flatMap(({ pids }) => pids));
    const busy = idle.size === 0 ? trees : new Map([...trees].filter(([unit]) => !idle.has(unit)));
    const scanned = trees.size === 0 ? new Map<string, readonly Stat[]>() : this.#table.scanTrees(busy, idlePids);
    this.#scanned = scanned;
    const cgroupUs = this.#cgroupTimes.sample(trees, lastTicks);
    const elapsedTicks = nowTicks - (lastTicks ?? nowTicks);
    const openFiles = countDescriptors(this.#table, scanned);
    const known = new Map(idle);
    for (const [unit, processTicks] of this.#times.sample(scanned, nowTicks, idlePids)) {
      const stats = scanned.get(unit)!;
      if (stats.length === 0) continue;
      const ticks = cgroupUs.has(unit) ? (cgroupUs.get(unit)! / 1000) * this.#ticksPerMs : processTicks;
      const cpuPercent = ticks === null || elapsedTicks <= 0 ? null : (ticks / elapsedTicks) * 100;
      const sample = { cpuPercent, ...this.#sumOf(stats, openFiles) };
      const countedUs = this.#counters.get(unit) ?? null;
      known.set(unit, { tree: trees.get(unit)!, pids: stats.map(({ pid }) => pid), countedUs, sample });
    }
    this.#elapsedTicks = elapsedTicks;
    this.#known = known;
    return Promise.resolve(new Map([...known].map(([unit, { sample }]) => [unit, sample])));
  }

  #readCounters(trees: ReadonlyMap<string, TreeOf>): ReadonlyMap<string, number | null> {
    const times = this.#table.cgroupCpuTimes(Array.from(trees.values(), ({ invocation }) => invocation));
    const counters = new Map<string, number | null>();
    let at = 0;
    for (const unit of trees.keys()) counters.set(unit, times[at++] ?? null);
    return counters;
  }

  /** Returns the units whose processes have used no CPU time since the last sample, with their present samples. */
  #findIdle(trees: ReadonlyMap<string, TreeOf>): Map<string, Known> {
    const idle = new Map<string, Known>();
    if (++this.#samples % FULL_SAMPLE_EVERY === 0) return idle;
    for (const [unit, tree] of trees) {
      const known = this.#known.get(unit);
      if (known === undefined || known.countedUs === null || !isSameTree(known.tree, tree)) continue;
      if (known.countedUs !== this.#counters.get(unit)) continue;
      idle.set(unit, known.sample.cpuPercent === 0 ? known : { ...known, sample: { ...known.sample, cpuPercent: 0 } });
    }
    return idle;
  }

  #sumOf(stats: readonly Stat[], openFiles: ReadonlyMap<number, number | null>): Omit<Sample, "cpuPercent"> {
    let pages = 0;
    let tasks = 0;
    let files: number | null = null;
    for (const { pid, residentPages, threads } of stats) {
      pages += residentPages;
      tasks += threads;
      files = plus(files, openFiles.get(pid) ?? null);
    }
    return { memoryMb: pages * this.#pageMib, tasks, openFiles: files };
  }

  #readGroup(unit: string, tree: TreeOf): GroupReading | null {
    const us = this.#counters.get(unit) ?? null;
    if (us !== null) return { us, group: null };
    const stats = this.#scanned.get(unit) ?? [];
    return stats.length === 0 ? null : this.#cpuAcct.read(tree, new Set(stats.map(({ pid }) => pid)));
  }

  lastSample(pid: number, startTicks: number): LastSample | undefined {
    const seen = this.#times.get(pid);
    const atTicks = this.#times.sampledAtTicks;
    if (seen?.startTicks !== startTicks || atTicks === null) return undefined;
    const { cpuTicks, newTicks } = seen;
    const cpuPercent = newTicks === null || this.#elapsedTicks <= 0 ? null : (newTicks / this.#elapsedTicks) * 100;
    return { atMs: atTicks / this.#ticksPerMs, cpuMs: cpuTicks / this.#ticksPerMs, cpuPercent };
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

  connections(): ReadonlyMap<number, number> {
    return countConnections();
  }

  unixConnections(): ReadonlyMap<string, number> {
    return countUnixConnections();
  }

  spare(): number | null {
    return availableMib();
  }
}

/** Adds a value to a sum. An unknown value (null) adds nothing. */
const plus = (sum: number | null, more: number | null): number | null => (more === null ? sum : (sum ?? 0) + more);

const isSameTree = (a: TreeOf, b: TreeOf): boolean =>
  a.invocation === b.invocation && a.main.pid === b.main.pid && a.main.startTicks === b.main.startTicks;

function countDescriptors(table: Table, scanned: ReadonlyMap<string, readonly Stat[]>): ReadonlyMap<number, number | null> {
  const pids: number[] = [];
  for (const stats of scanned.values()) for (const { pid } of stats) pids.push(pid);
  const counts = table.countDescriptors(pids);
  return new Map(pids.map((pid, i) => [pid, counts[i] ?? null]));
}
