/** Translates cron expressions to systemd's calendar expressions (systemd.time(7)). */

const NAMED: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/**
 * Returns the values of `OnCalendar=`. Where cron runs on days that match the date or the weekday, two values are needed,
 * because systemd requires both to match. Returns null if the expression is not a valid cron expression.
 */
export function toCalendar(cron: string, timezone: string | null): string[] | null {
  const fields = (NAMED[cron.trim().toLowerCase()] ?? cron).trim().split(/\s+/);
  if (fields.length !== 5) return null;
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  const minutes = numbers(minute, 0, 59);
  const hours = numbers(hour, 0, 23);
  const days = numbers(day, 1, 31);
  const months = numbers(month, 1, 12, MONTHS, 1);
  const weekdays = numbers(weekday, 0, 7, DAYS, 0)?.map((number) => number % 7);
  if (!minutes || !hours || !days || !months || !weekdays) return null;
  const time = `${list(hours, 24)}:${list(minutes, 60)}:00${timezone === null ? "" : ` ${timezone}`}`;
  const ofMonth = list(months, 12);
  const byDate = `*-${ofMonth}-${list(days, 31)} ${time}`;
  const set = new Set(weekdays);
  if (set.size === 7) return [byDate];
  const names = [1, 2, 3, 4, 5, 6, 0].filter((number) => set.has(number)).map((number) => capital(DAYS[number]!));
  const byWeekday = `${names.join(",")} *-${ofMonth}-* ${time}`;
  if (day === "*") return [byWeekday];
  // If one of the two fields starts with a star, both must match (crontab(5)).
  if (day.startsWith("*") || weekday.startsWith("*")) return [`${names.join(",")} ${byDate}`];
  return [byDate, byWeekday];
}

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

/** Returns the sorted numbers that a field of cron stands for, or null if it is not valid. */
export function numbers(field: string, least: number, most: number, names: readonly string[] = [], first = 0): number[] | null {
  const found = new Set<number>();
  for (const part of field.split(",")) {
    const match = /^(\*|[A-Za-z]{3}|\d{1,2})(?:-([A-Za-z]{3}|\d{1,2}))?(?:\/(\d{1,2}))?$/.exec(part);
    if (!match) return null;
    const toNumber = (text: string): number => (/^\d/.test(text) ? Number(text) : names.indexOf(text.toLowerCase()) + first);
    const from = match[1] === "*" ? least : toNumber(match[1]!);
    const open = match[1] === "*" || match[3] !== undefined ? most : from;
    let to = match[2] === undefined ? open : toNumber(match[2]);
    // At the end of a range, Sunday is 7.
    if (names === DAYS && to < from && to === 0) to = 7;
    const step = Number(match[3] ?? 1);
    if (from < least || to > most || step < 1 || from > to) return null;
    for (let number = from; number <= to; number += step) found.add(number);
  }
  return [...found].sort((a, b) => a - b);
}

/** Writes numbers as a list with ranges, or `*` if there are all of them. */
function list(values: readonly number[], count: number): string {
  if (values.length === count) return "*";
  const parts: string[] = [];
  for (let i = 0; i < values.length; i++) {
    const from = values[i]!;
    while (values[i + 1] === values[i]! + 1) i++;
    const to = values[i]!;
    if (to > from + 1) parts.push(`${two(from)}..${two(to)}`);
    else parts.push(...(to === from ? [two(from)] : [two(from), two(to)]));
  }
  return parts.join(",");
}

const two = (value: number): string => String(value).padStart(2, "0");
