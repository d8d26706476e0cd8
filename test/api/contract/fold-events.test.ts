import { expect, test } from "bun:test";
import { foldEvents } from "../../../src/api/contract/fold-events.ts";
import type { Event } from "../../../src/api/contract/shapes.ts";

const T0 = Date.parse("2026-05-01T12:00:00.000Z");

let ids = 0;

function event(seconds: number, event_type: string, more: Partial<Event> = {}): Event {
  return { id: ++ids, service_id: "web", event_type, timestamp: new Date(T0 + seconds * 1000).toISOString(), message: event_type, details: {}, ...more }; // prettier-ignore
}

/** The events of one run that fails with an exit code and is followed by a back-off. */
const cycle = (seconds: number, code = 3, unit = "web", cause = "policy"): Event[] => [
  event(seconds, "started", { service_id: unit, details: { cause, invocation: "abc" } }),
  event(seconds, "running", { service_id: unit }),
  event(seconds + 1, "exited", { service_id: unit, message: `exit code ${code}`, details: { success: false, expected: false, invocation: "abc" } }), // prettier-ignore
  event(seconds + 1, "backoff", { service_id: unit, message: "retry 1 in 1s", details: { cause: `exit code ${code}` } }),
];

const shown = (events: readonly Event[]): string[] =>
  foldEvents(events, Date.parse).map(
    ({ event: { service_id, event_type, message }, inner }) => `${service_id} ${event_type}: ${message} [${inner.length}]`,
  );

test("a crash loop is one row with a count and its cause, at the place of its last event", () => {
  const events = [...cycle(0, 3, "web", "boot"), ...cycle(10), ...cycle(20), event(30, "stopped")];
  expect(shown(events)).toEqual(["web exited ×3: 3 times in 21s: exit code 3 [12]", "web stopped: stopped [0]"]);
  expect(foldEvents(events, Date.parse)[0]!.inner).toEqual(events.slice(0, 12));
  expect(foldEvents(events, Date.parse)[0]!.event.details).not.toHaveProperty("invocation");
});

test("two failures are no loop", () => {
  const events = [...cycle(0), ...cycle(10)];
  expect(foldEvents(events, Date.parse)).toEqual(events.map((one) => ({ event: one, inner: [] })));
});

test("several causes are counted, the most frequent first", () => {
  const events = [...cycle(0, 1), ...cycle(10, 78), ...cycle(20, 78), ...cycle(30, 5), ...cycle(40, 6)];
  expect(shown(events)).toEqual(["web exited ×5: 5 times in 41s: exit code 78 (2×), exit code 1 (1×), exit code 5 (1×) and 1 more [20]"]);
});

test("the loops of several units and the events of others in between do not disturb each other", () => {
  const events: Event[] = [];
  for (let s = 0; s < 40; s += 10) events.push(...cycle(s), ...cycle(s + 2, 9, "db"), event(s + 5, "probed", { service_id: "ok" }));
  expect(shown(events)).toEqual([
    ...["ok probed: probed [0]", "ok probed: probed [0]", "ok probed: probed [0]"],
    ...["web exited ×4: 4 times in 31s: exit code 3 [16]", "db exited ×4: 4 times in 31s: exit code 9 [16]", "ok probed: probed [0]"],
  ]);
});

test("alerts stay visible and do not end a loop, and giving up ends it", () => {
  const events = [...cycle(0), event(2, "alert-opened"), ...cycle(10), ...cycle(20).slice(0, 3), event(21, "fatal")];
  expect(shown(events)).toEqual([
    "web alert-opened: alert-opened [0]",
    "web exited ×3: 3 times in 21s: exit code 3 [11]",
    "web fatal: fatal [0]",
  ]);
});

test("a start that somebody requested begins a new loop, and so does a crash after a long run", () => {
  const requested = [...cycle(0), ...cycle(10), ...cycle(20, 3, "web", "operator"), ...cycle(30)];
  expect(foldEvents(requested, Date.parse)).toHaveLength(16);
  const late = [...cycle(0), ...cycle(10), ...cycle(20), event(30, "started"), ...cycle(3000).slice(2)];
  expect(shown(late)).toEqual([
    "web exited ×3: 3 times in 21s: exit code 3 [12]",
    "web started: started [0]",
    "web exited: exit code 3 [0]",
    "web backoff: retry 1 in 1s [0]",
  ]);
});

test("a start after the last failure stays visible, because the unit runs again", () => {
  const events = [...cycle(0), ...cycle(10), ...cycle(20), event(30, "started"), event(31, "running")];
  expect(shown(events).slice(1)).toEqual(["web started: started [0]", "web running: running [0]"]);
});

test("a unit that its health check restarts has the check as the cause, and failed starts count too", () => {
  const sick = [0, 10, 20].flatMap((s) => [
    event(s, "unhealthy"),
    event(s, "exited", { message: "killed by SIGTERM" }),
    event(s, "backoff", { details: { cause: "health check failed" } }),
  ]);
  expect(shown(sick)).toEqual(["web exited ×3: 3 times in 20s: health check failed [9]"]);
  const missing = [0, 1, 2].flatMap((s) => [event(s, "start-failed", { message: "no such program" }), event(s, "backoff")]);
  expect(shown(missing)).toEqual(["web start-failed ×3: 3 times in 2s: no such program [6]"]);
});

test("the events of the daemon itself are never folded", () => {
  const events = [1, 2, 3, 4].map((s) => event(s, "exited", { service_id: null }));
  expect(foldEvents(events, Date.parse)).toHaveLength(4);
});
