/**
 * The runs of a unit, as its history tells them, and which of them somebody means. A line of its log belongs to the run
 * that had begun last when it was taken in: the history has a stamp for each beginning that lies between the lines of one
 * run and those of the next.
 */
import { err, ok, type Result } from "../../base/result.ts";
import type { EventRow } from "../../ports/store/events.ts";

/** Of the events that begin a run. */
export const BEGINNINGS: readonly string[] = ["starting", "started"];

export interface PastRun {
  /** The value of SUP_INVOCATION_ID. */
  readonly invocation: string;
  /** UTC ISO 8601. */
  readonly startedAt: string;
  /** Stamps of the log: of the run are the lines at or after `from` and before `before`, which is null for the latest. */
  readonly from: string;
  readonly before: string | null;
}

/** `events`: beginnings, oldest first. Newest first. What an older sup has written, which names no invocation, is left out. */
export function runsOf(events: readonly EventRow[]): PastRun[] {
  const runs: PastRun[] = [];
  for (const { timestamp, details } of events) {
    const { invocation, log_from: from } = details;
    if (typeof invocation !== "string" || typeof from !== "string" || runs[0]?.invocation === invocation) continue;
    if (runs[0]) runs[0] = { ...runs[0], before: from };
    runs.unshift({ invocation, startedAt: timestamp, from, before: null });
  }
  return runs;
}

const RECENT = 5;
/** As long as a column needs to tell runs apart. */
export const SHORT_ID = 8;

/** `0` is the latest run, `-1` the one before; anything else is an invocation id or the beginning of one. */
export function findRun(runs: readonly PastRun[], wanted: string): Result<PastRun, string> {
  if (/^(0|-\d+)$/.test(wanted)) {
    const run = runs[-Number(wanted)];
    if (run) return ok(run);
    return err(runs.length === 0 ? "no run of it is known" : `only ${runs.length === 1 ? "one run is" : `${runs.length} runs are`} known`);
  }
  const matches = runs.filter(({ invocation }) => invocation.startsWith(wanted.toLowerCase()));
  const different = new Set(matches.map(({ invocation }) => invocation));
  if (different.size > 1) return err(`${different.size} runs begin with ${wanted}`);
  return matches[0] ? ok(matches[0]) : err(`no run of it is called ${wanted}`);
}

/** What to choose from: `3f2a9c1b of 2026-11-25 12:00:01, …`. */
export function recentRuns(runs: readonly PastRun[]): string {
  const recent = runs.slice(0, RECENT).map(({ invocation, startedAt }) => `${invocation.slice(0, SHORT_ID)} of ${startedAt}`);
  return recent.length === 0 ? "" : `newest first: ${recent.join(", ")}`;
}
