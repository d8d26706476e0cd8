import type { EventRow } from "../../ports/store/events.ts";
import type { FingerprintRow } from "../../ports/store/fingerprints.ts";
import { type Fingerprint, parseFingerprint } from "./fingerprint.ts";
import { BEGINNINGS } from "./past-runs.ts";

/** The types of events from which the history of runs is made. */
export const HISTORY_TYPES: readonly string[] = [...BEGINNINGS, "exited", "start-failed", "unhealthy"];

/** A run of a unit, including a run that failed to start. Times are in UTC, in ISO 8601 format. */
export interface HistoricRun {
  /** The value of SUP_INVOCATION_ID. */
  readonly invocation: string;
  readonly startedAt: string;
  /** Times of the run's part of the log, as in `PastRun`. `from` is null if no process was started or the time is unknown. */
  readonly from: string | null;
  readonly before: string | null;
  /** When and how the run ended. Both are null if it has not ended, or if its end was not recorded. */
  readonly endedAt: string | null;
  readonly ending: string | null;
  /** When the run failed: by a bad exit, a failed start, or a failed health check. Null if it did not fail. */
  readonly failedAt: string | null;
  /** What the run was started with, or null if that was not recorded. */
  readonly fingerprint: Fingerprint | null;
}

/**
 * Returns the runs of a unit, oldest first. `events` and `fingerprints` are the unit's newest ones, oldest first. A
 * fingerprint is stored only if it differs from the previous one. Therefore a run without a stored fingerprint has that of
 * the run before it.
 */
export function historyOf(events: readonly EventRow[], fingerprints: readonly FingerprintRow[]): HistoricRun[] {
  const runs = withoutFingerprints(events);
  const rows = new Map(fingerprints.map((row) => [row.invocation, row]));
  const parsed = new Map<FingerprintRow, Fingerprint | null>();
  let row = fingerprints.findLast(({ at }) => runs[0] !== undefined && at <= runs[0].startedAt) ?? null;
  return runs.map((run) => {
    row = rows.get(run.invocation) ?? row;
    if (row === null) return { ...run, fingerprint: null };
    if (!parsed.has(row)) parsed.set(row, parseFingerprint(row.fingerprint));
    return { ...run, fingerprint: parsed.get(row)! };
  });
}

type Plain = Omit<HistoricRun, "fingerprint">;

function withoutFingerprints(events: readonly EventRow[]): Plain[] {
  const runs: Plain[] = [];
  let number: unknown = null;
  for (const { type, timestamp, message, details } of events) {
    const { invocation, run } = details;
    const isKnown = typeof invocation === "string" ? runs.at(-1)?.invocation === invocation : run === number;
    if (!isKnown) {
      if (typeof invocation !== "string" || (type !== "start-failed" && !BEGINNINGS.includes(type))) continue;
      const from = typeof details.log_from === "string" ? details.log_from : null;
      if (from !== null) endLogs(runs, from);
      runs.push({ invocation, startedAt: timestamp, from, before: null, endedAt: null, ending: null, failedAt: null });
      number = run;
    }
    const current = runs.at(-1)!;
    const hasEnded = type === "exited" || type === "start-failed";
    const hasFailed =
      type === "start-failed" || type === "unhealthy" || (type === "exited" && details.success === false && details.expected === false);
    runs[runs.length - 1] = {
      ...current,
      ...(hasEnded && { endedAt: timestamp, ending: message }),
      ...(hasFailed && { failedAt: current.failedAt ?? timestamp }),
    };
  }
  return runs;
}

/** Ends the logs of earlier runs at the beginning of the log of a new run. A run that failed to start has no log. */
function endLogs(runs: Plain[], before: string): void {
  for (let index = runs.length - 1; index >= 0 && runs[index]!.before === null; index--) runs[index] = { ...runs[index]!, before };
}
