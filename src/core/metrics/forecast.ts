import { DAY_MS } from "../../base/duration.ts";
import { binsOf, fallOf, slopeOf, trendOf, type Bin, type Point } from "./trend.ts";

/**
 * Predicts whether and when a sampled value will exceed a limit. The trend itself is robust against outliers (`trend.ts`). The rules
 * here decide whether the trend matters. Most rises are harmless, for example a daily cycle, a step, the sawtooth of a garbage
 * collector, or a cache that fills. No rule depends on absolute times, so the same rules find a leak over a minute and a leak over a
 * week.
 */
export type Verdict =
  /** The run is too young to judge. */
  | "warming-up"
  /** No significant trend. */
  | "steady"
  | "falling"
  /** The value has grown evenly for a while, and beyond every earlier level. */
  | "rising";

export interface Forecast {
  readonly verdict: Verdict;
  /** The present value of the trend line, without noise. */
  readonly level: number;
  /** The slope of the trend per millisecond, and the confidence band of the true slope. */
  readonly slope: number;
  readonly slopeLow: number;
  readonly slopeHigh: number;
  /** Milliseconds over which the trend was observed. */
  readonly spanMs: number;
  /** Milliseconds until the value reaches the limit, with the confidence band. All three are null if it is not expected to reach the limit. */
  readonly inMs: number | null;
  readonly soonestMs: number | null;
  readonly latestMs: number | null;
}

/** With fewer points there is no verdict: the run is too young, and its growth may only be warm-up. */
export const LEAST_POINTS = 40;
/** The fraction of a run, from its start, that is excluded from the trend, because programs grow while they warm up. */
const START_SHARE = 0.05;
const BINS = 24;
/** `forecast` examines shorter and shorter stretches of points. Each stretch has the length of the previous one multiplied by this factor. */
const SHORTER = 0.7;
/**
 * The wait between two forecasts is the smallest of three times: 1/AGE_PARTS of the run's age, 1/LEFT_PARTS of the time left until
 * the limit, and MOST_WAIT_MS. It is never shorter than LEAST_WAIT samples.
 */
const LEAST_WAIT = 5;
const AGE_PARTS = 40;
const LEFT_PARTS = 10;
const MOST_WAIT_MS = 3_600_000;
/**
 * A trend is extrapolated by at most this multiple of the time over which it was observed. The factor is smaller in the first
 * day, when a daily cycle may look like a leak.
 */
const REACH = 1;
const REACH_YOUNG = 0.5;
/** For a leak, the slope in the last third must be at least this fraction of the steeper of the other two slopes. */
const LATE_STEEPNESS = 0.85;

/**
 * Returns the time until the next forecast. A trend of days does not change within minutes, but a limit that is near is
 * checked again soon.
 */
export const forecastEveryMs = (ageMs: number, intervalMs: number, inMs: number | null): number =>
  Math.max(LEAST_WAIT * intervalMs, Math.min(MOST_WAIT_MS, ageMs / AGE_PARTS, (inMs ?? Infinity) / LEFT_PARTS));

/** Makes the forecast for one run from its `points`, oldest first. `limit` is null if there is none. */
export function forecast(points: readonly Point[], limit: number | null): Forecast {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < LEAST_POINTS) return noTrend("warming-up", last?.value ?? 0);
  const age = last.atMs - first.atMs;
  const settled = points.filter(({ atMs }) => atMs >= first.atMs + age * START_SHARE);
  let longest: Forecast | null = null;
  // The longest stretch with a rise gives the most exact slope. The shorter stretches are examined to detect a rise that began later.
  for (let spanMs = last.atMs - settled[0]!.atMs; ; spanMs *= SHORTER) {
    const begin = settled.findIndex(({ atMs }) => atMs >= last.atMs - spanMs);
    const inside = settled.slice(begin);
    if (inside.length < LEAST_POINTS) break;
    const found = judge(inside, settled.slice(0, begin), limit);
    if (found.verdict === "rising") return found;
    longest ??= found;
  }
  return longest ?? noTrend("warming-up", last.value);
}

