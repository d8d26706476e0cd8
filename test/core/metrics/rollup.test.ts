import { describe, expect, test } from "bun:test";
import { bucketOf, rollUp } from "../../../src/core/metrics/rollup.ts";
import { windowsFor } from "../../../src/core/metrics/windows.ts";
import type { MetricRow } from "../../../src/ports/store/metrics.ts";

const row = (timestamp: string, more: Partial<MetricRow> = {}): MetricRow => ({
  serviceId: "web",
  timestamp: `2026-11-23T${timestamp}.000Z`,
  cpuPercent: 10,
  memoryMb: 100,
  healthStatus: "healthy",
  responseTimeMs: null,
  ...more,
});

test.each([
  ["2026-11-23T12:34:56.789Z", 60, "2026-11-23T12:34:00.000Z"],
  ["2026-11-23T12:34:56.789Z", 900, "2026-11-23T12:30:00.000Z"],
  ["2026-11-23T12:59:59.999Z", 900, "2026-11-23T12:45:00.000Z"],
  ["2026-11-23T12:00:00.000Z", 900, "2026-11-23T12:00:00.000Z"],
  ["2026-11-23T12:34:56.789Z", 0, "2026-11-23T12:34:56.789Z"],
] as const)("%s in steps of %d s begins at %s", (time, step, wanted) => {
  expect(bucketOf(time, step)).toBe(wanted);
});

describe("rows that are rolled up", () => {
  test("have means, peaks, the worst health and the mean of reported numbers", () => {
    const rows = [
      row("12:00:05", { cpuPercent: 10, memoryMb: 100, responseTimeMs: 4, tasks: 3, openFiles: 10, restarts: 1, reported: { queue: 2 } }),
      row("12:00:10", { cpuPercent: null, memoryMb: 300, healthStatus: "degraded", reported: { queue: 4, jobs: 1 } }),
      row("12:00:15", { cpuPercent: 30, memoryMb: 200, responseTimeMs: 8, tasks: 6, openFiles: 21, restarts: 2 }),
      row("12:01:00", { cpuPercent: 5 }),
    ];
    expect(rollUp(rows, 60)).toEqual([
      {
        serviceId: "web",
        timestamp: "2026-11-23T12:00:00.000Z",
        step: 60,
        cpuPercent: 20,
        memoryMb: 200,
        cpuMax: 30,
        memoryMax: 300,
        healthStatus: "degraded",
        responseTimeMs: 6,
        tasks: 5,
        openFiles: 16,
        restarts: 2,
        reported: { queue: 3, jobs: 1 },
      },
      {
        serviceId: "web",
        timestamp: "2026-11-23T12:01:00.000Z",
        step: 60,
        cpuPercent: 5,
        memoryMb: 100,
        cpuMax: 5,
        memoryMax: 100,
        healthStatus: "healthy",
        responseTimeMs: null,
        tasks: null,
        openFiles: null,
        restarts: null,
      },
    ]);
  });

  test("keep their peaks when rolled up again", () => {
    const minutes = rollUp([row("12:00:05", { memoryMb: 900 }), row("12:00:10", { memoryMb: 100 }), row("12:14:00", { memoryMb: 1 })], 60);
    expect(rollUp(minutes, 900)).toMatchObject([{ timestamp: "2026-11-23T12:00:00.000Z", memoryMax: 900, memoryMb: 250.5, step: 900 }]);
  });

  test("stay null if nothing was measured", () => {
    expect(rollUp([row("12:00:00", { cpuPercent: null, memoryMb: null })], 60)[0]).toMatchObject({ cpuPercent: null, cpuMax: null });
    expect(rollUp([], 60)).toEqual([]);
  });
});

test.each([
  [1, [24, 24], [168, 168]],
  [40, [24, 24], [168, 24 + 100_000 / 40 / 60]],
  [1000, [24, 800_000 / 1000 / 720], [168, 24 + 100 / 60]],
  [100_000, [20_000_000 / 100_000 / 720, 1 / 6], [2, 20_000_000 / 100_000 / 720 + 1 / 60]],
])("%d units at 5 s keep samples for %p h and minutes for %p h: all of them, and as plain rows", (units, samples, minutes) => {
  const windows = windowsFor(units, 5000, 7 * 86_400_000);
  const hours = (step: 0 | 60): number[] => [windows[step].keptMs / 3_600_000, windows[step].plainMs / 3_600_000];
  expect([hours(0), hours(60)]).toEqual([samples, minutes].map((pair) => pair.map((value) => expect.closeTo(value, 5))));
  expect(windows[900].keptMs).toBe(7 * 86_400_000);
});

test("nothing is kept longer than the retention time", () => {
  const windows = windowsFor(1, 5000, 3_600_000);
  for (const { keptMs, plainMs } of Object.values(windows)) {
    expect(keptMs).toBe(3_600_000);
    expect(plainMs).toBe(3_600_000);
  }
});

describe("the most rows of each step, for one unit that is sampled often and kept for ever", () => {
  const EVER = 1e15;
  test.each([
    ["samples", windowsFor(1, 1, EVER)[0].keptMs, 20_000_000],
    ["samples as plain rows", windowsFor(1, 50, EVER)[0].plainMs, 800_000 * 50],
    ["minutes", windowsFor(1, 5000, EVER)[60].keptMs, 12_000_000 * 60_000],
    ["minutes as plain rows", windowsFor(1, 5000, EVER)[60].plainMs, 86_400_000 + 100_000 * 60_000],
    ["quarters", windowsFor(1, 5000, EVER)[900].keptMs, EVER],
    ["quarters as plain rows", windowsFor(1, 5000, EVER)[900].plainMs, 12_000_000 * 60_000 + 100_000 * 900_000],
    ["samples of very many units: ten minutes", windowsFor(1e9, 5000, EVER)[0].keptMs, 600_000],
    ["the same as plain rows", windowsFor(1e9, 5000, EVER)[0].plainMs, 600_000],
    ["samples of no unit at all", windowsFor(0, 1, EVER)[0].keptMs, 20_000_000],
  ])("%s", (_, ms, wanted) => expect(ms).toBe(wanted));
});

test("of two states of health the worse counts, in whatever order they come", () => {
  const fromBest = ["unknown", "healthy", "starting", "degraded", "unhealthy"] as const;
  for (const [i, worse] of fromBest.entries()) {
    for (const better of fromBest.slice(0, i)) {
      for (const pair of [
        [better, worse],
        [worse, better],
      ] as const) {
        // prettier-ignore
        const rows = pair.map((healthStatus, n) => row(`12:00:0${n}`, { healthStatus }));
        expect(rollUp(rows, 60)[0]!.healthStatus).toBe(worse);
      }
    }
  }
});
