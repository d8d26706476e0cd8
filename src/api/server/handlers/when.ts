import { parseDuration } from "../../../base/duration.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { ApiError } from "../../contract/errors.ts";

/** Wall milliseconds of an ISO 8601 time (UTC unless it names a zone) or of a duration before `nowMs`. */
export function resolveWhen(key: string, text: string, nowMs: number): Result<number, ApiError> {
  const ago = parseDuration(text);
  if (ago !== undefined) return ok(nowMs - ago);
  const spaced = text.replace(" ", "T");
  const ms = Date.parse(/T/i.test(spaced) && !/(Z|[+-]\d\d:?\d\d)$/i.test(spaced) ? `${spaced}Z` : spaced);
  return Number.isNaN(ms)
    ? err({ code: "invalid", message: `cannot accept ${key}: there is no such time (got ${JSON.stringify(text)})` })
    : ok(ms);
}

/** The same as a UTC ISO 8601 string. A time before year 0 (a duration of millennia) becomes year 0, so that the strings sort by time. */
export function resolveIso(key: string, text: string, nowMs: number): Result<string, ApiError> {
  const at = resolveWhen(key, text, nowMs);
  return at.ok ? ok(new Date(Math.max(at.value, YEAR_0)).toISOString()) : at;
}

const YEAR_0 = Date.parse("0000-01-01T00:00:00Z");
