import type { MetricRow } from "../../ports/store/metrics.ts";
import { binsOf, slopeOf } from "../metrics/trend.ts";

/** What was measured during a run. A figure is null if there were too few measurements. */
export interface RunFigures {
  readonly memoryMb: number | null;
  readonly memoryMbPerHour: number | null;
  readonly cpuPercent: number | null;
  readonly responseMs: number | null;
}

const HOUR_MS = 3_600_000;
/**
 * Minimum number of samples for a slope. A process often grows only in its first seconds, so the samples must also cover a
 * minimum time.
 */
const LEAST_SAMPLES = 8;
const LEAST_SPAN_MS = 60_000;
const BINS = 20;

export interface RunSample extends Pick<MetricRow, "memoryMb" | "cpuPercent" | "responseTimeMs"> {
  readonly atMs: number;
}

/** Returns the figures of a run from its samples, oldest first. */
export function figuresOf(rows: readonly RunSample[]): RunFigures {
  const memory = rows.flatMap(({ atMs, memoryMb }) => (memoryMb === null ? [] : [{ atMs, value: memoryMb }]));
  const spanMs = memory.length === 0 ? 0 : memory.at(-1)!.atMs - memory[0]!.atMs;
  const hasSlope = memory.length >= LEAST_SAMPLES && spanMs >= LEAST_SPAN_MS;
  return {
    memoryMb: meanOf(memory.map(({ value }) => value)),
    memoryMbPerHour: hasSlope ? slopeOf(binsOf(memory, BINS), "middle") * HOUR_MS : null,
    cpuPercent: meanOf(rows.flatMap(({ cpuPercent }) => cpuPercent ?? [])),
    responseMs: meanOf(rows.flatMap(({ responseTimeMs }) => responseTimeMs ?? [])),
  };
}

const meanOf = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
