import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { emptyColumns, scalesOf } from "../../src/web/columns.ts";
import {
  filterFromText,
  filterToText,
  isNarrowed,
  LIST_STATES,
  NO_FILTER,
  select,
  selectBroken,
  SORTS,
  type Filter,
} from "../../src/web/filter.ts";
import { hrefOf, parseRoute } from "../../src/web/route.ts";
import { pushSample, SAMPLES, sparkPath } from "../../src/web/sparkline.ts";
import { countStates, troubled, troubleOf } from "../../src/web/trouble.ts";
import { rowAfter, scrollTo, visibleRows } from "../../src/web/visible-rows.ts";
import { aService } from "../api/server/fake.ts";

const UNITS = [
  aService("web", { groups: ["shop"], labels: { team: "front" }, priority: 50, cpu_percent: 20 }),
  aService("api", { description: "The public door", state: "backoff", cpu_percent: null, restart_count: 4 }),
  aService("db", { critical: true, groups: ["data", "shop"], memory_mb: 900, labels: { team: "core" } }),
  aService("old", { state: "stopped", groups: [], labels: {}, pid: null }),
];
const ids = (filter: Partial<Filter>): string[] => select(UNITS, { ...NO_FILTER, ...filter }).map(({ id }) => id);

describe("the list", () => {
  for (const [what, filter, wanted] of [
    ["without a filter: trouble, then critical ones, then by priority, then by name", {}, ["api", "db", "web", "old"]],
    ["text in the name", { text: "WE" }, ["web"]],
    ["text in the description", { text: "public door" }, ["api"]],
    ["words must all be there", { text: "public web" }, []],
    ["a group", { text: "@shop" }, ["db", "web"]],
    ["a label in the text", { text: "team=core" }, ["db"]],
    ["a state", { states: ["backoff", "stopped"] }, ["api", "old"]],
    ["a group that was chosen", { group: "data" }, ["db"]],
    ["a label that was chosen", { label: "team=front" }, ["web"]],
    ["by name", { sort: "name" }, ["api", "db", "old", "web"]],
    ["by name, the other way", { sort: "name", descending: true }, ["web", "old", "db", "api"]],
    ["by state, trouble first", { sort: "state" }, ["api", "db", "web", "old"]],
    ["by CPU, the busiest first, none last", { sort: "cpu" }, ["web", "db", "old", "api"]],
    ["by restarts", { sort: "restarts" }, ["api", "db", "web", "old"]],
  ] as ReadonlyArray<readonly [string, Partial<Filter>, string[]]>)
    test(what, () => expect(ids(filter)).toEqual(wanted));

  test("units whose files have errors are filtered by name, error text and state, and have no groups or labels", () => {
    const units = [{ id: "m5", file: "/u/m5.unit.json", problems: ["/u/m5.unit.json:2: error: unknown key"] }];
    const count = (filter: Partial<Filter>): number => selectBroken(units, { ...NO_FILTER, ...filter }).length;
    for (const filter of [{}, { text: "M5 unknown" }, { states: ["broken"] }, { states: ["failed", "broken"] }] as const)
      expect(count(filter)).toBe(1);
    for (const filter of [{ text: "web" }, { states: ["failed"] }, { group: "shop" }, { label: "a=b" }] as const)
      expect(count(filter)).toBe(0);
    expect(ids({ states: ["broken"] })).toEqual([]);
  });

  test("unhealthy units can be filtered like a state, together with states", () => {
    const units = [aService("sick", { health: "unhealthy" }), ...UNITS];
    const found = (states: Filter["states"]): string[] => select(units, { ...NO_FILTER, states }).map(({ id }) => id);
    expect(found(["unhealthy"])).toEqual(["sick"]);
    expect(found(["unhealthy", "stopped"])).toEqual(["sick", "old"]);
  });

  test("a column whose values are all unknown or equal is left out", () => {
    expect([...emptyColumns([aService("a", { health: "unknown" }), aService("b", { health: "unknown" })])]).toEqual(["Health", "Priority"]);
    expect([...emptyColumns([aService("a", { priority: 1 }), aService("b")])]).toEqual([]);
    expect([...emptyColumns([])]).toEqual(["Health", "Priority"]);
  });

  test("the sparklines of all units have the same scales", () => {
    expect(scalesOf([aService("a", { cpu_percent: 80, memory_mb: null }), aService("b", { cpu_percent: 3, memory_mb: 900 })])).toEqual({
      cpu: 80,
      memory: 900,
    });
    expect(scalesOf([aService("a", { cpu_percent: null, memory_mb: 1 })])).toEqual({ cpu: 5, memory: 8 });
  });

  test("the filter is kept in the address", () => {
    const filters = fc.record({
      text: fc.string(),
      states: fc.subarray([...LIST_STATES]),
      group: fc.string(),
      label: fc.string(),
      sort: fc.constantFrom(...SORTS),
      descending: fc.boolean(),
    });
    fc.assert(
      fc.property(filters, (filter) => {
        const kept = filterFromText(filterToText(filter));
        expect(kept).toEqual({ ...filter, descending: filter.sort !== "order" && filter.descending });
      }),
    );
    expect(filterFromText("state=nonsense&sort=-nothing")).toEqual(NO_FILTER);
    expect(isNarrowed(NO_FILTER)).toBe(false);
  });
});

