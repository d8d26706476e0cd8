import type { Event, MetricPoint } from "../../api/contract/shapes.ts";

export interface Step {
  /** The time from which on the number holds, in seconds. */
  readonly at: number;
  readonly count: number;
}

/** Returns how many units the service was to have between two times. Before the first change, it had the number that the change names. */
export function wantedSteps(changes: readonly Event[], current: number, fromS: number, toS: number): Step[] {
  const steps = changes.flatMap(({ timestamp, details }) => {
    const at = Date.parse(timestamp) / 1000;
    return at >= fromS && at <= toS && typeof details.to === "number" ? [{ at, count: details.to, before: details.from }] : [];
  });
  const first = steps[0]?.before;
  return [{ at: fromS, count: typeof first === "number" ? first : current }, ...steps.map(({ at, count }) => ({ at, count }))];
}

/** Returns the mean of a metric per unit, or null without a value. The number of connections is not stored. */
export function meanOf(
  { units = 1, cpu_percent, memory_mb, response_time_ms, reported, reporting }: MetricPoint,
  metric: string,
): number | null {
  if (metric === "response_time") return response_time_ms;
  if (metric === "cpu") return cpu_percent === null ? null : cpu_percent / units;
  if (metric === "memory") return memory_mb === null ? null : memory_mb / units;
  const sum = reported?.[metric];
  return sum === undefined ? null : sum / (reporting?.[metric] ?? 1);
}
