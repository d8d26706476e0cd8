import { expect, test } from "bun:test";
import { findRun, recentRuns, runsOf } from "../../../src/core/explain/past-runs.ts";
import type { EventRow } from "../../../src/ports/store/events.ts";

const event = (second: number, type: string, details: Record<string, unknown>): EventRow => ({
  id: second,
  serviceId: "web",
  type,
  timestamp: `2026-11-22T20:00:0${second}.000Z`,
  message: "",
  details,
});
const begins = (second: number, invocation: string, type = "started"): EventRow =>
  event(second, type, { run: second, invocation, log_from: `2026-11-22T20:00:0${second}.000000000Z` });
const stamp = (second: number): string => `2026-11-22T20:00:0${second}.000000000Z`;

const runs = runsOf([begins(1, "aaaa1111"), begins(3, "aaaa2222"), begins(5, "bbbb3333")]);

test("a run lasts until the next one begins, the latest is open", () => {
  expect(runs.map(({ invocation, from, before }) => [invocation, from, before])).toEqual([
    ["bbbb3333", stamp(5), null],
    ["aaaa2222", stamp(3), stamp(5)],
    ["aaaa1111", stamp(1), stamp(3)],
  ]);
  expect(runs[0]!.startedAt).toBe("2026-11-22T20:00:05.000Z");
});

test("a run with pre_start begins with that, and its two beginnings are one run", () => {
  const [second, first, none] = runsOf([begins(1, "aaaa", "starting"), begins(2, "aaaa"), begins(4, "bbbb", "starting")]);
  expect([first!.from, first!.before, second!.from, none]).toEqual([stamp(1), stamp(4), stamp(4), undefined]);
});

test("what an older sup has written names no run, and is left out", () => {
  expect(runsOf([event(1, "started", { run: 1 }), begins(2, "aaaa"), event(3, "started", { run: 3, invocation: "bbbb" })])).toMatchObject([
    { invocation: "aaaa", before: null },
  ]);
});

test.each([
  ["0", "bbbb3333"],
  ["-1", "aaaa2222"],
  ["-2", "aaaa1111"],
  ["bbbb3333", "bbbb3333"],
  ["aaaa1", "aaaa1111"],
  ["AAAA1", "aaaa1111"],
])("%s is the run %s", (wanted, invocation) => {
  expect(findRun(runs, wanted)).toMatchObject({ ok: true, value: { invocation } });
});

test.each([
  ["-3", "only 3 runs are known"],
  ["aaaa", "2 runs begin with aaaa"],
  ["cccc", "no run of it is called cccc"],
])("%s is none: %s", (wanted, error) => {
  expect(findRun(runs, wanted)).toEqual({ ok: false, error });
});

test("without a known run that is said; of runs that were given the same id the newest is meant", () => {
  expect(findRun([], "0")).toEqual({ ok: false, error: "no run of it is known" });
  expect(findRun(runs.slice(2), "-1")).toEqual({ ok: false, error: "only one run is known" });
  const again = runsOf([begins(1, "aaaa"), begins(2, "bbbb"), begins(3, "aaaa")]);
  expect(findRun(again, "aaaa")).toMatchObject({ ok: true, value: { from: stamp(3) } });
});

test("what to choose from: the newest first, a few of them", () => {
  expect(recentRuns([])).toBe("");
  const many = runsOf(Array.from({ length: 9 }, (_, i) => begins(i + 1, `${i}abcdef0123456789`)));
  expect(recentRuns(many)).toStartWith("newest first: 8abcdef0 of 2026-11-22T20:00:09.000Z, 7abcdef0 of ");
  expect(recentRuns(many).split(", ").length).toBe(5);
});
