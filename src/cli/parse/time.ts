import { parseDuration } from "../../base/duration.ts";

/**
 * Parses a time as users type it. Accepts `10m` (ago), `2h30m ago`, `5 minutes ago`, `now`, `today`, `yesterday`, `20:15`
 * (today), `2026-11-22`, `2026-11-22 20:15`, and ISO 8601 with a zone. A time without a zone is local. Returns wall-clock
 * milliseconds, or undefined if the text is not a time.
 */
export function parseTime(text: string, now: number): number | undefined {
  const word = text.trim().toLowerCase();
  if (word === "now") return now;
  if (word === "today") return midnight(now, 0);
  if (word === "yesterday") return midnight(now, -1);
  const ago = parseDuration(
    word
      .replace(/^-/, "")
      .replace(/\s*ago$/, "")
      .replace(UNIT_WORDS, "$1"),
  );
  if (ago !== undefined) return now - ago;
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(word);
  if (clock) return new Date(now).setHours(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0), 0);
  return parseDate(text.trim());
}

/** Matches `5 minutes`, `1 hour` or `2 days`. The first letter of the word is the unit. */
const UNIT_WORDS = /(?<=\d\s*)([smhdw])(?:ec|econd|in|inute|our|ay|eek)s?\b/g;

function parseDate(text: string): number | undefined {
  const date = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?(Z|[+-]\d\d:?\d\d)?$/i.exec(text);
  if (!date) return undefined;
  const ms = Date.parse(`${date[1]}T${date[2] ?? "00:00"}${date[3] ?? ""}`); // Date.parse reads a date without a time as UTC
  return Number.isNaN(ms) ? undefined : ms;
}

function midnight(now: number, days: number): number {
  const date = new Date(now);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}
