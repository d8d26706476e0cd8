import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { MAX_REPORTED } from "../../api/contract/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { MetricRow, MetricsStore } from "../../ports/store/metrics.ts";
import type { Sampler } from "../background/sampler.ts";

export function storedMetrics(
  store: Pick<MetricsStore, "metrics">,
  id: string,
  sinceIso: string,
  limit: number,
  untilIso?: string,
): shape.MetricPoint[] {
  return store.metrics(id, sinceIso, limit, untilIso).map(pointOf);
}

/** Accepts the metrics that a unit reports about itself. */
export function acceptReport(sampler: Pick<Sampler, "report">, id: string, { metrics }: shape.MetricsReport): Result<null, ApiError> {
  if (sampler.report(id, metrics, MAX_REPORTED)) return ok(null);
  const message = `cannot accept metrics: ${id} would report more than ${MAX_REPORTED} names`;
  return err({ code: "invalid", message, hint: "a name that was not reported for an hour no longer counts once the limit is reached" });
}

const pointOf = (row: MetricRow): shape.MetricPoint => ({
  timestamp: row.timestamp,
  cpu_percent: row.cpuPercent,
  memory_mb: row.memoryMb,
  health_status: row.healthStatus,
  response_time_ms: row.responseTimeMs,
  tasks: row.tasks ?? null,
  open_files: row.openFiles ?? null,
  restarts: row.restarts ?? null,
  ...(row.step ? { step: row.step, cpu_max: row.cpuMax ?? null, memory_max: row.memoryMax ?? null } : {}),
  ...(row.reported ? { reported: { ...row.reported } } : {}),
});
