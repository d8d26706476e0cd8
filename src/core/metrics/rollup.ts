import type { Health } from "../../base/words.ts";
import type { MetricRow } from "../../ports/store/metrics.ts";
import type { Step } from "./windows.ts";

/**
 * Stored metrics become coarser with age: first samples, then one row per minute, then one row per quarter of an hour. A
 * coarse row holds the mean of the rows that it replaces, their peaks, their worst health, and the mean of each number that
 * the service reported. The newer rows of each resolution are plain rows of about 130 bytes, which any SQL client can read.
 * Older rows are packed into 1 to 8 bytes each.
 */
/** Combines rows of one unit, oldest first, into one row for each interval of `step` seconds. Intervals are counted from midnight UTC. */
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
    cpuMax: greatest(members.map(({ cpuMax, cpuPercent }) => cpuMax ?? cpuPercent)),
    memoryMax: greatest(members.map(({ memoryMax, memoryMb }) => memoryMax ?? memoryMb)),
    healthStatus: members.reduce<Health>((worst, { healthStatus }) => (RANK[healthStatus] > RANK[worst] ? healthStatus : worst), "unknown"),
    tasks: rounded(mean(members.map(({ tasks }) => tasks))),
    openFiles: rounded(mean(members.map(({ openFiles }) => openFiles))),
    restarts: members.findLast(({ restarts }) => restarts != null)?.restarts ?? null,
    responseTimeMs: mean(members.map(({ responseTimeMs }) => responseTimeMs)),
    ...reportedOf(members),
  }));
}

/** Returns the start of the interval that contains a UTC ISO 8601 time, in the same format. */
export function bucketOf(timestamp: string, step: Step): string {
  if (step === 0) return timestamp;
  if (step === 60) return `${timestamp.slice(0, 16)}:00.000Z`;
  const quarter = String(Math.floor(Number(timestamp.slice(14, 16)) / 15) * 15).padStart(2, "0");
  return `${timestamp.slice(0, 14)}${quarter}:00.000Z`;
}

const RANK: Record<Health, number> = { unknown: 0, healthy: 1, starting: 2, degraded: 3, unhealthy: 4 };

const known = (values: ReadonlyArray<number | null | undefined>): number[] => values.filter((value): value is number => value != null);

const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value));

function mean(values: ReadonlyArray<number | null | undefined>): number | null {
  const numbers = known(values);
  return numbers.length === 0 ? null : toThousandths(numbers.reduce((sum, value) => sum + value, 0) / numbers.length);
}

function greatest(values: ReadonlyArray<number | null>): number | null {
  const numbers = known(values);
  return numbers.length === 0 ? null : Math.max(...numbers);
}

const toThousandths = (value: number): number => Math.round(value * 1000) / 1000;

function reportedOf(members: readonly MetricRow[]): { reported?: Record<string, number> } {
  const names = new Set(members.flatMap(({ reported }) => Object.keys(reported ?? {})));
  if (names.size === 0) return {};
  return { reported: Object.fromEntries([...names].map((name) => [name, mean(members.map(({ reported }) => reported?.[name] ?? null))!])) };
}
