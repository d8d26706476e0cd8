/**
 * Finds the runs of a unit in its history, and the run that a user names. A log line belongs to the latest run that had
 * begun when the line was captured. The history keeps, for each beginning of a run, a log time stamp that lies between the
 * lines of the previous run and those of this one.
 */
import { err, ok, type Result } from "../../base/result.ts";
import type { EventRow } from "../../ports/store/events.ts";

/** Types of the events that begin a run. */
export const BEGINNINGS: readonly string[] = ["starting", "started"];

export interface PastRun {
  /** The value of SUP_INVOCATION_ID. */
  readonly invocation: string;
  /** UTC ISO 8601. */
  readonly startedAt: string;
  /** Log time stamps: the run's lines are at or after `from` and before `before`. `before` is null for the latest run. */
  readonly from: string;
  readonly before: string | null;
}

/** `events`: events that begin runs, oldest first. Returns the newest run first. Skips events of older versions without an invocation. */
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
/** Characters of an invocation id that are shown; enough to distinguish runs. */
export const SHORT_ID = 8;

/** `0` is the latest run, `-1` the one before; anything else is an invocation id or a prefix of one. */
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

/** Lists recent runs for an error message: `newest first: 3f2a9c1b of 2026-11-25 12:00:01, …`. */
export function recentRuns(runs: readonly PastRun[]): string {
  const recent = runs.slice(0, RECENT).map(({ invocation, startedAt }) => `${invocation.slice(0, SHORT_ID)} of ${startedAt}`);
  return recent.length === 0 ? "" : `newest first: ${recent.join(", ")}`;
}
