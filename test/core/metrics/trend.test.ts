import { expect, test } from "bun:test";
import { binsOf, fallOf, type Point, slopeOf, trendOf } from "../../../src/core/metrics/trend.ts";
import { series } from "./series.ts";

test("bins have the quantiles of their interval; empty bins are omitted", () => {
  const points = [...series(100, (m) => m % 10), { atMs: 200 * 60_000, value: 7 }];
  const bins = binsOf(points, 4);
  expect(bins.length).toBe(3);
  expect(bins[0]).toMatchObject({ floor: 1, middle: 4.5, ceiling: 8 });
  expect(bins[2]).toMatchObject({ floor: 7, middle: 7, ceiling: 7 });
  expect(binsOf([{ atMs: 5, value: 1 }], 4)).toEqual([]);
});

test("the last point is in the last bin, and a bin is at the mean time of its points", () => {
  const points = Array.from({ length: 9 }, (_, i) => ({ atMs: 100 + i, value: i }));
  expect(binsOf(points, 4).map(({ atMs, middle }) => [atMs, middle])).toEqual([
    [100.5, 0.5],
    [102.5, 2.5],
    [104.5, 4.5],
    [107, 7],
  ]);
});

/** Points whose slopes are all different, and these slopes, sorted. */
function growing(count: number): { points: Point[]; slopes: number[] } {
  const points = Array.from({ length: count }, (_, atMs) => ({ atMs, value: 1.3 ** atMs }));
  const slopes = points.flatMap((a, i) => points.slice(i + 1).map((b) => (b.value - a.value) / (b.atMs - a.atMs)));
  return { points, slopes: slopes.sort((a, b) => a - b) };
}

// Sen's ranks are (N ∓ 2.58 √(n(n-1)(2n+5)/18)) / 2 for n points with N slopes.
test.each([
  [10, 8, 37],
  [17, 37, 99],
  [20, 55, 135],
])("of %d points, the band is the slopes at ranks %d and %d", (count, low, high) => {
  const { points, slopes } = growing(count);
  expect(trendOf(points, 0)).toMatchObject({ low: slopes[low]!, high: slopes[high]! });
});

test("of few points, the band is all slopes", () => {
  const points = [0, 1, 10, 0].map((value, atMs) => ({ atMs, value }));
  expect(trendOf(points, 0)).toMatchObject({ slope: 0.5, low: -10, high: 9 });
});

test("outliers among a quarter of the points do not change the line", () => {
  const points = series(80, (m) => 10 + 2 * m).map((point, i) => (i % 4 === 1 ? { ...point, value: -500 } : point));
  const { slope, level, noise } = trendOf(points, 79 * 60_000);
  expect(slope * 60_000).toBeCloseTo(2, 9);
  expect(level).toBeCloseTo(168, 6);
  expect(noise).toBeCloseTo(0, 6);
});

test("Sen's band contains the slope and is wider with noise", () => {
  const width = (noise: number): number => {
    const { low, high } = trendOf(
      series(60, (m) => m, noise),
      0,
    );
    expect(low * 60_000).toBeLessThan(1);
    expect(high * 60_000).toBeGreaterThan(1);
    return high - low;
  };
  expect(width(20)).toBeGreaterThan(5 * width(2));
});

test("without points all values are 0", () => {
  expect(trendOf([], 0)).toMatchObject({ slope: 0, low: 0, high: 0, level: 0, noise: 0 });
  expect(slopeOf([], "floor")).toBe(0);
});

test("the largest fall below an earlier maximum", () => {
  expect(fallOf([1, 5, 3, 9, 2, 8])).toBe(7);
  expect(fallOf([1, 2, 3])).toBe(0);
  expect(fallOf([])).toBe(0);
});

test("two points are a line, and the first is one of them", () => {
  expect(
    trendOf(
      [
        { atMs: 0, value: 1 },
        { atMs: 2, value: 7 },
      ],
      4,
    ),
  ).toMatchObject({ slope: 3, level: 13 });
});

test("Sen's band reaches about as far above the slope as below it", () => {
  const { slope, low, high } = trendOf(
    series(60, (m) => m, 10),
    0,
  );
  const [above, below] = [high - slope, slope - low];
  expect(above).toBeGreaterThan(below / 2);
  expect(above).toBeLessThan(below * 2);
});
