import type { Event, Figures } from "../../api/contract/shapes.ts";

/** A range of time in milliseconds since 1970. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Ranges {
  readonly before: Range;
  readonly after: Range;
}

/** A start of the unit, around which two ranges can be compared. */
export interface Start {
  readonly atMs: number;
  /** The invocation ids of the run and of the run before it. Null if they are not recorded. */
  readonly invocation: string | null;
  readonly previous: string | null;
  /** How the run before it ended, or null. */
  readonly ending: string | null;
}

/** Returns the starts of a unit, newest first. `events` are of the types `started`, `exited` and `start-failed`, oldest first. */
export function startsOf(events: readonly Event[]): readonly Start[] {
  const starts: Start[] = [];
  let [ending, previous]: [string | null, string | null] = [null, null];
  for (const { event_type, timestamp, message, details } of events) {
    if (event_type !== "started") {
      ending = message;
      continue;
    }
    const invocation = typeof details.invocation === "string" ? details.invocation : null;
    starts.unshift({ atMs: Date.parse(timestamp), invocation, previous, ending });
    [ending, previous] = [null, invocation];
  }
  return starts;
}

/** Returns the ranges of this length before and after a start. The second one ends now at the latest. */
export const rangesAround = (atMs: number, lengthMs: number, nowMs: number): Ranges => ({
  before: { from: atMs - lengthMs, to: atMs },
  after: { from: atMs, to: Math.max(atMs + 1000, Math.min(atMs + lengthMs, nowMs)) },
});

export const LENGTHS = [
  { title: "5 min", ms: 5 * 60_000 },
  { title: "15 min", ms: 15 * 60_000 },
  { title: "1 h", ms: 3_600_000 },
  { title: "6 h", ms: 6 * 3_600_000 },
  { title: "24 h", ms: 24 * 3_600_000 },
] as const;

/** The ranges of the first view: around the newest start, or the last two quarters of an hour if no start is known. */
export function firstRanges(starts: readonly Start[], nowMs: number): Ranges {
  const [newest] = starts;
  const length = LENGTHS[1].ms;
  return newest === undefined ? rangesAround(nowMs - length, length, nowMs) : rangesAround(newest.atMs, length, nowMs);
}

export type FigureKey = "memory_mb" | "memory_mb_per_hour" | "cpu_percent" | "response_time_ms" | "starts" | "exits" | "failures" | "error_lines"; // prettier-ignore

/** The figures of the comparison. Counts depend on the length of the range. */
export const ROWS: ReadonlyArray<{ readonly key: FigureKey; readonly title: string; readonly isCount: boolean }> = [
  { key: "memory_mb", title: "Memory, mean", isCount: false },
  { key: "memory_mb_per_hour", title: "Memory slope", isCount: false },
  { key: "cpu_percent", title: "CPU, mean", isCount: false },
  { key: "response_time_ms", title: "Response time, mean", isCount: false },
  { key: "starts", title: "Starts", isCount: true },
  { key: "exits", title: "Exits", isCount: true },
  { key: "failures", title: "Failures", isCount: true },
  { key: "error_lines", title: "Error lines", isCount: true },
];

/** A relative change smaller than this is not coloured. */
const NOTABLE = 0.1;

export const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const lengthOf = ({ since, until }: Pick<Figures, "since" | "until">): number => Date.parse(until) - Date.parse(since);

/**
 * Counts of ranges with different lengths are compared per hour, or per minute if one of the ranges is short. Returns the milliseconds of
 * this unit, or null if the lengths are equal, so that the counts themselves are compared.
 */
export function rateOf(before: Figures, after: Figures): number | null {
  const [a, b] = [lengthOf(before), lengthOf(after)];
  if (Math.abs(a - b) < 0.01 * Math.max(a, b)) return null;
  return Math.min(a, b) < HOUR_MS / 2 ? MINUTE_MS : HOUR_MS;
}

/** Compares two values, of which the lower one is the better one. `perMs` is the unit in which counts are compared. */
export function changeOf(
  key: FigureKey,
  isCount: boolean,
  before: Figures,
  after: Figures,
  perMs: number | null,
): { readonly by: number; readonly tone: "good" | "bad" | "quiet" } | null {
  if (key === "starts") return null; // the range after a start contains this start
  const rate = (figures: Figures): number | null => {
    const value = figures[key];
    return value === null || !isCount || perMs === null ? value : (value * perMs) / lengthOf(figures);
  };
  const [a, b] = [rate(before), rate(after)];
  if (a === null || b === null) return null;
  const by = b - a;
  const isNotable = Math.abs(by) > NOTABLE * Math.max(Math.abs(a), Math.abs(b));
  return { by, tone: !isNotable ? "quiet" : by > 0 ? "bad" : "good" };
}
