import { DAY_MS } from "../../base/duration.ts";
import type { Health } from "../../base/words.ts";
import type { MetricRow } from "../../ports/store/metrics.ts";

/**
 * Metrics get coarser as they get older: samples, then minutes, then quarters of an hour. A coarse row has the mean of
 * what it stands for, the peaks beside it, the worst health, and the mean of each reported number. Of each step the newer
 * rows are plain ones, which anybody can read by SQL and which take some 130 bytes; the older are packed to 1 to 8 bytes.
 */
export const STEPS = [0, 60, 900] as const;
export type Step = (typeof STEPS)[number];

/** Wall milliseconds: of each step, what is older is packed, or rolled up. */
export interface Ages {
  readonly plainMs: number;
  readonly keptMs: number;
}
export type Windows = Readonly<Record<Step, Ages>>;

/** Rows of all units together: what a big installation has less time for. */
const ROWS: Readonly<Record<Step, { readonly plain: number; readonly kept: number }>> = {
  0: { plain: 800_000, kept: 20_000_000 },
  60: { plain: 100_000, kept: 12_000_000 },
  900: { plain: 100_000, kept: Infinity },
};
const LEAST_MS = 600_000;

/** How long samples, minutes and quarters are kept, and how long of that as plain rows. */
export function windowsFor(units: number, intervalMs: number, retentionMs: number): Windows {
  const count = Math.max(1, units);
  const span = (rows: number, stepMs: number): number => (rows / count) * stepMs;
  const samplesMs = Math.min(DAY_MS, retentionMs, Math.max(LEAST_MS, span(ROWS[0].kept, intervalMs)));
  const minutesMs = Math.min(retentionMs, Math.max(samplesMs, span(ROWS[60].kept, 60_000)));
  return {
    0: { keptMs: samplesMs, plainMs: Math.min(samplesMs, Math.max(LEAST_MS, span(ROWS[0].plain, intervalMs))) },
    60: { keptMs: minutesMs, plainMs: Math.min(minutesMs, samplesMs + span(ROWS[60].plain, 60_000)) },
    900: { keptMs: retentionMs, plainMs: Math.min(retentionMs, minutesMs + span(ROWS[900].plain, 900_000)) },
  };
}

/** Rows of one unit, oldest first, as one row for each `step` seconds; the step is counted from midnight UTC. */
export function rollUp(rows: readonly MetricRow[], step: Step): MetricRow[] {
  const buckets = new Map<string, MetricRow[]>();
  for (const row of rows) {
    const begin = bucketOf(row.timestamp, step);
    const bucket = buckets.get(begin);
    if (bucket) bucket.push(row);
    else buckets.set(begin, [row]);
  }
  return [...buckets].map(([timestamp, members]) => ({
    serviceId: members[0]!.serviceId,
    timestamp,
    step,
    cpuPercent: mean(members.map(({ cpuPercent }) => cpuPercent)),
    memoryMb: mean(members.map(({ memoryMb }) => memoryMb)),
    cpuMax: most(members.map(({ cpuMax, cpuPercent }) => cpuMax ?? cpuPercent)),
    memoryMax: most(members.map(({ memoryMax, memoryMb }) => memoryMax ?? memoryMb)),
    healthStatus: members.reduce<Health>((worst, { healthStatus }) => (RANK[healthStatus] > RANK[worst] ? healthStatus : worst), "unknown"),
    tasks: whole(mean(members.map(({ tasks }) => tasks))),
    openFiles: whole(mean(members.map(({ openFiles }) => openFiles))),
    restarts: members.findLast(({ restarts }) => restarts != null)?.restarts ?? null,
    responseTimeMs: mean(members.map(({ responseTimeMs }) => responseTimeMs)),
    ...reportedOf(members),
  }));
}

/** The begin of the step that a UTC ISO 8601 time falls into, as such a time. */
export function bucketOf(timestamp: string, step: Step): string {
  if (step === 0) return timestamp;
  if (step === 60) return `${timestamp.slice(0, 16)}:00.000Z`;
  const quarter = String(Math.floor(Number(timestamp.slice(14, 16)) / 15) * 15).padStart(2, "0");
  return `${timestamp.slice(0, 14)}${quarter}:00.000Z`;
}

const RANK: Record<Health, number> = { unknown: 0, healthy: 1, starting: 2, degraded: 3, unhealthy: 4 };

const known = (values: ReadonlyArray<number | null | undefined>): number[] => values.filter((value): value is number => value != null);

const whole = (value: number | null): number | null => (value === null ? null : Math.round(value));

function mean(values: ReadonlyArray<number | null | undefined>): number | null {
  const numbers = known(values);
  return numbers.length === 0 ? null : round(numbers.reduce((sum, value) => sum + value, 0) / numbers.length);
}

function most(values: ReadonlyArray<number | null>): number | null {
  const numbers = known(values);
  return numbers.length === 0 ? null : Math.max(...numbers);
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

function reportedOf(members: readonly MetricRow[]): { reported?: Record<string, number> } {
  const names = new Set(members.flatMap(({ reported }) => Object.keys(reported ?? {})));
  if (names.size === 0) return {};
  return { reported: Object.fromEntries([...names].map((name) => [name, mean(members.map(({ reported }) => reported?.[name] ?? null))!])) };
}
