/**
 * Finds the runs of a unit in its history, and finds the run that a user names. A log line belongs to the latest run that had
 * begun when the line was captured. Each event that begins a run contains a log time stamp (`log_from`). It lies between the
 * lines of the previous run and the lines of the new run.
 */
import { err, ok, type Result } from "../../base/result.ts";
import type { EventRow } from "../../ports/store/events.ts";

/** The types of events that mark the beginning of a run. */
export const BEGINNINGS: readonly string[] = ["starting", "started"];

export interface PastRun {
  /** The value of SUP_INVOCATION_ID. */
  readonly invocation: string;
  /** Time of the start in UTC, in ISO 8601 format. */
  readonly startedAt: string;
  /** Log time stamps. The run's lines are at or after `from` and before `before`. `before` is null for the latest run. */
  readonly from: string;
  readonly before: string | null;
}

/**
 * Returns the runs of a unit, newest first. `events` are the events that begin runs, oldest first. Events without an invocation,
 * which older versions of sup recorded, are skipped.
 */
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
/** The number of characters of an invocation id that sup shows. It is enough to distinguish runs. */
export const SHORT_ID = 8;

/**
 * Finds the run that a user names. `0` is the latest run, `-1` is the run before it, and any other string is a prefix of an
 * invocation id.
 */
export function findRun(runs: readonly PastRun[], wanted: string): Result<PastRun, string> {
  if (/^(0|-\d+)$/.test(wanted)) {
    const run = runs[-Number(wanted)];
    if (run) return ok(run);
    return err(
      runs.length === 0 ? "it has no recorded runs" : `only ${runs.length === 1 ? "1 run is" : `${runs.length} runs are`} recorded`,
    );
  }
  const matches = runs.filter(({ invocation }) => invocation.startsWith(wanted.toLowerCase()));
  const different = new Set(matches.map(({ invocation }) => invocation));
  if (different.size > 1) return err(`${different.size} runs begin with ${wanted}`);
  return matches[0] ? ok(matches[0]) : err(`it has no run ${wanted}`);
}

/** Lists recent runs for an error message, for example `newest first: 3f2a9c1b of 2026-11-25 12:00:01, …`. */
export function recentRuns(runs: readonly PastRun[]): string {
  const recent = runs.slice(0, RECENT).map(({ invocation, startedAt }) => `${invocation.slice(0, SHORT_ID)} of ${startedAt}`);
  return recent.length === 0 ? "" : `newest first: ${recent.join(", ")}`;
}
