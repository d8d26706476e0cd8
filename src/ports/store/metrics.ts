import type { Health } from "../../base/words.ts";

export interface MetricRow {
  readonly serviceId: string;
  readonly timestamp: string;
  readonly cpuPercent: number | null;
  readonly memoryMb: number | null;
  readonly healthStatus: Health;
  readonly responseTimeMs: number | null;
  /**
   * Number of seconds that the row covers. 0 means a single sample. Rows of 60 and 900 seconds hold means, and the peaks in
   * `cpuMax` and `memoryMax`.
   */
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

/** Mean memory and CPU in one interval of time. A mean is null if nothing was measured. */
export interface CoursePoint {
  /** Time of the interval in wall clock milliseconds. */
  readonly atMs: number;
  readonly memory: number | null;
  readonly cpu: number | null;
}

export interface MetricsStore {
  addMetrics(rows: readonly MetricRow[]): void;
  /** Returns the newest `limit` rows at or after `sinceIso` and before `beforeIso`, if that is given, oldest first. */
  metrics(serviceId: string, sinceIso: string, limit: number, beforeIso?: string): readonly MetricRow[];
  /** Returns mean memory and CPU between two wall clock times, one point for each interval of `bucketMs`, oldest first. */
  course(serviceId: string, fromMs: number, toMs: number, bucketMs: number): readonly CoursePoint[];
}
