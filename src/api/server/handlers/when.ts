import { parseDuration } from "../../../base/duration.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { ApiError } from "../../contract/errors.ts";

/** Parses an ISO 8601 time (UTC if it names no zone), or a duration before `nowMs`. Returns wall clock time in milliseconds. */
export function resolveWhen(key: string, text: string, nowMs: number): Result<number, ApiError> {
  const ago = parseDuration(text);
  if (ago !== undefined) return ok(nowMs - ago);
  const spaced = text.replace(" ", "T");
  const ms = Date.parse(/T/i.test(spaced) && !/(Z|[+-]\d\d:?\d\d)$/i.test(spaced) ? `${spaced}Z` : spaced);
  return Number.isNaN(ms)
    ? err({ code: "invalid", message: `cannot accept ${key}: there is no such time (got ${JSON.stringify(text)})` })
    : ok(ms);
}

/**
 * Parses a time like `resolveWhen`, and returns it as an ISO 8601 string in UTC. A time before year 0 (after a duration of millennia)
 * becomes year 0, so that the strings sort by time.
 */
export function resolveIso(key: string, text: string, nowMs: number): Result<string, ApiError> {
  const at = resolveWhen(key, text, nowMs);
  return at.ok ? ok(new Date(Math.max(at.value, YEAR_0)).toISOString()) : at;
}

const YEAR_0 = Date.parse("0000-01-01T00:00:00Z");