function judge(points: readonly Point[], before: readonly Point[], limit: number | null): Forecast {
  const bins = binsOf(points, BINS);
  if (bins.length < BINS / 2) return noTrend("steady", points.at(-1)!.value);
  const { slope, low, high, level, noise } = trendOf(
    bins.map(({ atMs, middle }) => ({ atMs, value: middle })),
    points.at(-1)!.atMs,
  );
  const spanMs = points.at(-1)!.atMs - points[0]!.atMs;
  const observed = { level, slope, slopeLow: low, slopeHigh: high, spanMs, inMs: null, soonestMs: null, latestMs: null };
  const clear = Math.abs(slope) * spanMs > Math.max(4 * noise, 0.03 * Math.abs(level));
  if (clear && high < 0) return { ...observed, verdict: "falling" };
  const rising = clear && low > 0 && isEven(bins, slope) && !reachedBefore(before, level - 0.1 * slope * spanMs, spanMs);
  return rising ? { ...observed, verdict: "rising", ...whenReached(limit, bins, observed) } : { ...observed, verdict: "steady" };
}

/**
 * Returns true if the values grow like a leak: floor and ceiling rise in each third of the time, and the growth does not slow
 * down. Steps, spikes, sawtooth curves and filling caches do not grow like this.
 */
function isEven(bins: readonly Bin[], slope: number): boolean {
  const third = Math.floor(bins.length / 3);
  const slopes = [bins.slice(0, third), bins.slice(third, -third), bins.slice(-third)].map((part) => slopeOf(part, "middle"));
  const [early, middle, late] = slopes as [number, number, number];
  if (Math.min(early, middle, late) < slope * 0.3 || Math.max(early, middle, late) > slope * 3) return false;
  if (late < Math.max(early, middle) * LATE_STEEPNESS) return false;
  if (slopeOf(bins, "floor") < slope / 2 || slopeOf(bins, "ceiling") < slope / 2) return false;
  return fallOf(bins.map(({ floor }) => floor)) < 0.3 * (bins.at(-1)!.floor - bins[0]!.floor);
}

/**
 * Returns true if the value was as high as `level` before the stretch and came down again, which is a cycle and not a leak. The bins
 * used here have the same duration as those of the stretch.
 */
function reachedBefore(before: readonly Point[], level: number, spanMs: number): boolean {
  if (before.length < 4) return false;
  const bins = Math.ceil(((before.at(-1)!.atMs - before[0]!.atMs) / spanMs) * BINS);
  return Math.max(...binsOf(before, Math.max(1, bins)).map(({ middle }) => middle)) >= level;
}

/** Returns when the limit will be reached. The ceiling of the values counts, because it reaches the limit before the trend line does. */
function whenReached(
  limit: number | null,
  bins: readonly Bin[],
  { level, slope, slopeLow, slopeHigh, spanMs }: Pick<Forecast, "level" | "slope" | "slopeLow" | "slopeHigh" | "spanMs">,
): Pick<Forecast, "inMs" | "soonestMs" | "latestMs"> {
  if (limit === null) return { inMs: null, soonestMs: null, latestMs: null };
  const width = spanMs / BINS;
  const ascent = 0.4 * slope * width; // rise of the line from the middle of a bin to its ceiling
  const above = Math.max(0, bins.map(({ ceiling, middle }) => ceiling - middle).toSorted((a, b) => a - b)[bins.length >> 1]! - ascent);
  const at = (rate: number, height = level + above): number => Math.max(0, (limit - height) / rate);
  const inMs = at(slope);
  // A limit that is already exceeded is not reached in the future.
  if (level >= limit || inMs > spanMs * (spanMs < DAY_MS ? REACH_YOUNG : REACH)) return { inMs: null, soonestMs: null, latestMs: null };
  // Times cannot be more precise than the width of a bin.
  return { inMs, soonestMs: Math.max(0, at(slopeHigh, level + 2 * above) - width), latestMs: at(slopeLow, level) + width };
}

const noTrend = (verdict: Verdict, level: number): Forecast => ({
  verdict,
  level,
  slope: 0,
  slopeLow: 0,
  slopeHigh: 0,
  spanMs: 0,
  inMs: null,
  soonestMs: null,
  latestMs: null,
});
