import { expect, test } from "bun:test";
import { binsOf, fallOf, slopeOf, trendOf } from "../../../src/core/metrics/trend.ts";
import { series } from "./series.ts";

test("bins have the quantiles of their stretch; empty ones are left out", () => {
  const points = [...series(100, (m) => m % 10), { atMs: 200 * 60_000, value: 7 }];
  const bins = binsOf(points, 4);
  expect(bins.length).toBe(3);
  expect(bins[0]).toMatchObject({ floor: 1, middle: 4.5, ceiling: 8 });
  expect(bins[2]).toMatchObject({ floor: 7, middle: 7, ceiling: 7 });
  expect(binsOf([{ atMs: 5, value: 1 }], 4)).toEqual([]);
});

test("a line that a quarter of wild points does not bend", () => {
  const points = series(80, (m) => 10 + 2 * m).map((point, i) => (i % 4 === 1 ? { ...point, value: -500 } : point));
  const { slope, level, noise } = trendOf(points, 79 * 60_000);
  expect(slope * 60_000).toBeCloseTo(2, 9);
  expect(level).toBeCloseTo(168, 6);
  expect(noise).toBeCloseTo(0, 6);
});

test("Sen's band holds the slope, and is wider in noise", () => {
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

test("no points, no slope", () => {
  expect(trendOf([], 0)).toMatchObject({ slope: 0, low: 0, high: 0, level: 0, noise: 0 });
  expect(slopeOf([], "floor")).toBe(0);
});

test("the deepest fall", () => {
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
