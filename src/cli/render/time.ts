import { formatDuration } from "../../base/duration.ts";

/** Formats local and relative times for users. `now` is wall-clock milliseconds. */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** Formats a time like `2026-11-22 20:01:02`. */
export function localTime(iso: string): string {
  const date = new Date(iso);
  return `${localDate(date)} ${clock(date)}`;
}

/** Formats a time like `20:01:02` if it is today, and otherwise with the date in front. */
export function shortTime(iso: string, now: number): string {
  const date = new Date(iso);
  const day = localDate(date);
  return day === localDate(new Date(now)) ? clock(date) : `${day} ${clock(date)}`;
}

/** Formats a time like `Sun 2026-11-22 20:01:02 (3m 5s ago)`. */
export const sinceWhen = (iso: string, now: number): string => `${DAYS[new Date(iso).getDay()]} ${localTime(iso)} (${relative(iso, now)})`;

/** Formats a time relative to `now`, like `3m 5s ago`, `in 12s` or `now`. */
export function relative(iso: string, now: number): string {
  const ms = now - Date.parse(iso);
  if (Math.abs(ms) < 500) return "now";
  return ms > 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(-ms)}`;
}

/** Formats the time of a log line in the local zone, like `2026-11-22 20:01:02.123`. Cuts nanoseconds to milliseconds. */
export const logTime = (time: string): string => `${localTime(time)}.${/\.(\d{1,3})/.exec(time)?.[1]?.padEnd(3, "0") ?? "000"}`;

const two = (number: number): string => (number < 10 ? `0${number}` : `${number}`);
const localDate = (date: Date): string => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
const clock = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
