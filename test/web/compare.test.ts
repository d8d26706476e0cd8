import { expect, test } from "bun:test";
import type { Event, Figures } from "../../src/api/contract/shapes.ts";
import { changeOf, firstRanges, rangesAround, rateOf, startsOf } from "../../src/web/compare/ranges.ts";
import { matchesPattern } from "../../src/web/logs/patterns.ts";

const T0 = Date.parse("2026-05-01T12:00:00.000Z");
const MINUTE = 60_000;

const event = (atMs: number, event_type: string, message = "", details = {}): Event => ({
  ...{ id: atMs, service_id: "web", event_type, timestamp: new Date(T0 + atMs).toISOString(), message, details },
});

test("starts are listed newest first, with the run before them and how it ended", () => {
  const events = [
    event(0, "started", "", { invocation: "a" }),
    event(10, "exited", "exit code 3"),
    event(20, "started", "", { invocation: "b" }),
    event(30, "start-failed", "no such program"),
    event(40, "started"),
  ];
  expect(startsOf(events)).toEqual([
    { atMs: T0 + 40, invocation: null, previous: "b", ending: "no such program" },
    { atMs: T0 + 20, invocation: "b", previous: "a", ending: "exit code 3" },
    { atMs: T0, invocation: "a", previous: null, ending: null },
  ]);
});

test("the ranges lie on both sides of a start, and the second one ends now at the latest", () => {
  expect(rangesAround(T0, 10 * MINUTE, T0 + MINUTE)).toEqual({
    before: { from: T0 - 10 * MINUTE, to: T0 },
    after: { from: T0, to: T0 + MINUTE },
  });
  expect(rangesAround(T0, 10 * MINUTE, T0 + 60 * MINUTE).after.to).toBe(T0 + 10 * MINUTE);
  expect(firstRanges([], T0)).toEqual({ before: { from: T0 - 30 * MINUTE, to: T0 - 15 * MINUTE }, after: { from: T0 - 15 * MINUTE, to: T0 } }); // prettier-ignore
});

const figures = (minutes: number, more: Partial<Figures> = {}): Figures => ({
  ...{ id: "web", since: new Date(T0).toISOString(), until: new Date(T0 + minutes * MINUTE).toISOString() },
  ...{ memory_mb: 100, memory_mb_per_hour: null, cpu_percent: 10, response_time_ms: null, starts: 1, exits: 0 },
  ...{ failures: 0, endings: [], error_lines: 6, ...more },
});

test("counts of equal ranges are compared as they are, and those of different ones per hour or per minute", () => {
  expect(rateOf(figures(60), figures(60))).toBeNull();
  expect(rateOf(figures(60), figures(120))).toBe(60 * MINUTE);
  expect(rateOf(figures(60), figures(6))).toBe(MINUTE);
  expect(changeOf("error_lines", true, figures(60), figures(60, { error_lines: 10 }), null)).toEqual({ by: 4, tone: "bad" });
  expect(changeOf("error_lines", true, figures(60), figures(120), 60 * MINUTE)).toEqual({ by: -3, tone: "good" });
});

test("a lower figure is better, a small change has no colour, and a figure that was not measured has no change", () => {
  const change = (cpu_percent: number) => changeOf("cpu_percent", false, figures(60), figures(60, { cpu_percent }), null)!.tone;
  expect([5, 9.5, 10, 10.5, 20].map(change)).toEqual(["good", "quiet", "quiet", "quiet", "bad"]);
  expect(changeOf("response_time_ms", false, figures(60), figures(60), null)).toBeNull();
  expect(changeOf("starts", true, figures(60), figures(60), null)).toBeNull();
});

test("names, globs, groups and services select units as the daemon does", () => {
  const unit = { id: "web@2", service: "web", groups: ["shop"] };
  for (const pattern of ["web@2", "web@2.unit.json", "web", "web*", "*@2", "@shop"]) expect([pattern, matchesPattern(unit, pattern)]).toEqual([pattern, true]); // prettier-ignore
  for (const pattern of ["web@1", "we", "@sho", "db*"]) expect([pattern, matchesPattern(unit, pattern)]).toEqual([pattern, false]);
});
