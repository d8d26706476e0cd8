import type { ParsedLine } from "../../../core/logs/framing.ts";
import type { LogQuery } from "../../../ports/logs.ts";

/** A string that sorts after every timestamp. */
export const LAST = "~";

/** Selects the lines of a query. All of them lie between two timestamps. */
export interface Matcher {
  /** Timestamps in the format of `LogLine.time`. Both are inclusive. */
  readonly since: string;
  readonly until: string;
  /**
   * Returns true if the line matches, or "older" if it is older than every match. Yields from time to time while an expression is
   * matched.
   */
  match(line: ParsedLine): Generator<undefined, boolean | "older">;
}

/** Returns the matcher of a query. A line of a `raw` log has no time (""), and matches every `since` and `until`. */
export function matcherOf(query: LogQuery): Matcher {
  const { from = "", before = LAST, stream, grep } = query;
  const since = max(from, query.sinceMs === undefined ? "" : nanos(query.sinceMs, "000000"));
  const until = min(before, query.untilMs === undefined ? LAST : nanos(query.untilMs, "999999"));
  const onlyStamped = query.from !== undefined || query.before !== undefined;
  return {
    since,
    until,
    *match(line) {
      if (line.time !== "" && line.time < since) return "older";
      if (line.time === "" ? onlyStamped : line.time > until || line.time >= before) return false;
      if (stream && line.stream !== stream) return false;
      return grep === undefined || (yield* grep.search(line.text));
    },
  };
}

/**
 * Converts milliseconds to a timestamp that ends in `digits`. A time outside the range of dates becomes a string that sorts
 * before or after everything.
 */
function nanos(ms: number, digits: string): string {
  if (!(Math.abs(ms) < 8.64e15)) return ms > 0 ? LAST : "";
  return new Date(Math.floor(ms)).toISOString().replace("Z", `${digits}Z`);
}

const max = (a: string, b: string): string => (a > b ? a : b);
const min = (a: string, b: string): string => (a < b ? a : b);
