import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { beginTimer, firing, nextMs, passed, signatureOf, stepped, type Firing, type Timer } from "../../../src/core/world/schedule.ts";
import type { Phase } from "../../../src/core/unit/phase.ts";
import type { ScheduleSpec } from "../../../src/spec/spec.ts";

const BARE: ScheduleSpec = { cron: null, timezone: null, everyMs: null, catchUp: false, overlap: "skip" };
const every = (seconds: number, more: Partial<ScheduleSpec> = {}): ScheduleSpec => ({ ...BARE, everyMs: seconds * 1000, ...more });
const cron = (text: string, timezone = "UTC", more: Partial<ScheduleSpec> = {}): ScheduleSpec => ({
  ...BARE,
  cron: text,
  timezone,
  ...more,
});
const at = (iso: string): number => Date.parse(iso);
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString().replace(".000Z", "Z"));

test.each([
  ["* * * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"],
  ["@daily", "UTC", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"],
  ["0 9 * * MON-FRI", "UTC", "2026-11-20T10:00:00Z", "2026-11-23T09:00:00Z"],
  ["30 9 * * *", "America/New_York", "2026-07-01T00:00:00Z", "2026-07-01T13:30:00Z"],
  ["0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"],
  // Spring: half past two does not exist in Berlin and is run at half past three; autumn: it comes twice and is run once.
  ["30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"],
  ["30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"],
  ["30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
  // Each of several times that do not exist comes an hour later, also when another one of them has just run.
  ["0,30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z"],
  ["0,30 2 * * *", "Europe/Berlin", "2027-03-28T01:00:00Z", "2027-03-28T01:30:00Z"],
  ["0,30 2 * * *", "Europe/Berlin", "2027-03-28T01:30:00Z", "2027-03-29T00:00:00Z"],
  ["0,30 2,3 * * *", "Europe/Berlin", "2027-03-28T01:30:00Z", "2027-03-29T00:00:00Z"],
  ["*/20 2 * * *", "America/New_York", "2027-03-14T07:20:00Z", "2027-03-14T07:40:00Z"],
  ["0,30 0 * * *", "Africa/Cairo", "2027-04-29T22:00:00Z", "2027-04-29T22:30:00Z"],
  ["0,30 0 30 4 *", "Africa/Cairo", "2027-04-29T22:00:00Z", "2027-04-29T22:30:00Z"],
  // A gap of half an hour: 02:20 comes at 02:50, after 02:40, which exists; 02:00 comes at the end of the gap.
  ["20,40 2 * * *", "Australia/Lord_Howe", "2027-10-02T14:00:00Z", "2027-10-02T15:40:00Z"],
  ["20,40 2 * * *", "Australia/Lord_Howe", "2027-10-02T15:40:00Z", "2027-10-02T15:50:00Z"],
  ["0,30 2 * * *", "Australia/Lord_Howe", "2027-10-02T14:00:00Z", "2027-10-02T15:30:00Z"],
  ["0,30 2 * * *", "Australia/Lord_Howe", "2027-10-02T15:30:00Z", "2027-10-03T15:00:00Z"],
  // A whole day was skipped in Samoa.
  ["0 6,12 30 12 *", "Pacific/Apia", "2011-12-30T16:00:00Z", "2011-12-30T22:00:00Z"],
  ["* * * * *", "Europe/Berlin", "2027-03-28T00:59:00Z", "2027-03-28T01:00:00Z"],
  ["30 * * * *", "Europe/Berlin", "2027-03-28T01:30:00Z", "2027-03-28T02:30:00Z"],
  // A day field that starts with * does not make the other one optional (crontab(5) of Vixie cron).
  ["0 0 */2 * MON", "UTC", "2027-01-01T12:00:00Z", "2027-01-11T00:00:00Z"],
  ["0 0 */2 * MON", "UTC", "2027-01-11T00:00:00Z", "2027-01-25T00:00:00Z"],
  ["0 0 13 * */2", "UTC", "2027-01-01T12:00:00Z", "2027-02-13T00:00:00Z"],
  ["0,30 2 */2 * SUN", "Europe/Berlin", "2027-03-21T12:00:00Z", "2027-04-11T00:00:00Z"],
  ["0 0 1-31/2 * MON", "UTC", "2027-01-01T12:00:00Z", "2027-01-03T00:00:00Z"],
  ["0 0 */31 2 MON", "UTC", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"],
  // Both days named: either will do (POSIX crontab).
  ["0 0 13 * FRI", "UTC", "2026-11-09T00:00:00Z", "2026-11-13T00:00:00Z"],
  ["0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", null],
])("cron %s in %s: after %s comes %s", (text, zone, from, wanted) => {
  expect(iso(nextMs(cron(text, zone), at(from), at(from)))).toBe(wanted);
});

test.each([
  ["the next slot", 0, 0, 10],
  ["between two slots", 4, 0, 10],
  ["on a slot: the one after it", 10, 0, 20],
  ["slots that nobody was there for are left out, and the rest does not drift", 47, 2, 52],
  ["a slot in the future has its distance too", 0, 5, 15],
])("every 10 s, %s", (_, afterS, slotS, wanted) => {
  expect(nextMs(every(10), afterS * 1000, slotS * 1000)).toBe(wanted * 1000);
});

describe("a unit is loaded", () => {
  const now = at("2026-11-23T12:00:30Z");
  const known = (schedule: ScheduleSpec, next: string, more: Partial<Timer> = {}): Timer => ({
    signature: signatureOf(schedule),
    nextMs: at(next),
    lastMs: null,
    queued: false,
    ...more,
  });

  test("for the first time: it has missed nothing and waits for its time", () => {
    const { timer, missedMs } = beginTimer(cron("* * * * *"), null, now);
    expect(iso(timer.nextMs)).toBe("2026-11-23T12:01:00Z");
    expect(timer.lastMs).toBe(null);
    expect(missedMs).toBe(null);
    expect(beginTimer(every(60), null, now).timer.nextMs).toBe(now + 60_000);
  });

  test("again, in time: what was planned stays planned, `every` too", () => {
    const { timer, missedMs } = beginTimer(every(60), known(every(60), "2026-11-23T12:00:50Z"), now);
    expect(iso(timer.nextMs)).toBe("2026-11-23T12:00:50Z");
    expect(missedMs).toBe(null);
  });

  test("again, too late: the time that passed is told, and the slots go on as they were", () => {
    const { timer, missedMs } = beginTimer(every(60), known(every(60), "2026-11-23T11:50:05Z"), now);
    expect(iso(timer.nextMs)).toBe("2026-11-23T12:01:05Z");
    expect(iso(missedMs)).toBe("2026-11-23T11:50:05Z");
  });

  test("with another schedule: nothing was missed of it", () => {
    const { timer, missedMs } = beginTimer(cron("0 * * * *"), known(every(60), "2026-11-23T11:50:05Z", { lastMs: 5 }), now);
    expect(iso(timer.nextMs)).toBe("2026-11-23T13:00:00Z");
    expect(missedMs).toBe(null);
    expect(timer.lastMs).toBe(5);
  });

  test("overlap and catch_up are no other schedule", () => {
    const before = known(every(60), "2026-11-23T11:50:05Z");
    expect(beginTimer(every(60, { catchUp: true, overlap: "kill" }), before, now).missedMs).not.toBeNull();
  });
});

describe("the wall clock is set", () => {
  const timer = (schedule: ScheduleSpec, next: string): Timer => ({
    signature: signatureOf(schedule),
    nextMs: at(next),
    lastMs: null,
    queued: false,
  });

  test("`every` is a distance: it moves with the clock, and is never further away than its period", () => {
    const plan = timer(every(600), "2026-11-23T12:05:00Z");
    const [back, now] = [-3_600_000, at("2026-11-23T11:00:00Z")];
    expect(iso(stepped(every(600), plan, back, now).nextMs)).toBe("2026-11-23T11:05:00Z");
    expect(iso(stepped(every(600), plan, 0, now).nextMs)).toBe("2026-11-23T11:10:00Z");
  });

  test("a cron time stays when the clock is set back a little, so that nothing runs twice", () => {
    const plan = timer(cron("0 * * * *"), "2026-11-23T13:00:00Z");
    expect(stepped(cron("0 * * * *"), plan, -3_600_000, at("2026-11-23T11:30:00Z"))).toBe(plan);
  });

  test("set back by days, the days begin anew", () => {
    const plan = timer(cron("0 * * * *"), "2026-11-23T13:00:00Z");
    expect(iso(stepped(cron("0 * * * *"), plan, -2 * 86_400_000, at("2026-11-21T12:30:00Z")).nextMs)).toBe("2026-11-21T13:00:00Z");
  });

  test("a schedule that never comes stays so", () => {
    const never = { ...timer(cron("0 0 30 2 *"), "2026-11-23T13:00:00Z"), nextMs: null };
    expect(stepped(cron("0 0 30 2 *"), never, -9e9, 0)).toBe(never);
    expect(passed(cron("0 0 30 2 *"), never, 0).nextMs).toBeNull();
  });
});

test.each<[Phase, ScheduleSpec["overlap"], boolean, number, Firing]>([
  ["idle", "skip", false, 0, "run"],
  ["failed", "skip", false, 0, "run"],
  ["fatal", "kill", false, 0, "run"],
  ["running", "skip", false, 0, "skip"],
  ["running", "queue", false, 0, "queue"],
  ["running", "kill", false, 0, "restart"],
  ["backoff", "skip", false, 0, "skip"],
  ["stopping", "queue", false, 0, "queue"],
  ["exited", "kill", false, 0, "restart"],
  ["idle", "skip", false, 59_000, "run"],
  ["idle", "skip", false, 61_000, "missed"],
  ["idle", "skip", true, 9e9, "run"],
  ["running", "queue", true, 9e9, "queue"],
])("due while %s, overlap %s, catch_up %p, %d ms late: %s", (phase, overlap, catchUp, lateMs, wanted) => {
  expect(firing(every(60, { overlap, catchUp }), phase, lateMs)).toBe(wanted);
});

test("over any life (late wake-ups, restarts, a clock that is set), a time to come is to come, and no slot is used twice", () => {
  const schedules = fc.oneof(
    fc.integer({ min: 1, max: 100_000 }).map((seconds) => every(seconds)),
    fc.constantFrom("* * * * *", "*/7 3 * * *", "@weekly", "0 0 29 2 *").map((text) => cron(text)),
  );
  const moments = fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 9e8 }), kind: fc.constantFrom("wake", "restart", "set") }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(schedules, moments, fc.integer({ min: -1e9, max: 1e9 }), (schedule, life, stepMs) => {
      let now = at("2026-03-01T00:00:00Z");
      let { timer } = beginTimer(schedule, null, now);
      const used: number[] = [];
      for (const { waitMs, kind } of life) {
        now += waitMs;
        if (kind === "set") {
          now += stepMs;
          timer = stepped(schedule, timer, stepMs, now);
          used.length = 0; // the wall clock's times begin anew
        } else if (kind === "restart") ({ timer } = beginTimer(schedule, timer, now));
        else if (timer.nextMs !== null && timer.nextMs <= now) {
          if (used.includes(timer.nextMs)) return false;
          used.push(timer.nextMs);
          timer = passed(schedule, timer, now);
        }
        if (timer.nextMs === null) return false; // none of these never comes
        if (kind !== "set" && timer.nextMs <= now) return false;
        if (schedule.everyMs !== null && timer.nextMs - now > schedule.everyMs) return false;
      }
      return true;
    }),
    { numRuns: 2000 },
  );
});
