import { z } from "zod";
import { HEALTHS } from "../../../base/words.ts";
import { id, time } from "./common.ts";

export const metricPoint = z.object({
  timestamp: time,
  cpu_percent: z.number().nullable(),
  memory_mb: z.number().nullable(),
  health_status: z.enum(HEALTHS),
  response_time_ms: z.number().nullable(),
  tasks: z.number().nullable(),
  open_files: z.number().nullable(),
  /** How often the unit had been restarted by then. */
  restarts: z.number().nullable(),
  /** Of a mean: the seconds it covers, with the peaks in `cpu_max` and `memory_max`. Absent in a single sample. */
  step: z.number().int().optional(),
  cpu_max: z.number().nullable().optional(),
  memory_max: z.number().nullable().optional(),
  reported: z.record(z.string(), z.number()).optional(),
});
export type MetricPoint = z.infer<typeof metricPoint>;

export const trend = z.object({
  /** Only an even change is `rising` or `falling`; a cycle, a step and noise are `steady`. */
  verdict: z.enum(["not-running", "warming-up", "steady", "falling", "rising"]),
  /** The forecast in one sentence. */
  text: z.string(),
  /** Memory that has been growing evenly for a long time. */
  leak: z.boolean(),
  /** MiB, or percent of one core; null without a limit. */
  limit: z.number().nullable(),
  /** True: the machine runs out of memory before the unit reaches its own limit. */
  of_machine: z.boolean(),
  /** The present value of the trend line, without noise; null while the unit does not run. */
  level: z.number().nullable(),
  per_hour: z.number(),
  per_hour_low: z.number(),
  per_hour_high: z.number(),
  seen_seconds: z.number(),
  /** Null: it will not be reached within the forecast's horizon. */
  limit_in_seconds: z.number().nullable(),
  limit_at: time.nullable(),
  limit_at_soonest: time.nullable(),
  limit_at_latest: time.nullable(),
});
export type Trend = z.infer<typeof trend>;

export const forecast = z.object({ id, run_since: time.nullable(), memory: trend, cpu: trend });
export type Forecast = z.infer<typeof forecast>;

/** How many different names one service can report. */
export const MAX_REPORTED = 64;
export const metricsReport = z.strictObject({ service_id: id, metrics: z.record(z.string().min(1).max(128), z.number()) });
export type MetricsReport = z.infer<typeof metricsReport>;
