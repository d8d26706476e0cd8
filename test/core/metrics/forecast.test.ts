import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { forecast, forecastEveryMs, LEAST_POINTS, type Verdict } from "../../../src/core/metrics/forecast.ts";
import { forecastWords } from "../../../src/core/metrics/predictions.ts";
import type { Point } from "../../../src/core/metrics/trend.ts";
import { series } from "./series.ts";

const MINUTE = 60_000;
const DAY = 1440;
const morning = (minute: number): number => 280 - 120 * Math.cos((minute / DAY) * 2 * Math.PI);

describe("the verdict on", () => {
  test.each<[string, Point[], Verdict, "a time" | "none"]>([
    ["nothing at all", [], "warming-up", "none"],
    ["a young run", series(LEAST_POINTS - 1, (m) => 100 + 10 * m), "warming-up", "none"],
    ["no change", series(500, () => 100), "steady", "none"],
    ["noise", series(2000, () => 300, 40), "steady", "none"],
    ["a leak that is near its limit", series(600, (m) => 150 + 0.5 * m, 5), "rising", "a time"],
    ["a leak too far from its limit for a time", series(200, (m) => 150 + 0.5 * m, 5), "rising", "none"],
    ["a falling value", series(600, (m) => 500 - 0.5 * m, 5), "falling", "none"],
    ["a garbage collector's sawtooth on a flat floor", series(1000, (m) => 300 + (m % 90), 4), "steady", "none"],
    ["a sawtooth on a leak", series(3000, (m) => 100 + 0.1 * m + (m % 60), 4), "rising", "a time"],
    ["the first rise of a sawtooth", series(100, (m) => 200 + m, 4), "rising", "none"],
    ["a step", series(1000, (m) => (m < 500 ? 200 : 480), 5), "steady", "none"],
    ["a recent step", series(1000, (m) => (m < 960 ? 200 : 480), 5), "steady", "none"],
    ["a spike", series(1000, (m) => (m > 940 && m < 960 ? 500 : 200), 5), "steady", "none"],
    ["a recent steep rise", series(1000, (m) => (m > 980 ? 200 + 15 * (m - 980) : 200), 3), "steady", "none"],
    ["a cache that fills", series(400, (m) => 100 + 380 * (1 - Math.exp(-m / 100)), 4), "steady", "none"],
    ["the third morning of a daily cycle", series(2 * DAY + 600, morning, 5), "steady", "none"],
    ["a leak that began after two quiet days", series(2 * DAY + 300, (m) => 200 + Math.max(0, m - 2 * DAY), 5), "rising", "a time"],
    ["a staircase", series(900, (m) => 100 + 50 * Math.floor(m / 120)), "rising", "a time"],
  ])("%s", (_, points, verdict, time) => {
    const found = forecast(points, 512);
    expect(found.verdict).toBe(verdict);
    expect(found.inMs === null ? "none" : "a time").toBe(time);
  });
});

test("a leak has a time with a confidence band, and outliers do not change it", () => {
  const points = series(600, (m) => 150 + 0.5 * m, 3).map((point, i) => (i % 9 === 0 ? { ...point, value: 2000 } : point));
  const { slope, inMs, soonestMs, latestMs, level } = forecast(points, 512);
  expect(slope * MINUTE).toBeCloseTo(0.5, 1);
  expect(level).toBeCloseTo(449.5, -1);
  expect(soonestMs!).toBeLessThan(inMs!);
  expect(inMs!).toBeLessThan(latestMs!);
});

test("without a limit a trend has no time", () => {
  expect(
    forecast(
      series(600, (m) => 150 + m),
      null,
    ),
  ).toMatchObject({ verdict: "rising", inMs: null });
});

test("a limit that is already exceeded is not reached in the future", () => {
  const found = forecast(
    series(600, (m) => 150 + m),
    300,
  );
  expect(found).toMatchObject({ verdict: "rising", inMs: null, soonestMs: null, latestMs: null });
  expect(forecastWords("memory", found, { value: 300, of: "unit" })).toEndWith("; now at 749 MiB, which is over its limit of 300 MiB");
});

