/**
 * CPU and memory of single processes, measured with pidusage. pidusage identifies a process only by its pid. Therefore the
 * start time is checked after the reading, and a figure of a later process with the same pid is dropped. The first request
 * loads pidusage.
 */
import { clockTicks } from "../../linux/proc/boot.ts";
import { bootTimeMs, realTimeMs } from "../../linux/proc/clocks.ts";
import { readStat, type Stat } from "../../linux/proc/proc.ts";
import type { ProcessTable } from "../../linux/processes/processes.ts";
import type { TreeOf } from "../../ports/processes.ts";
import type { ProcessFigures, ProcessUsage } from "../../ports/usage.ts";
import type { Reading } from "./pidusage.ts";
import type { LastSample, TreeUsage } from "./tree-usage.ts";

export interface ProcessUsageOptions {
  readonly table: Pick<ProcessTable, "treeStats">;
  readonly trees: Pick<TreeUsage, "lastSample">;
  readonly limitMs?: number;
  /** Reads processes by their pids. The default uses pidusage. */
  readonly readAll?: (pids: readonly number[]) => Promise<ReadonlyMap<number, Reading>>;
  /** Returns field 22 of /proc/PID/stat (the start time in clock ticks since boot), or null if there is no such process now. */
  readonly startTicksOf?: (pid: number) => number | null;
}

/** Time limit of one request in milliseconds. Figures that are not measured within it are null. */
const LIMIT_MS = 2000;
/** Shortest time over which CPU usage is computed. CPU time is counted in ticks of 10 ms, so a shorter time would be too inaccurate. */
const MIN_WINDOW_MS = 1000;
const MIB = 1024 * 1024;

const withPidusage = async (pids: readonly number[]): Promise<ReadonlyMap<number, Reading>> =>
  (await import("./pidusage.ts")).readAll(pids);

export function processUsage({
  table,
  trees,
  limitMs = LIMIT_MS,
  readAll = withPidusage,
  startTicksOf = (pid) => readStat(pid)?.startTicks ?? null,
}: ProcessUsageOptions): ProcessUsage {
  const msPerTick = 1000 / clockTicks();
  return {
    async of(tree: TreeOf): Promise<readonly ProcessFigures[]> {
      const stats = table.treeStats(tree);
      const readings = await within(limitMs, readAll(stats.map(({ pid }) => pid)));
      const nowMs = bootTimeMs();
      const bootedAtMs = realTimeMs() - nowMs;
      return stats.map(({ pid, name, parent, startTicks }: Stat) => {
        const reading = startTicksOf(pid) === startTicks ? readings.get(pid) : undefined;
        const startMs = startTicks * msPerTick;
        return {
          pid,
          name,
          parent,
          startedAtMs: Math.round(bootedAtMs + startMs),
          cpuPercent: reading ? cpuOf(reading.cpuMs, startMs, trees.lastSample(pid, startTicks), nowMs) : null,
          memoryMb: reading ? reading.memoryBytes / MIB : null,
        };
      });
    },
  };
}

/**
 * Returns the CPU usage since the last sample of the unit, in percent of one core. If the process was not in that sample,
 * returns the usage since its start. If the time is too short, returns the value of the last sample, or null.
 */
function cpuOf(cpuMs: number, startMs: number, last: LastSample | undefined, nowMs: number): number | null {
  const windowMs = nowMs - (last?.atMs ?? startMs);
  if (windowMs >= MIN_WINDOW_MS) return Math.max(0, ((cpuMs - (last?.cpuMs ?? 0)) / windowMs) * 100);
  return last?.cpuPercent ?? null;
}

/** Returns the readings, or no readings if they take too long or fail. */
async function within(limitMs: number, readings: Promise<ReadonlyMap<number, Reading>>): Promise<ReadonlyMap<number, Reading>> {
  const none = new Map<number, Reading>();
  const late = Promise.withResolvers<ReadonlyMap<number, Reading>>();
  const timer = setTimeout(() => late.resolve(none), limitMs);
  try {
    return await Promise.race([readings.catch(() => none), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
