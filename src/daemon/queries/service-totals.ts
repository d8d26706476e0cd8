import type * as shape from "../../api/contract/shapes.ts";
import { healthOfService, totalsOf } from "../../api/contract/service-rows.ts";
import type { LogLine } from "../../ports/logs.ts";

/** Combines the answers for the units of a service into one answer for the service. */

const FEW = 10;

export function detailOf(units: readonly shape.ServiceDetail[]): shape.ServiceDetail {
  const first = units[0]!;
  const pss = units.map(({ pss_mb }) => pss_mb);
  return {
    ...totalsOf(units),
    command: first.command,
    enforcement: first.enforcement,
    predictions: units.flatMap(({ id, predictions }) => predictions.map((text) => `${id}: ${text}`)),
    pss_mb: pss.includes(null) ? null : Number(pss.reduce<number>((sum, one) => sum + one!, 0).toFixed(2)),
    log: {
      losses: units.flatMap(({ log }) => log.losses),
      trouble: units.map(({ log }) => log.trouble).find((trouble) => trouble !== null) ?? null,
    },
    processes: units.flatMap(({ processes }) => processes),
    recent_events: units
      .flatMap(({ recent_events }) => recent_events)
      .sort((a, b) => a.id - b.id)
      .slice(-FEW),
    recent_lines: mergeLines(
      units.map(({ id, recent_lines }) => ({ id, lines: recent_lines })),
      FEW,
    ),
  };
}

/** Merges logs by time, each line with the id of its unit. Returns the last `most` lines, or all if it is undefined. */
export function mergeLines<Line extends LogLine>(
  logs: ReadonlyArray<{ readonly id: string; readonly lines: readonly Line[] }>,
  most: number | undefined,
): Array<Line & { service_id: string }> {
  return byTime(
    logs.flatMap(({ id, lines }) => lines.map((line) => ({ ...line, service_id: id }))),
    most,
  );
}

/** Sorts lines by time. Returns the last `most` of them, or all if it is undefined. */
export function byTime<Line extends LogLine>(lines: readonly Line[], most: number | undefined): Line[] {
  // The sort is stable, so the lines of one unit stay in order. A time in RFC 3339 with nanoseconds sorts as a string.
  const all = lines.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  return most === undefined ? all : most === 0 ? [] : all.slice(-most);
}

/**
 * Adds up the samples that were taken at the same time. A round of samples has one timestamp for all units, and older samples are
 * averaged over the same steps of time. Response times are averaged instead.
 */
export function sumMetrics(units: ReadonlyArray<readonly shape.MetricPoint[]>, limit: number): shape.MetricPoint[] {
  const groups = new Map<string, shape.MetricPoint[]>();
  for (const point of units.flat()) {
    const key = `${point.timestamp} ${point.step ?? 0}`;
    const group = groups.get(key);
    if (group) group.push(point);
    else groups.set(key, [point]);
  }
  const points = [...groups.values()].map(sumOf).sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
  return limit === 0 ? [] : points.slice(-limit);
}

function sumOf(points: readonly shape.MetricPoint[]): shape.MetricPoint {
  const first = points[0]!;
  const sum = (pick: (point: shape.MetricPoint) => number | null | undefined): number | null => {
    const known = points.map(pick).filter((value) => value != null);
    return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
  };
  const times = points.map(({ response_time_ms }) => response_time_ms).filter((value) => value !== null);
  const [reported, reporting]: [Record<string, number>, Record<string, number>] = [{}, {}];
  for (const [name, value] of points.flatMap((point) => Object.entries(point.reported ?? {}))) {
    reported[name] = (reported[name] ?? 0) + value;
    reporting[name] = (reporting[name] ?? 0) + 1;
  }
  return {
    timestamp: first.timestamp,
    cpu_percent: sum(({ cpu_percent }) => cpu_percent),
    memory_mb: sum(({ memory_mb }) => memory_mb),
    health_status: healthOfService(points.map(({ health_status }) => health_status)),
    response_time_ms: times.length === 0 ? null : times.reduce((total, value) => total + value, 0) / times.length,
    tasks: sum(({ tasks }) => tasks),
    open_files: sum(({ open_files }) => open_files),
    restarts: sum(({ restarts }) => restarts),
    units: points.length,
    ...(first.step === undefined
      ? {}
      : { step: first.step, cpu_max: sum(({ cpu_max }) => cpu_max), memory_max: sum(({ memory_max }) => memory_max) }),
    ...(Object.keys(reported).length > 0 && { reported, reporting }),
  };
}
