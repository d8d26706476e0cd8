import { describe, expect, test } from "bun:test";
import type { MetricPoint } from "../../src/api/contract/shapes.ts";
import { downWords } from "../../src/web/charts/down.ts";
import { bandOf, extend, reportedNames, seriesOf } from "../../src/web/charts/series.ts";
import { axisMemory, due, axisTime, logTime, mebibytes, percent, relative, since } from "../../src/web/format.ts";
import { layOut, NODE } from "../../src/web/graph/layout.ts";
import { flattenSettings } from "../../src/web/unit/settings.ts";
import { cpuMs } from "../harness/cpu.ts";

const T0 = Date.parse("2026-01-01T00:00:00Z");
const point = (second: number, cpu: number | null, more: Partial<MetricPoint> = {}): MetricPoint => ({
  timestamp: new Date(T0 + second * 1000).toISOString(),
  cpu_percent: cpu,
  memory_mb: 10,
  health_status: "healthy",
  response_time_ms: null,
  tasks: null,
  open_files: null,
  restarts: null,
  ...more,
});
const cpu = (one: MetricPoint): number | null => one.cpu_percent;

test("the charts of a unit without a process say since when it is down", () => {
  expect(downWords({ pid: 7, state_since: null }, T0)).toBeNull();
  expect(downWords({ pid: null, state_since: null }, T0)).toBe("not started");
  const clock = new Date(T0 - 1000).toTimeString().slice(0, 8);
  expect(downWords({ pid: null, state_since: new Date(T0 - 1000).toISOString() }, T0)).toEndWith(clock);
});

describe("series", () => {
  test("a pause is a gap, the usual interval is not", () => {
    const { times, lines } = seriesOf([point(0, 1), point(5, 2), point(10, 3), point(60, 4)], cpu);
    expect(times.map((time) => time - T0 / 1000)).toEqual([0, 5, 10, 35, 60]);
    expect(lines).toEqual([[1, 2, 3, null, 4]]);
  });

  test("minute averages next to samples are not gaps", () => {
    const { lines } = seriesOf(
      [point(0, 1, { step: 60 }), point(60, 2, { step: 60 }), point(120, 3, { step: 60 }), point(150, 4), point(155, 5)],
      cpu,
    );
    expect(lines).toEqual([[1, 2, 3, 4, 5]]);
    expect(seriesOf([point(0, 1, { step: 60 }), point(300, 2, { step: 60 })], cpu).lines).toEqual([[1, null, 2]]);
  });

  test("a clock that was set back does not make the line run backwards", () => {
    expect(seriesOf([point(10, 1), point(5, 2), point(15, 3)], cpu).lines).toEqual([[1, 3]]);
  });

  test("new points are added once, old ones are dropped", () => {
    const known = [point(0, 1), point(5, 2)];
    expect(extend(known, [point(5, 2), point(10, 3)], T0 + 5000).map(cpu)).toEqual([2, 3]);
  });

  test("reported numbers are found by name", () => {
    expect(reportedNames([point(0, 1, { reported: { queue: 1 } }), point(5, 1, { reported: { jobs: 2, queue: 3 } })])).toEqual([
      "jobs",
      "queue",
    ]);
  });

  const trend = { verdict: "rising", text: "", level: 100, per_hour: 10, per_hour_low: 5, per_hour_high: 20 };
  test("the forecast lies between the lowest and the highest slope", () => {
    expect(bandOf(trend, 0, 7200)).toEqual({ times: [0, 7200], low: [100, 110], middle: [100, 120], high: [100, 140] });
    expect(bandOf({ ...trend, per_hour_low: -200 }, 0, 3600)!.low).toEqual([100, 0]);
  });
  for (const [what, given] of [
    ["none", null],
    ["steady", { ...trend, verdict: "steady" }],
    ["unknown", { ...trend, level: null }],
  ] as const)
    test(`a trend that is ${what} is not drawn`, () => expect(bandOf(given, 0, 3600)).toBeNull());
});

