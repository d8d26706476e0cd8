import type { QuietHours } from "../../spec/notifications.ts";

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;

/** Returns the wall clock time at which the quiet hours that include `wallMs` end. Returns null if `wallMs` is not within quiet hours. */
export function quietUntilMs({ fromMinute, toMinute, timezone }: QuietHours, wallMs: number): number | null {
  const minute = minuteOfDay(wallMs, timezone);
  const length = modulo(toMinute - fromMinute) || DAY_MINUTES;
  if (modulo(minute - fromMinute) >= length) return null;
  // A change to or from daylight saving time within the quiet hours shifts their end. One correction is enough.
  const guess = wallMs - (wallMs % MINUTE_MS) + (length - modulo(minute - fromMinute)) * MINUTE_MS;
  const off = modulo(minuteOfDay(guess, timezone) - toMinute);
  return guess - (off > DAY_MINUTES / 2 ? off - DAY_MINUTES : off) * MINUTE_MS;
}

const modulo = (minutes: number): number => ((minutes % DAY_MINUTES) + DAY_MINUTES) % DAY_MINUTES;

const formats = new Map<string | null, Intl.DateTimeFormat>();

function minuteOfDay(wallMs: number, timezone: string | null): number {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
      ...(timezone !== null && { timeZone: timezone }),
    });
    formats.set(timezone, format);
  }
  const [hours, minutes] = format.format(wallMs).split(":");
  return Number(hours) * 60 + Number(minutes);
}
