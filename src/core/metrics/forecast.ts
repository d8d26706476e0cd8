import { DAY_MS } from "../../base/duration.ts";
import { binsOf, fallOf, slopeOf, trendOf, type Bin, type Point } from "./trend.ts";

/**
 * Will a value that is measured again and again pass a limit, and when? The trend is robust (`trend.ts`); what it is worth,
 * the rules here decide, because most rises are none: a morning, a step, a collector's saw, a cache that fills. Nothing in
 * here knows of seconds: a leak that takes a minute and one that takes a week look the same, seen from far enough.
 */
export type Verdict =
  /** Too little is known: the run is young. */
  | "warming-up"
  /** No trend that is worth the name. */
  | "steady"
  | "falling"
  /** It grows, has done so for a while, evenly, and to where it never was. */
  | "rising";

export interface Forecast {
  readonly verdict: Verdict;
  /** Where the trend stands now, without the noise. */
  readonly level: number;
  /** Per millisecond, with the band in which the true slope is likely to be. */
  readonly slope: number;
  readonly slopeLow: number;
  readonly slopeHigh: number;
  /** How far back the trend was seen, in milliseconds. */
  readonly spanMs: number;
  /** Milliseconds until the limit, and the band; all null when it is not to be expected. */
  readonly inMs: number | null;
  readonly soonestMs: number | null;
  readonly latestMs: number | null;
}

/** With fewer points nothing is said: programs grow while they warm up. */
export const LEAST_POINTS = 40;
/** The first part of a run is left out of the trend for the same reason. */
const START_SHARE = 0.05;
const BINS = 24;
/** From one stretch that is looked at to the next. */
const SHORTER = 0.7;
/** From one look to the next: at least so many samples, at most so many parts of the run's age, of the time that is left, and milliseconds. */
const LEAST_WAIT = 5;
const LOOKS = 40;
const SOON = 10;
const MOST_WAIT_MS = 3_600_000;
/** A line is drawn this far beyond what was seen of it: less while a morning may look like a leak. */
const REACH = 1;
const REACH_YOUNG = 0.5;
/** The last third of a leak is at least this part as steep as the others. */
const SLOWER = 0.85;

/** How long to wait for the next look: a trend of days does not change in minutes, and what was foreseen is looked at again soon. */
export const lookEveryMs = (ageMs: number, intervalMs: number, inMs: number | null): number =>
  Math.max(LEAST_WAIT * intervalMs, Math.min(MOST_WAIT_MS, ageMs / LOOKS, (inMs ?? Infinity) / SOON));

/** `points` of one run, oldest first; `limit` null when there is none. */
export function forecast(points: readonly Point[], limit: number | null): Forecast {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < LEAST_POINTS) return nothing("warming-up", last?.value ?? 0);
  const age = last.atMs - first.atMs;
  const settled = points.filter(({ atMs }) => atMs >= first.atMs + age * START_SHARE);
  let whole: Forecast | null = null;
  // The longest stretch that shows a rise knows best how fast it is; the shorter ones see what began later.
  for (let spanMs = last.atMs - settled[0]!.atMs; ; spanMs *= SHORTER) {
    const begin = settled.findIndex(({ atMs }) => atMs >= last.atMs - spanMs);
    const inside = settled.slice(begin);
    if (inside.length < LEAST_POINTS) break;
    const found = judge(inside, settled.slice(0, begin), limit);
    if (found.verdict === "rising") return found;
    whole ??= found;
  }
  return whole ?? nothing("warming-up", last.value);
}

function judge(points: readonly Point[], before: readonly Point[], limit: number | null): Forecast {
  const bins = binsOf(points, BINS);
  if (bins.length < BINS / 2) return nothing("steady", points.at(-1)!.value);
  const { slope, low, high, level, noise } = trendOf(
    bins.map(({ atMs, middle }) => ({ atMs, value: middle })),
    points.at(-1)!.atMs,
  );
  const spanMs = points.at(-1)!.atMs - points[0]!.atMs;
  const seen = { level, slope, slopeLow: low, slopeHigh: high, spanMs, inMs: null, soonestMs: null, latestMs: null };
  const clear = Math.abs(slope) * spanMs > Math.max(4 * noise, 0.03 * Math.abs(level));
  if (clear && high < 0) return { ...seen, verdict: "falling" };
  const rising = clear && low > 0 && isEven(bins, slope) && !wasThereBefore(before, level - 0.1 * slope * spanMs, spanMs);
  return rising ? { ...seen, verdict: "rising", ...whenReached(limit, bins, seen) } : { ...seen, verdict: "steady" };
}

/** A leak is in each part of the time, in the floor as in the ceiling, and does not slow down; a step, a spike, a saw and a cache are not so. */
function isEven(bins: readonly Bin[], slope: number): boolean {
  const third = Math.floor(bins.length / 3);
  const slopes = [bins.slice(0, third), bins.slice(third, -third), bins.slice(-third)].map((part) => slopeOf(part, "middle"));
  const [early, middle, late] = slopes as [number, number, number];
  if (Math.min(early, middle, late) < slope * 0.3 || Math.max(early, middle, late) > slope * 3) return false;
  if (late < Math.max(early, middle) * SLOWER) return false;
  if (slopeOf(bins, "floor") < slope / 2 || slopeOf(bins, "ceiling") < slope / 2) return false;
  return fallOf(bins.map(({ floor }) => floor)) < 0.3 * (bins.at(-1)!.floor - bins[0]!.floor);
}

/** What was as high in this run before the stretch, and came down again, is a cycle and no leak. Seen as finely as the stretch itself. */
function wasThereBefore(before: readonly Point[], level: number, spanMs: number): boolean {
  if (before.length < 4) return false;
  const bins = Math.ceil(((before.at(-1)!.atMs - before[0]!.atMs) / spanMs) * BINS);
  return Math.max(...binsOf(before, Math.max(1, bins)).map(({ middle }) => middle)) >= level;
}

/** The ceiling is what meets the limit first. */
function whenReached(
  limit: number | null,
  bins: readonly Bin[],
  { level, slope, slopeLow, slopeHigh, spanMs }: Pick<Forecast, "level" | "slope" | "slopeLow" | "slopeHigh" | "spanMs">,
): Pick<Forecast, "inMs" | "soonestMs" | "latestMs"> {
  if (limit === null) return { inMs: null, soonestMs: null, latestMs: null };
  const width = spanMs / BINS;
  const ascent = 0.4 * slope * width; // of the line itself, from the middle of a bin to its ceiling
  const above = Math.max(0, bins.map(({ ceiling, middle }) => ceiling - middle).toSorted((a, b) => a - b)[bins.length >> 1]! - ascent);
  const at = (rate: number, height = level + above): number => Math.max(0, (limit - height) / rate);
  const inMs = at(slope);
  if (inMs > spanMs * (spanMs < DAY_MS ? REACH_YOUNG : REACH)) return { inMs: null, soonestMs: null, latestMs: null };
  // No time is known more finely than a bin.
  return { inMs, soonestMs: Math.max(0, at(slopeHigh, level + 2 * above) - width), latestMs: at(slopeLow, level) + width };
}

const nothing = (verdict: Verdict, level: number): Forecast => ({
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
