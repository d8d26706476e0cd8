import type { MetricPoint } from "../../api/contract/shapes.ts";

/** Numbers over time as a chart takes them: seconds since 1970, and for each line a value or a gap at each of them. */
export interface Series {
  readonly times: readonly number[];
  readonly lines: ReadonlyArray<ReadonlyArray<number | null>>;
}

type Pick = (point: MetricPoint) => number | null;

/** A pause of more than three samples is a gap: the unit, or the daemon, was not there. */
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
    if (last !== undefined && time <= last) continue; // never backwards, whatever the clock did
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

/** The step of samples, as most of them have it. */
function usualStep(points: readonly MetricPoint[]): number {
  const steps: number[] = [];
  for (let i = Math.max(1, points.length - 50); i < points.length; i++) {
    if (points[i]!.step === undefined && points[i - 1]!.step === undefined)
      steps.push((Date.parse(points[i]!.timestamp) - Date.parse(points[i - 1]!.timestamp)) / 1000);
  }
  steps.sort((a, b) => a - b);
  return Math.max(1, steps[steps.length >> 1] ?? SAMPLE_S);
}

/** What came since, behind what was there; what is older than `fromMs` is let go. */
export function extend(points: readonly MetricPoint[], newer: readonly MetricPoint[], fromMs: number): readonly MetricPoint[] {
  const last = points.at(-1)?.timestamp ?? "";
  const from = new Date(fromMs).toISOString();
  return [...points.filter(({ timestamp }) => timestamp >= from), ...newer.filter(({ timestamp }) => timestamp > last)];
}

/** Names of numbers that the service reported itself. */
export const reportedNames = (points: readonly MetricPoint[]): readonly string[] =>
  [...new Set(points.flatMap(({ reported }) => Object.keys(reported ?? {})))].toSorted();

/** How a trend goes on: from where it stands now, with the slopes it may have. */
export interface Trend {
  readonly verdict: string;
  readonly text: string;
  readonly level: number | null;
  readonly per_hour: number;
  readonly per_hour_low: number;
  readonly per_hour_high: number;
}

/** The band from now to `untilS`: its edges and its middle at both ends. Null for what goes nowhere. */
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