describe("for any series", () => {
  test("a straight line is rising with its own slope, whatever its units", () => {
    const scale = fc.double({ min: 0.01, max: 1000, noNaN: true });
    const line = fc.record({
      count: fc.integer({ min: 60, max: 800 }),
      stepMs: fc.integer({ min: 100, max: 900_000 }),
      scale,
      base: scale,
    });
    fc.assert(
      fc.property(line, ({ count, stepMs, scale: slope, base }) => {
        const points = Array.from({ length: count }, (_, i) => ({ atMs: i * stepMs, value: base * slope + slope * i }));
        const last = points.at(-1)!.value;
        fc.pre(slope * count > 0.05 * last);
        const found = forecast(points, last + (slope * count) / 4);
        expect(found.verdict).toBe("rising");
        expect(found.slope * stepMs).toBeCloseTo(slope, 6 - Math.ceil(Math.log10(slope)));
        expect(found.inMs! / stepMs / (count / 4)).toBeCloseTo(1, 1);
      }),
    );
  });

  test("noise around a level gives no time", () => {
    const noise = fc.record({
      count: fc.integer({ min: 60, max: 600 }),
      seed: fc.integer(),
      deviation: fc.double({ min: 0, max: 60, noNaN: true }),
    });
    fc.assert(
      fc.property(noise, ({ count, seed, deviation }) => {
        expect(
          forecast(
            series(count, () => 300, deviation, seed),
            512,
          ).inMs,
        ).toBeNull();
      }),
    );
  });

  test("all numbers are finite, and the times are in order", () => {
    const wild = fc.array(fc.record({ gap: fc.nat(1e7), value: fc.double({ min: 0, max: 1e6, noNaN: true }) }), { maxLength: 300 });
    fc.assert(
      fc.property(wild, (steps) => {
        let atMs = 0;
        const points = steps.map(({ gap, value }) => ({ atMs: (atMs += gap), value }));
        const { level, slope, slopeLow, slopeHigh, inMs, soonestMs, latestMs } = forecast(points, 1000);
        for (const number of [level, slope, slopeLow, slopeHigh]) expect(Number.isFinite(number)).toBe(true);
        expect(slopeLow).toBeLessThanOrEqual(slope);
        expect(slope).toBeLessThanOrEqual(slopeHigh);
        if (inMs === null) {
          expect(soonestMs).toBe(null);
          expect(latestMs).toBe(null);
        } else expect(soonestMs! <= inMs && inMs <= latestMs!).toBe(true);
      }),
    );
  });
});

test.each([
  ["every few samples in a young run", 60_000, null, 25_000],
  ["at intervals of 1/40 of the run's age", 3_600_000, null, 90_000],
  ["every hour in an old run", 7 * 86_400_000, null, 3_600_000],
  ["sooner when the limit is near", 7 * 86_400_000, 6_000_000, 600_000],
  ["never at every sample", 7 * 86_400_000, 10_000, 25_000],
])("a forecast is made %s", (_, age, inMs, wanted) => {
  expect(forecastEveryMs(age, 5000, inMs)).toBe(wanted);
});

test("the ceiling of a leak meets its limit before its middle does", () => {
  const points = series(600, (m) => 150 + 0.5 * m, 20);
  const { inMs, level, slope } = forecast(points, 512);
  expect(inMs!).toBeLessThan((512 - level) / slope);
});

test("a rise with a rest in its middle is no leak of its whole length", () => {
  const points = series(600, (m) => (m < 200 ? m : m < 400 ? 200 : m - 200));
  expect(forecast(points, null).spanMs).toBeLessThan(300 * MINUTE);
});

test("points in half of the stretches are enough, in fewer they are not", () => {
  // 24 stretches; each cluster of ten points lies in one of them. The first twentieth of the time is left out.
  const clusters = (count: number): Point[] =>
    Array.from({ length: count }, (_, n) => (n * 23) / (count - 1)).flatMap((stretch) =>
      Array.from({ length: 10 }, (_, i) => ({ atMs: (stretch * 10 + i) * MINUTE, value: 100 + stretch * 10 + i })),
    );
  expect(forecast(clusters(16), null).verdict).toBe("rising");
  expect(forecast(clusters(6), null).verdict).toBe("steady");
});
