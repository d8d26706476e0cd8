import { expect, test } from "bun:test";
import { quietUntilMs } from "../../../src/core/notifications/quiet-hours.ts";

const quiet = (from: number, to: number, timezone: string, at: string): string | null => {
  const until = quietUntilMs({ fromMinute: from * 60, toMinute: to * 60, timezone }, Date.parse(at));
  return until === null ? null : new Date(until).toISOString();
};

test.each<[string, number, number, string, string, string | null]>([
  ["before midnight", 22, 7, "UTC", "2026-05-01T23:30:10Z", "2026-05-02T07:00:00.000Z"],
  ["after midnight", 22, 7, "UTC", "2026-05-02T06:59:59Z", "2026-05-02T07:00:00.000Z"],
  ["at their end", 22, 7, "UTC", "2026-05-02T07:00:00Z", null],
  ["at their begin", 22, 7, "UTC", "2026-05-01T22:00:00Z", "2026-05-02T07:00:00.000Z"],
  ["in the day", 22, 7, "UTC", "2026-05-01T12:00:00Z", null],
  ["within a day", 12, 14, "UTC", "2026-05-01T12:30:00Z", "2026-05-01T14:00:00.000Z"],
  ["in another time zone", 22, 7, "Europe/Berlin", "2026-05-01T20:30:00Z", "2026-05-02T05:00:00.000Z"],
  ["over the begin of daylight saving time", 22, 7, "Europe/Berlin", "2026-03-28T22:00:00Z", "2026-03-29T05:00:00.000Z"],
  ["over the end of daylight saving time", 22, 7, "Europe/Berlin", "2026-10-24T21:00:00Z", "2026-10-25T06:00:00.000Z"],
  ["all day", 7, 7, "UTC", "2026-05-01T06:00:00Z", "2026-05-01T07:00:00.000Z"],
])("%s", (_, from, to, timezone, at, expected) => expect(quiet(from, to, timezone, at)).toBe(expected));
