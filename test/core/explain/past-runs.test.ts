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

test("a run lasts until the next one begins; the latest has no end", () => {
  expect(runs.map(({ invocation, from, before }) => [invocation, from, before])).toEqual([
    ["bbbb3333", stamp(5), null],
    ["aaaa2222", stamp(3), stamp(5)],
    ["aaaa1111", stamp(1), stamp(3)],
  ]);
  expect(runs[0]!.startedAt).toBe("2026-11-22T20:00:05.000Z");
});

test("a run with pre_start begins with it, and its two events are one run", () => {
  const [second, first, none] = runsOf([begins(1, "aaaa", "starting"), begins(2, "aaaa"), begins(4, "bbbb", "starting")]);
  expect(first!.from).toBe(stamp(1));
  expect(first!.before).toBe(stamp(4));
  expect(second!.from).toBe(stamp(4));
  expect(none).toBeUndefined();
});

test("events of older versions, which have no invocation, are skipped", () => {
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
  ["-3", "only 3 runs are recorded"],
  ["aaaa", "2 runs begin with aaaa"],
  ["cccc", "it has no run cccc"],
])("%s finds no run: %s", (wanted, error) => {
  expect(findRun(runs, wanted)).toEqual({ ok: false, error });
});

test("errors name how many runs are recorded; of several runs with the same id the newest is found", () => {
  expect(findRun([], "0")).toEqual({ ok: false, error: "it has no recorded runs" });
  expect(findRun(runs.slice(2), "-1")).toEqual({ ok: false, error: "only 1 run is recorded" });
  const again = runsOf([begins(1, "aaaa"), begins(2, "bbbb"), begins(3, "aaaa")]);
  expect(findRun(again, "aaaa")).toMatchObject({ ok: true, value: { from: stamp(3) } });
});

test("recent runs are listed newest first, at most 5", () => {
  expect(recentRuns([])).toBe("");
  const many = runsOf(Array.from({ length: 9 }, (_, i) => begins(i + 1, `${i}abcdef0123456789`)));
  expect(recentRuns(many)).toStartWith("newest first: 8abcdef0 of 2026-11-22T20:00:09.000Z, 7abcdef0 of ");
  expect(recentRuns(many).split(", ").length).toBe(5);
});
