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
  /** The number of restarts of the unit up to this time. */
  restarts: z.number().nullable(),
  /** The seconds that a mean covers; its peaks are in `cpu_max` and `memory_max`. Absent in a single sample. */
  step: z.number().int().optional(),
  cpu_max: z.number().nullable().optional(),
  memory_max: z.number().nullable().optional(),
  /** For a service with `instances`: the number of units that the sums are of. */
  units: z.number().int().optional(),
  /** For a service with `instances`: the number of units that reported each of the metrics in `reported`. */
  reporting: z.record(z.string(), z.number().int()).optional(),
  reported: z.record(z.string(), z.number()).optional(),
});
export type MetricPoint = z.infer<typeof metricPoint>;

export const trend = z.object({
  /** `rising` or `falling` means an even change. A cycle, a step or noise counts as `steady`. */
  verdict: z.enum(["not-running", "warming-up", "steady", "falling", "rising"]),
  /** The forecast in one sentence. */
  text: z.string(),
  /** True if memory has been growing evenly for a long time. */
  leak: z.boolean(),
  /** The limit in MiB or in percent of one core, or null without a limit. */
  limit: z.number().nullable(),
  /** True if the machine runs out of memory before the unit reaches its own limit. */
  of_machine: z.boolean(),
  /** The present value of the trend line, without noise, or null while the unit does not run. */
  level: z.number().nullable(),
  per_hour: z.number(),
  per_hour_low: z.number(),
  per_hour_high: z.number(),
  seen_seconds: z.number(),
  /** The time until the limit is reached, or null if that is beyond the forecast's horizon. */
  limit_in_seconds: z.number().nullable(),
  limit_at: time.nullable(),
  limit_at_soonest: time.nullable(),
  limit_at_latest: time.nullable(),
});
export type Trend = z.infer<typeof trend>;

const unitForecast = z.object({ id, run_since: time.nullable(), memory: trend, cpu: trend });
export type UnitForecast = z.infer<typeof unitForecast>;

export const forecast = unitForecast.extend({
  /**
   * For a service with `instances`, the forecasts of its units. `memory` and `cpu` are then the trends of the unit that reaches the
   * limit first, or that grows fastest.
   */
  units: z.array(unitForecast).optional(),
});
export type Forecast = z.infer<typeof forecast>;
