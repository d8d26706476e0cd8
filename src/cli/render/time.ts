import { formatDuration } from "../../base/duration.ts";

/** Local and relative times for people. `now` is wall-clock milliseconds. */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** `2026-11-22 20:01:02`. */
export function localTime(iso: string): string {
  const date = new Date(iso);
  return `${localDate(date)} ${clock(date)}`;
}

/** `20:01:02` for today, otherwise with the date in front. */
export function shortTime(iso: string, now: number): string {
  const date = new Date(iso);
  const day = localDate(date);
  return day === localDate(new Date(now)) ? clock(date) : `${day} ${clock(date)}`;
}

/** `Sun 2026-11-22 20:01:02 (3m 5s ago)`. */
export const sinceWhen = (iso: string, now: number): string => `${DAYS[new Date(iso).getDay()]} ${localTime(iso)} (${relative(iso, now)})`;

/** `3m 5s ago`, `in 12s`, `now`. */
export function relative(iso: string, now: number): string {
  const ms = now - Date.parse(iso);
  if (Math.abs(ms) < 500) return "now";
  return ms > 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(-ms)}`;
}

/** The local time of a log line, cut from nanoseconds to milliseconds: `2026-11-22 20:01:02.123`. */
export const logTime = (time: string): string => `${localTime(time)}.${/\.(\d{1,3})/.exec(time)?.[1]?.padEnd(3, "0") ?? "000"}`;

const two = (number: number): string => (number < 10 ? `0${number}` : `${number}`);
const localDate = (date: Date): string => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
const clock = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
