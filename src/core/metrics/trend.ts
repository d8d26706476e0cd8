/**
 * A robust line through points: Theil and Sen's median of the slopes between all pairs, which up to 29 % of wild points
 * cannot bend, with Sen's band (J. Am. Stat. Assoc. 63, 1968). It is drawn through bins, not points: neighbours in time are
 * alike, and what repeats faster than a bin is gone in its middle.
 */
export interface Point {
  /** Milliseconds; any origin. */
  readonly atMs: number;
  readonly value: number;
}

/** A stretch of time: the quantiles 0.1, 0.5 and 0.9 of what was measured in it. */
export interface Bin {
  /** The mean of its points, so that a line stays one. */
  readonly atMs: number;
  readonly floor: number;
  readonly middle: number;
  readonly ceiling: number;
}

export interface Trend {
  /** Per millisecond. */
  readonly slope: number;
  readonly low: number;
  readonly high: number;
  /** Where the line is at `nowMs`. */
  readonly level: number;
  /** How far points lie from the line: their median distance, as a standard deviation. */
  readonly noise: number;
}

/** Normal quantile of the band: 99 % on both sides. */
const Z = 2.58;

/** Stretches of equal length; empty ones are left out. */
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

/** The deepest that the values fell below what they had reached before. */
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
