import type { Health } from "../../base/words.ts";

export interface MetricRow {
  readonly serviceId: string;
  readonly timestamp: string;
  readonly cpuPercent: number | null;
  readonly memoryMb: number | null;
  readonly healthStatus: Health;
  readonly responseTimeMs: number | null;
  /** Seconds that a row covers: 0 is a single sample; 60 and 900 are means, with their peaks in `cpuMax` and `memoryMax`. */
  readonly step?: number;
  readonly cpuMax?: number | null;
  readonly memoryMax?: number | null;
  readonly tasks?: number | null;
  readonly openFiles?: number | null;
  /** The unit's restart count at that time. */
  readonly restarts?: number | null;
  /** Numbers that the service reported by POST; stored as JSON. */
  readonly reported?: Readonly<Record<string, number>>;
}

/** Means over one bucket of time; null: nothing was measured. */
export interface CoursePoint {
  /** Wall milliseconds. */
  readonly atMs: number;
  readonly memory: number | null;
  readonly cpu: number | null;
}

export interface MetricsStore {
  addMetrics(rows: readonly MetricRow[]): void;
  /** Returns the newest `limit` rows at or after `sinceIso`, oldest first. */
  metrics(serviceId: string, sinceIso: string, limit: number): readonly MetricRow[];
  /** Returns mean memory and CPU between two wall times, one point for each `bucketMs`, oldest first. */
  course(serviceId: string, fromMs: number, toMs: number, bucketMs: number): readonly CoursePoint[];
}