describe("formatting numbers", () => {
  for (const [made, wanted] of [
    [mebibytes(null), "–"],
    [mebibytes(1.234), "1.2 MiB"],
    [mebibytes(512.4), "512 MiB"],
    [mebibytes(2048), "2.0 GiB"],
    [mebibytes(-2048), "-2.0 GiB"],
    [axisMemory(512, 1536), "0.5 GiB"],
    [axisMemory(0, 200), "0 MiB"],
    [percent(0.04), "0.0 %"],
    [percent(150.4), "150 %"],
    [since(null, T0), "–"],
    [since("2026-01-01T00:00:00Z", T0 + 185_000), "3m 5s"],
    [since("2026-01-01T00:00:10Z", T0), "0ms"],
    [relative("2026-01-01T00:01:00Z", T0), "in 1m"],
    [relative("2026-01-01T00:00:00.400Z", T0), "now"],
    [due("2026-01-01T00:01:00Z", T0), "in 1m"],
    [due("2025-12-31T23:59:00Z", T0), "now"],
    [logTime("2026-01-01T00:00:00.5Z").slice(-4), ".500"],
    [logTime("2026-01-01T00:00:00.123456789Z").slice(-4), ".123"],
  ] as const)
    test(`${made}`, () => expect(made).toBe(wanted));

  test("the labels of an axis fit its time span", () => {
    expect(axisTime(0, 60)).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(axisTime(0, 900)).toMatch(/^\d\d:\d\d$/);
    expect(axisTime(0, 7 * 86_400)).toMatch(/^[A-Z][a-z]{2} \d+ \d\d:\d\d$/);
  });
});

describe("the graph", () => {
  const node = (id: string, wave: number) => ({ id, state: "running", wave }) as const;
  const edge = (from: string, to: string) => ({ from, to, condition: "ready", required: true }) as const;

  test("dependencies are to the left, unconnected units below, and nothing overlaps", () => {
    const placed = layOut({
      nodes: [node("db", 0), node("api", 1), node("web", 2), node("alone", 0), node("also", 0)],
      edges: [edge("api", "db"), edge("web", "api"), edge("web", "db")],
    });
    const x = (id: string): number => placed.nodes.get(id)!.x;
    expect(x("db")).toBeLessThan(x("api"));
    expect(x("api")).toBeLessThan(x("web"));
    expect(placed.nodes.get("alone")!.y).toBeGreaterThan(placed.nodes.get("db")!.y);
    expect(placed.edges).toHaveLength(3);
    const all = [...placed.nodes.values()];
    for (const [i, a] of all.entries())
      for (const b of all.slice(i + 1)) expect(Math.abs(a.x - b.x) >= NODE.width || Math.abs(a.y - b.y) >= NODE.height).toBe(true);
  });

  test("an edge to a missing unit is omitted", () => {
    expect(layOut({ nodes: [node("a", 0)], edges: [edge("a", "gone")] }).edges).toEqual([]);
  });

  test("a thousand connected units are laid out quickly", () => {
    const nodes = Array.from({ length: 1000 }, (_, i) => node(`u${i}`, i % 10));
    const edges = nodes.filter((_, i) => i % 10 > 0).map(({ id }, i) => edge(id, `u${Math.floor(i / 9) * 10}`));
    const linked = [...edges, ...Array.from({ length: 99 }, (_, i) => edge(`u${(i + 1) * 10}`, `u${i * 10}`))];
    expect(cpuMs(() => expect(layOut({ nodes, edges: linked }).nodes.size).toBe(1000))).toBeLessThan(2000);
  });
});

describe("effective settings", () => {
  test("an object is split as far as the sources name its parts; a part without a source has that of its object", () => {
    const effective = { command: "x", restart_policy: { max_retries: 3, jitter: 0 }, labels: { a: "b" } };
    const sources = { command: "web.unit.json:1", "restart_policy.max_retries": "local.json:2", labels: "web.unit.json:4" };
    expect(flattenSettings(effective, sources)).toEqual([
      { key: "command", text: '"x"', source: "web.unit.json:1" },
      { key: "restart_policy.max_retries", text: "3", source: "local.json:2" },
      { key: "restart_policy.jitter", text: "0", source: "default" },
      { key: "labels", text: '{"a":"b"}', source: "web.unit.json:4" },
    ]);
  });
});
