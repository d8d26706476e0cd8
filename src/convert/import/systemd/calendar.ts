import { lookUp } from "../data.ts";
import { err, ok, type Result } from "../../../base/result.ts";

/** A calendar expression of systemd (systemd.time(7)) as fields of cron. */
export interface Calendar {
  readonly cron: string;
  readonly timezone: string | null;
  /** The part of the expression that cron cannot represent exactly, or null. */
  readonly note: string | null;
}

const NAMED: Readonly<Record<string, string>> = {
  minutely: "* * * * *",
  hourly: "0 * * * *",
  daily: "0 0 * * *",
  midnight: "0 0 * * *",
  weekly: "0 0 * * 1",
  monthly: "0 0 1 * *",
  yearly: "0 0 1 1 *",
  annually: "0 0 1 1 *",
  quarterly: "0 0 1 1,4,7,10 *",
  semiannually: "0 0 1 1,7 *",
};

export function toCron(text: string): Result<Calendar, string> {
  const words = text.trim().split(/\s+/);
  const zone = words.length > 1 && /^(UTC|[A-Z][A-Za-z_]+\/[A-Za-z_/+-]+)$/.test(words.at(-1)!) ? words.pop()! : null;
  const named = words.length === 1 ? lookUp(NAMED, words[0]!.toLowerCase()) : undefined;
  if (named !== undefined) return ok({ cron: named, timezone: zone, note: null });
  const weekday = words[0] !== undefined && /^[A-Za-z]/.test(words[0]) ? toWeekdays(words.shift()!) : "*";
  if (weekday === null) return err("its days of the week are not valid");
  const time = words.find((word) => word.includes(":"));
  const date = words.find((word) => !word.includes(":"));
  if (words.length > Number(time !== undefined) + Number(date !== undefined)) return err("it has too many parts");
  const days = toDate(date ?? "*-*-*");
  if (!days.ok) return days;
  const clock = toClock(time ?? "00:00:00");
  if (!clock.ok) return clock;
  if (days.value.day !== "*" && weekday !== "*")
    return err("cron runs on each day that matches either the date or the weekday, systemd on days that match both");
  const { minute, hour, note } = clock.value;
  return ok({ cron: `${minute} ${hour} ${days.value.day} ${days.value.month} ${weekday}`, timezone: zone, note });
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

function toWeekdays(text: string): string | null {
  const parts = text
    .replace(/,$/, "")
    .split(",")
    .map((part) => {
      const [from, to, ...more] = part.split(/\.\.|-/).map((day) => DAYS.indexOf(day.slice(0, 3).toLowerCase()));
      if (more.length > 0 || from === undefined || from < 0 || (to !== undefined && to < 0)) return null;
      if (to === undefined) return String(from);
      // At the end of a range, Sunday is 7.
      return to < from ? (to === 0 ? `${from}-7` : `${from}-6,0-${to}`) : `${from}-${to}`;
    });
  return parts.includes(null) ? null : parts.join(",");
}

function toDate(text: string): Result<{ readonly month: string; readonly day: string }, string> {
  if (text.includes("~")) return err("cron cannot count days from the end of the month");
  const parts = text.split("-");
  const [day, month, year] = parts.toReversed();
  if (parts.length > 3 || day === undefined || month === undefined) return err("its date is not valid");
  if (year !== undefined && year !== "*") return err("cron has no years");
  const fields = [toField(day, 1, 31), toField(month, 1, 12)];
  if (fields[0] === null || fields[1] === null) return err("its date is not valid");
  return ok({ day: fields[0]!, month: fields[1]! });
}

function toClock(text: string): Result<{ readonly minute: string; readonly hour: string; readonly note: string | null }, string> {
  const [hour, minute, second = "0", ...more] = text.split(":");
  const fields = [toField(minute ?? "", 0, 59), toField(hour ?? "", 0, 23)];
  if (more.length > 0 || fields[0] === null || fields[1] === null) return err("its time is not valid");
  if (!/^\d{1,2}(\.\d+)?$/.test(second)) return err("cron has no seconds");
  const note = Number(second) === 0 ? null : `it runs at the full minute instead of ${second} s later`;
  return ok({ minute: fields[0]!, hour: fields[1]!, note });
}

/** Converts a list of values, ranges (`1..5`) and repetitions (`0/15`) to a field of cron. */
function toField(text: string, least: number, most: number): string | null {
  const parts = text.split(",").map((part) => {
    const match = /^(?:(\*)|0*(\d{1,2})(?:\.\.0*(\d{1,2}))?)(?:\/0*(\d{1,2}))?$/.exec(part);
    if (!match) return null;
    const [, star, from, to, step] = match;
    if ([from, to].some((value) => value !== undefined && (Number(value) < least || Number(value) > most)) || step === "0") return null;
    if (star) return step === undefined ? "*" : `*/${step}`;
    const end = to ?? (step === undefined ? undefined : String(most));
    return `${Number(from)}${end === undefined ? "" : `-${end}`}${step === undefined ? "" : `/${step}`}`;
  });
  return parts.includes(null) ? null : parts.join(",");
}
