/**
 * Fits a robust line to points with the Theil–Sen estimator: the median of the slopes between all pairs of points, which
 * tolerates up to 29 % outliers. The confidence band is Sen's (J. Am. Stat. Assoc. 63, 1968). The line is fitted to bins, not
 * to single points, because neighbouring points are correlated, and because the median of a bin removes faster oscillations.
 */
export interface Point {
  /** Time in milliseconds from any origin. */
  readonly atMs: number;
  readonly value: number;
}

/** An interval of time, with the quantiles 0.1 (floor), 0.5 (middle) and 0.9 (ceiling) of the values that were measured in it. */
export interface Bin {
  /** The mean time of the points in the bin, so that points on a line give bins on the same line. */
  readonly atMs: number;
  readonly floor: number;
  readonly middle: number;
  readonly ceiling: number;
}

export interface Trend {
  /** The slope per millisecond. */
  readonly slope: number;
  readonly low: number;
  readonly high: number;
  /** The value of the line at `nowMs`. */
  readonly level: number;
  /** The median distance of points from the line, scaled to a standard deviation. */
  readonly noise: number;
}

/** The quantile of the normal distribution for a two-sided confidence band of 99 %. */
const Z = 2.58;

/** Divides the points into bins of equal duration. Empty bins are omitted. */
export function binsOf(points: readonly Point[], count: number): Bin[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return [];
  const width = (last.atMs - first.atMs) / count;
  const bins: Point[][] = Array.from({ length: count }, () => []);
  for (const point of points) bins[Math.min(count - 1, Math.floor((point.atMs - first.atMs) / width))]!.push(point);
  return bins.flatMap((members) => {
    if (members.length === 0) return [];
    const sorted = sortedBy(members, ({ value }) => value);
    const at = (part: number): number => sorted[Math.round((sorted.length - 1) * part)]!;
    const atMs = members.reduce((sum, point) => sum + (point.atMs - first.atMs), 0) / members.length + first.atMs;
    return [{ atMs, floor: at(0.1), middle: median(sorted), ceiling: at(0.9) }];
  });
}

export function trendOf(points: readonly Point[], nowMs: number): Trend {
  const slopes = slopesOf(points);
  const n = points.length;
  const reach = Z * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const pick = (index: number): number => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(index)))] ?? 0;
  const slope = median(slopes);
  const offset = median(sortedBy(points, ({ atMs, value }) => value - slope * atMs));
  const noise = 1.4826 * median(sortedBy(points, ({ atMs, value }) => Math.abs(value - slope * atMs - offset)));
  return { slope, low: pick((slopes.length - reach) / 2), high: pick((slopes.length + reach) / 2), level: offset + slope * nowMs, noise };
}

export const slopeOf = (bins: readonly Bin[], key: "floor" | "middle" | "ceiling"): number =>
  median(slopesOf(bins.map((bin) => ({ atMs: bin.atMs, value: bin[key] }))));

/** Returns the largest amount by which a value fell below an earlier maximum. */
export function fallOf(values: readonly number[]): number {
  let [high, fall] = [-Infinity, 0];
  for (const value of values) {
    high = Math.max(high, value);
    fall = Math.max(fall, high - value);
  }
  return fall;
}

function slopesOf(points: readonly Point[]): number[] {
  const slopes: number[] = [];
  for (let i = 0; i < points.length; i++) {
    for (let j = i + 1; j < points.length; j++) slopes.push((points[j]!.value - points[i]!.value) / (points[j]!.atMs - points[i]!.atMs));
  }
  return slopes.sort((a, b) => a - b);
}

const sortedBy = (points: readonly Point[], of: (point: Point) => number): number[] => points.map(of).sort((a, b) => a - b);

const median = (sorted: readonly number[]): number =>
  sorted.length === 0 ? 0 : (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
