import type { MetricPoint } from "../../api/contract/shapes.ts";

/** Chart data. `times` are seconds since 1970. Each line has a value for each time, or null for a gap. */
export interface Series {
  readonly times: readonly number[];
  readonly lines: ReadonlyArray<ReadonlyArray<number | null>>;
}

type Pick = (point: MetricPoint) => number | null;

/** Number of consecutive intervals without a sample after which the line has a gap. The unit or the daemon was not running then. */
const GAP_STEPS = 3;
const SAMPLE_S = 5;

export function seriesOf(points: readonly MetricPoint[], ...picks: readonly Pick[]): Series {
  const times: number[] = [];
  const lines: Array<Array<number | null>> = picks.map(() => []);
  const put = (time: number, values: readonly (number | null)[]): void => {
    times.push(time);
    values.forEach((value, index) => lines[index]!.push(value));
  };
  const blank = picks.map(() => null);
  const usual = usualStep(points);
  let step = 0;
  for (const point of points) {
    const time = Date.parse(point.timestamp) / 1000;
    const last = times.at(-1);
    if (last !== undefined && time <= last) continue; // keep the time axis increasing even if the clock was set back
    const longest = Math.max(step, point.step ?? 0, usual);
    step = point.step ?? 0;
    if (last !== undefined && time - last > GAP_STEPS * longest) put(last + (time - last) / 2, blank);
    put(
      time,
      picks.map((pick) => pick(point)),
    );
  }
  return { times, lines };
}

/** Returns the median interval of recent samples in seconds. */
function usualStep(points: readonly MetricPoint[]): number {
  const steps: number[] = [];
  for (let i = Math.max(1, points.length - 50); i < points.length; i++) {
    if (points[i]!.step === undefined && points[i - 1]!.step === undefined)
      steps.push((Date.parse(points[i]!.timestamp) - Date.parse(points[i - 1]!.timestamp)) / 1000);
  }
  steps.sort((a, b) => a - b);
  return Math.max(1, steps[steps.length >> 1] ?? SAMPLE_S);
}

/** Appends newer points, and drops points older than `fromMs`. */
export function extend(points: readonly MetricPoint[], newer: readonly MetricPoint[], fromMs: number): readonly MetricPoint[] {
  const last = points.at(-1)?.timestamp ?? "";
  const from = new Date(fromMs).toISOString();
  return [...points.filter(({ timestamp }) => timestamp >= from), ...newer.filter(({ timestamp }) => timestamp > last)];
}

/** Returns the names of the values that the service itself reports. */
export const reportedNames = (points: readonly MetricPoint[]): readonly string[] =>
  [...new Set(points.flatMap(({ reported }) => Object.keys(reported ?? {})))].toSorted();

/** The current level of a value, and the range of its slope. */
export interface Trend {
  readonly verdict: string;
  readonly text: string;
  readonly level: number | null;
  readonly per_hour: number;
  readonly per_hour_low: number;
  readonly per_hour_high: number;
}

/** Returns the forecast band from now to `untilS`, with its edges and its middle at both times. Returns null if there is no trend. */
export function bandOf(trend: Trend | null, nowS: number, untilS: number) {
  if (trend === null || trend.level === null || (trend.verdict !== "rising" && trend.verdict !== "falling") || untilS <= nowS) return null;
  const { level } = trend;
  const hours = (untilS - nowS) / 3600;
  const end = (perHour: number): number => Math.max(0, level + perHour * hours);
  return {
    times: [nowS, untilS],
    low: [level, end(trend.per_hour_low)],
    middle: [level, end(trend.per_hour)],
    high: [level, end(trend.per_hour_high)],
  } as const;
}