describe("what needs attention", () => {
  for (const [what, more, wanted] of [
    ["all is well", {}, "none"],
    ["fatal", { state: "fatal" }, "bad"],
    ["unhealthy", { health: "unhealthy" }, "bad"],
    ["unhealthy before it was ready", { state: "starting", health: "unhealthy" }, "warning"],
    ["degraded", { health: "degraded" }, "warning"],
    ["waiting to try again", { state: "backoff" }, "warning"],
    ["a bad file", { problems: ["x"] }, "warning"],
    ["a critical unit that should run", { state: "stopped", critical: true }, "bad"],
    ["a critical unit that is disabled", { state: "stopped", critical: true, enabled: false }, "none"],
    ["an ordinary unit that was stopped", { state: "stopped" }, "none"],
    ["running again after a failure, but not for long", { retries: 1 }, "warning"],
    ["over a limit", { over_limits: [{ limit: "tasks", value: 9, max: 5, text: "" }] }, "warning"],
    ["waiting for a unit that gave up", { state: "starting", obstacles: [{ unit: "db", state: "fatal" }] }, "warning"],
    [
      "critical, and waiting for a unit that gave up",
      { critical: true, state: "starting", obstacles: [{ unit: "db", state: "failed" }] },
      "bad",
    ],
    ["waiting for a unit that starts", { state: "starting", obstacles: [{ unit: "db", state: "starting" }] }, "none"],
  ] as const)
    test(`${what}: ${wanted}`, () => expect(troubleOf(aService("x", more as never))).toBe(wanted));

  for (const [severity, wanted] of [
    ["info", "none"],
    ["warning", "warning"],
    ["critical", "bad"],
  ] as const)
    test(`an open alert, ${severity}: ${wanted}`, () => {
      const alert = {
        id: 1,
        service_id: "x",
        severity,
        alert_type: "memory-limit",
        message: "",
        created_at: "",
        resolved_at: null,
        acknowledged: true,
      };
      expect(troubleOf(aService("x"), { services: new Map(), alerts: new Map([["x", [alert]]]) })).toBe(wanted);
    });

  test("the worst come first, critical units before others", () => {
    const units = [
      aService("a", { state: "backoff" }),
      aService("b", { state: "failed" }),
      aService("c", { state: "fatal", critical: true }),
      aService("d"),
    ];
    expect(troubled(units).map(({ id }) => id)).toEqual(["c", "b", "a"]);
  });

  test("every state is counted, even with no units", () => {
    expect(countStates(UNITS)).toEqual({ stopped: 1, starting: 0, running: 2, stopping: 0, failed: 0, backoff: 1, fatal: 0 });
  });
});

