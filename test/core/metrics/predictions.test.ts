import { expect, test } from "bun:test";
import { forecast } from "../../../src/core/metrics/forecast.ts";
import {
  addForecast,
  type Bound,
  boundOf,
  forecastWords,
  isForeseen,
  isLeak,
  NO_EPISODE,
  REPORTED_EPISODE,
  type PredictionEpisode,
} from "../../../src/core/metrics/predictions.ts";
import { series } from "./series.ts";

/** Forecasts that predict the limit (`x`) or do not (`.`); returns the numbers, from 1, of those that are reported. */
function reported(forecasts: string, begin: PredictionEpisode = NO_EPISODE): number[] {
  let episode = begin;
  return [...forecasts].flatMap((one, index) => {
    const result = addForecast(episode, one === "x");
    ({ episode } = result);
    return result.isNew ? [index + 1] : [];
  });
}

test.each<[string, string, number[]]>([
  ["a single prediction is not reported", "x..x..", []],
  ["two consecutive predictions are reported once", "xxxxxxxx", [2]],
  ["a flickering prediction is one episode", "xx.x..xx.xx", [2]],
  ["three forecasts without a prediction end the episode", "xx...xx", [2, 7]],
])("%s", (_, forecasts, wanted) => {
  expect(reported(forecasts)).toEqual(wanted);
});

test("a prediction reported by an earlier daemon is not repeated before its episode ends", () => {
  expect(reported("xxx..xx", REPORTED_EPISODE)).toEqual([]);
  expect(reported("...xx", REPORTED_EPISODE)).toEqual([5]);
});

const own = (value: number): Bound => ({ value, of: "unit" });
const machine = (value: number): Bound => ({ value, of: "machine" });

test.each([
  ["memory", 500, 100, 1000, own(500)],
  ["memory", 500, 100, 300, machine(400)],
  ["memory", null, 100, 300, machine(400)],
  ["memory", 500, 100, null, own(500)],
  ["memory", null, 100, null, null],
  ["memory", null, undefined, 300, null],
  ["cpu", 200, 50, 1, own(200)],
  ["cpu", null, 50, 1, null],
] as const)(
  "%s with a limit of %p, a value of %p and %p available on the machine has the bound %p",
  (metric, max, now, available, wanted) => {
    expect(boundOf(metric, max, now, available)).toEqual(wanted);
  },
);

test("a limit that is already exceeded is not foreseen", () => {
  const points = series(600, (m) => 150 + m);
  expect(isForeseen(forecast(points, 800), own(800))).toBe(true);
  expect(isForeseen(forecast(points, 300), own(300))).toBe(false);
  expect(isForeseen(forecast(points, null), null)).toBe(false);
});

test("a leak is a rise over half an hour of samples", () => {
  expect(
    isLeak(
      forecast(
        series(600, (m) => 150 + m),
        null,
      ),
      5000,
    ),
  ).toBe(true);
  expect(
    isLeak(
      forecast(
        series(100, (m) => 150 + m),
        null,
      ),
      MINUTES_5,
    ),
  ).toBe(false);
  expect(
    isLeak(
      forecast(
        series(600, () => 150),
        null,
      ),
      5000,
    ),
  ).toBe(false);
});
const MINUTES_5 = 300_000;

test.each([
  [series(10, () => 1), own(512), "Memory: this run is too young for a forecast"],
  [series(600, () => 100), own(512), "Memory shows no trend: 100 MiB of 512 MiB"],
  [series(600, () => 100), null, "Memory shows no trend: 100 MiB"],
  [series(601, (m) => 100 + m), null, "Memory grows by 60 MiB per hour (60 MiB to 60 MiB), measured over 9h 30m; now at 700 MiB"],
  [
    series(601, (m) => 100 + m),
    own(760),
    "Memory grows by 60 MiB per hour (60 MiB to 60 MiB), measured over 9h 30m; now at 700 MiB, it reaches its limit of 760 MiB in about 1h (36m 15s to 1h 23m)",
  ],
  [
    series(601, (m) => 100 + m),
    machine(760),
    "Memory grows by 60 MiB per hour (60 MiB to 60 MiB), measured over 9h 30m; now at 700 MiB, the machine runs out of memory in about 1h (36m 15s to 1h 23m)",
  ],
  [series(600, () => 100), machine(512), "Memory shows no trend: 100 MiB"],
  [
    series(601, (m) => 1000 - m),
    own(2000),
    "Memory falls by 60 MiB per hour (60 MiB to 60 MiB), measured over 9h 30m; now at 400 MiB of 2000 MiB",
  ],
])("in words %#", (points, bound, wanted) => {
  expect(forecastWords("memory", forecast(points, bound?.value ?? null), bound)).toBe(wanted);
});

test("a rate of a GiB and more is given in GiB", () => {
  const grows = (mibAMinute: number): string => {
    const points = series(601, (m) => 100 + mibAMinute * m);
    return forecastWords("memory", forecast(points, null), null);
  };
  expect(grows(20)).toContain("1.2 GiB");
  expect(grows(17)).toContain("1020 MiB");
});
