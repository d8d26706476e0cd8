/**
 * Computes when a cron expression is due next. `Bun.cron.parse` does most of the work. This file corrects it in two cases:
 *
 * - Times that do not exist because the clocks go forward: Bun moves the first of them by the length of the gap and drops the others.
 *   With Bun alone, `0,30 2 * * *` would run only once. Here each of them runs, moved by the length of the gap.
 * - Day fields with a step, such as an asterisk, a slash and a number: in crontab(5), a field that starts with `*` does not count as
 *   a restriction, so both the step and the other day field must match. In Bun, the step counts as a restriction, so one matching
 *   field would be enough.
 */

/**
 * Returns the first time after `afterMs`, in milliseconds, or null if there is none (30 February). Throws Bun's error for an
 * invalid expression.
 */
export function nextCronMs(cron: string, afterMs: number, timezone: string | null): number | null {
  const fields = cron.trim().split(/\s+/);
  const [minute, hour, day, month, weekday] = fields;
  const hasStarStep = fields.length === 5 && day !== "*" && weekday !== "*" && (day!.startsWith("*") || weekday!.startsWith("*"));
  if (!hasStarStep) return nextOf(cron, afterMs, timezone);
  const byDay = [minute, hour, day, month, "*"].join(" ");
  const byWeekday = [minute, hour, "*", month, weekday].join(" ");
  let at = nextOf(byDay, afterMs, timezone);
  for (let round = 0; at !== null && round < MAX_ROUNDS; round++) {
    const other = nextOf(round % 2 === 0 ? byWeekday : byDay, at - 1, timezone);
    if (other === at) return at;
    at = other;
  }
  return null;
}

/** Each round skips at least one day. The 31st of a month falls on a given weekday at least once in twelve years. */
const MAX_ROUNDS = 10_000;

function nextOf(cron: string, afterMs: number, timezone: string | null): number | null {
  const parsed = Bun.cron.parse(cron, afterMs, timezone === null ? {} : { tz: timezone })?.getTime() ?? null;
  const found = [parsed, inGap(cron, gapBefore(afterMs, timezone), afterMs)];
  if (parsed !== null) found.push(inGap(cron, gapBefore(parsed, timezone), afterMs));
  const times = found.filter((ms) => ms !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** A gap in the wall clock: at `atMs`, the clocks went forward by `lengthMs`. */
interface Gap {
  readonly atMs: number;
  readonly lengthMs: number;
  /** Wall clock minus UTC before the gap, in milliseconds. */
  readonly offsetMs: number;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * Returns the gap that began before `ms`, at most its own length earlier, or null if there is none. The longest gap so far
 * was a day (Samoa, 2011).
 */
function gapBefore(ms: number, timezone: string | null): Gap | null {
  let from = ms - DAY_MS;
  let to = ms;
  const offsetMs = offsetAt(from, timezone);
  const lengthMs = offsetAt(to, timezone) - offsetMs;
  if (lengthMs <= 0) return null;
  while (to - from > MINUTE_MS) {
    const middle = from + Math.floor((to - from) / 2);
    if (offsetAt(middle, timezone) === offsetMs) from = middle;
    else to = middle;
  }
  const atMs = Math.floor(to / MINUTE_MS) * MINUTE_MS;
  return ms < atMs + lengthMs ? { atMs, lengthMs, offsetMs } : null;
}

/**
 * Returns the first matching time after `afterMs` that comes less than the length of the gap after it, or null if there is
 * none. The result is either a time that the clocks skipped, moved by the length of the gap, or a time that exists.
 */
function inGap(cron: string, gap: Gap | null, afterMs: number): number | null {
  if (gap === null) return null;
  const from = Math.max(afterMs, gap.atMs - 1);
  const times = [gap.offsetMs, gap.offsetMs + gap.lengthMs].flatMap((offset) => {
    const wall = Bun.cron.parse(cron, from + offset, { tz: "UTC" })?.getTime();
    return wall !== undefined && wall - offset < gap.atMs + gap.lengthMs ? [wall - offset] : [];
  });
  return times.length === 0 ? null : Math.min(...times);
}

const formats = new Map<string | null, Intl.DateTimeFormat>();

/** Returns wall clock minus UTC, in milliseconds. */
function offsetAt(ms: number, timezone: string | null): number {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", { timeZoneName: "longOffset", ...(timezone !== null && { timeZone: timezone }) });
    formats.set(timezone, format);
  }
  const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(format.format(ms)) ?? [];
  const offset = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * MINUTE_MS;
  return sign === "-" ? -offset : offset;
}