describe("the part of a list that is in the document", () => {
  test("covers the visible rows at any scroll position, and stays small", () => {
    const lists = fc.record({
      count: fc.nat(5000),
      rowHeight: fc.integer({ min: 20, max: 80 }),
      top: fc.integer({ min: -50, max: 500_000 }),
      height: fc.integer({ min: 1, max: 2000 }),
    });
    fc.assert(
      fc.property(lists, (list) => {
        const { first, end, before, total } = visibleRows(list);
        const top = Math.min(Math.max(0, list.top), Math.max(0, total - list.height));
        expect(first).toBeGreaterThanOrEqual(0);
        expect(end).toBeLessThanOrEqual(list.count);
        expect(before).toBe(first * list.rowHeight);
        expect(before).toBeLessThanOrEqual(top);
        expect(end * list.rowHeight).toBeGreaterThanOrEqual(Math.min(total, top + list.height));
        expect(end - first).toBeLessThanOrEqual(list.height / list.rowHeight + 19);
      }),
    );
  });

  for (const [what, row, wanted] of [
    ["above what is seen", 1, 40],
    ["the first that is seen", 3, null],
    ["the last that is seen whole", 14, null],
    ["the one after it", 15, 140],
  ] as const)
    test(`a row ${what} scrolls to ${wanted}`, () => expect(scrollTo(row, 40, 100, 500)).toBe(wanted));

  for (const [key, from, wanted] of [
    ["ArrowDown", -1, 0],
    ["ArrowDown", 9, 9],
    ["k", 3, 2],
    ["ArrowUp", -1, 0],
    ["PageDown", 2, 7],
    ["PageUp", 2, 0],
    ["End", 0, 9],
    ["Home", 5, 0],
    ["x", 5, null],
  ] as const)
    test(`${key} in row ${from} of 10 leads to ${wanted}`, () => expect(rowAfter(key, from, 10, 5)).toBe(wanted));

  test("keys do nothing in an empty list", () => expect(rowAfter("End", -1, 0, 5)).toBeNull());
});

describe("routes", () => {
  for (const hash of ["#/", "#/?q=web&state=fatal", "#/unit/web", "#/unit/web%401/logs", "#/graph", "#/events", "#/alerts"])
    test(`${hash} survives parsing and formatting`, () => expect(hrefOf(parseRoute(hash))).toBe(hash));

  for (const [hash, wanted] of [
    ["", { page: "units", filter: "" }],
    ["#/nowhere", { page: "units", filter: "" }],
    ["#/unit/web/nonsense", { page: "unit", id: "web", tab: "overview" }],
    ["#/unit/%zz", { page: "unit", id: "%zz", tab: "overview" }],
    ["#/sign-in/abc", { page: "sign-in", code: "abc" }],
  ] as const)
    test(JSON.stringify(hash), () => expect(parseRoute(hash)).toEqual(wanted));
});

describe("sparklines", () => {
  test("keep only the last minutes", () => {
    let samples: readonly (number | null)[] = [];
    for (let i = 0; i < SAMPLES + 5; i++) samples = pushSample(samples, i);
    expect(samples).toHaveLength(SAMPLES);
    expect(samples.at(-1)).toBe(SAMPLES + 4);
  });

  test("have the newest sample at the right edge, show gaps, and stay flat for small values", () => {
    expect(sparkPath([], 59, 20, 10)).toBe("");
    expect(sparkPath([0, 10], 59, 20, 10)).toBe("M58 19L59 1");
    expect(sparkPath([10, null, 10], 59, 20, 10)).toBe("M57 1M59 1");
    expect(sparkPath([1], 59, 20, 10)).toBe("M59 17.2");
  });
});
