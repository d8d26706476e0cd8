import { formatDuration } from "../base/duration.ts";

/** Formats numbers and times for users. Times are in the browser's zone. `now` is wall-clock milliseconds. */

/** Formats memory in MiB, such as `12.3 MiB` or `1.2 GiB`. Returns "–" for null. */
export const mebibytes = (mib: number | null): string => (mib === null ? NONE : `${inUnitOf(mib, mib)} ${unitOf(mib)}`);

/** Formats memory and its limit, such as `286 of 120 MiB`. */
export const memoryOf = (mib: number, limit: number): string =>
  unitOf(mib) === unitOf(limit) ? `${inUnitOf(mib, limit)} of ${mebibytes(limit)}` : `${mebibytes(mib)} of ${mebibytes(limit)}`;

/** Formats a label of a memory axis. All labels of an axis with this top have the same unit. */
export const axisMemory = (mib: number, top: number): string => `${inUnitOf(mib, top)} ${unitOf(top)}`;

const unitOf = (mib: number): string => (Math.abs(mib) >= 1024 ? "GiB" : "MiB");

/** Returns a number in the unit that suits `size`. */
function inUnitOf(mib: number, size: number): string {
  if (unitOf(size) === "GiB") return (mib / 1024).toFixed(1);
  return Math.abs(mib) >= 100 || Number.isInteger(mib) ? String(Math.round(mib)) : mib.toFixed(1);
}

export const percent = (value: number | null): string => (value === null ? NONE : `${value.toFixed(value < 10 ? 1 : 0)} %`);

/** Formats milliseconds, such as `3.2 ms`, `120 ms` or `1.5 s`. */
export const milliseconds = (value: number): string =>
  value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;

export const NONE = "–";

/** Formats the time since `iso`, such as `3m 5s`. */
export const since = (iso: string | null, now: number): string =>
  iso === null ? NONE : formatDuration(Math.max(0, now - Date.parse(iso)));

/** Formats a time relative to `now`, such as `3m 5s ago`, `in 12s` or `now`. */
export function relative(iso: string, now: number): string {
  const ms = now - Date.parse(iso);
  if (Math.abs(ms) < 1000) return "now";
  return ms > 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(-ms)}`;
}

/** Formats the time until something is due, such as `in 12s`. Returns `now` if it is due or overdue. */
export const due = (iso: string, now: number): string => (Date.parse(iso) <= now ? "now" : relative(iso, now));

const two = (number: number): string => String(number).padStart(2, "0");
const dayOf = (date: Date): string => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
const clockOf = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

/** Formats a time like `20:01:02` if it is today, and otherwise with the date in front. */
export function shortTime(iso: string, now: number): string {
  const date = new Date(iso);
  return dayOf(date) === dayOf(new Date(now)) ? clockOf(date) : `${dayOf(date)} ${clockOf(date)}`;
}

export const fullTime = (iso: string): string => `${dayOf(new Date(iso))} ${clockOf(new Date(iso))}`;

/** Formats a label of a time axis that spans `span` seconds. Depending on the span it is `20:01:30`, `20:01` or `Nov 22 20:00`. */
export function axisTime(seconds: number, span: number): string {
  const date = new Date(seconds * 1000);
  if (span < 300) return clockOf(date);
  if (span <= 86_400) return clockOf(date).slice(0, 5);
  return `${MONTHS[date.getMonth()]} ${date.getDate()} ${clockOf(date).slice(0, 5)}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Formats a time like `20:01:02.123`. `iso` may have up to nine fractional digits, of which three are shown. */
export const logTime = (iso: string): string => `${clockOf(new Date(iso))}.${(/\.(\d{1,3})/.exec(iso)?.[1] ?? "").padEnd(3, "0")}`;

/** Formats a count, such as `1 unit` or `3 units`. */
export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
