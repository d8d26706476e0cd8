import { expect, test } from "bun:test";
import type { Event, MetricPoint } from "../../src/api/contract/shapes.ts";
import { meanOf, wantedSteps } from "../../src/web/charts/scaling.ts";

const T0 = Date.parse("2026-01-01T00:00:00Z") / 1000;

const change = (second: number, from: number, to: number): Event => ({
  ...{ id: second, service_id: "web", event_type: "scaled", message: "" },
  timestamp: new Date((T0 + second) * 1000).toISOString(),
  details: { from, to },
});

test.each<[string, Event[], Array<[at: number, count: number]>]>([
  ["without a change", [], [[0, 3]]],
  [
    "with changes",
    [change(10, 1, 2), change(20, 2, 3)],
    [
      [0, 1],
      [10, 2],
      [20, 3],
    ],
  ],
  ["a change before the beginning does not count", [change(-5, 1, 3)], [[0, 3]]],
])("the number of units that were wanted: %s", (_, events, steps) => {
  expect(wantedSteps(events, 3, T0, T0 + 60).map(({ at, count }) => [at - T0, count])).toEqual(steps);
});

test("the value of a metric is a mean per unit, except for the response time, which is a mean already", () => {
  const point: MetricPoint = {
    ...{ timestamp: new Date(T0).toISOString(), cpu_percent: 90, memory_mb: 300, health_status: "healthy", response_time_ms: 7 },
    ...{ tasks: null, open_files: null, restarts: null, units: 3, reported: { queue: 6 }, reporting: { queue: 2 } },
  };
  expect(["cpu", "memory", "response_time", "queue", "connections"].map((metric) => meanOf(point, metric))).toEqual([30, 100, 7, 3, null]);
});
