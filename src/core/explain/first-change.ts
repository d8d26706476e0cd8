import { type Change, compare } from "./changes.ts";
import type { HistoricRun } from "./run-history.ts";

export interface FirstChange {
  /** The first run of the latest series of failed runs. */
  readonly failed: HistoricRun;
  /** The newest changes that were in effect when the run failed. Empty if nothing has changed since `since`. */
  readonly changes: readonly Change[];
  /** The first run that was started with these changes. */
  readonly after: HistoricRun;
  /** The last run that was started without them, or the oldest run that could be compared. */
  readonly since: HistoricRun;
}

/**
 * Finds the newest change before the first failure of the latest series of failures. `runs` are the unit's runs, oldest
 * first. Returns null if the latest run that ended did not fail. Also returns null if it is unknown whether anything changed.
 */
export function findFirstChange(runs: readonly HistoricRun[]): FirstChange | null {
  let first = runs.length - 1;
  const latest = runs[first];
  if (latest?.failedAt === null && latest.endedAt === null) first--; // a run that is still in progress
  if (runs[first] === undefined || runs[first]!.failedAt === null) return null;
  while (runs[first - 1] !== undefined && runs[first - 1]!.failedAt !== null) first--;
  const failed = runs[first]!;
  let [after, since, isCertain] = [failed, failed, true];
  for (let index = first - 1; index >= 0; index--) {
    const before = runs[index]!;
    if (before.fingerprint === null || after.fingerprint === null) break;
    since = before;
    const { changes, unknown } = before.fingerprint === after.fingerprint ? NO_CHANGE : compare(before.fingerprint, after.fingerprint);
    if (changes.length > 0) return { failed, changes, after, since };
    // A run that failed before its command was executed is skipped, and the run before it is compared.
    if (unknown.length === 0) after = before;
    else isCertain = false;
  }
  return since === failed || !isCertain ? null : { failed, changes: [], after, since };
}

const NO_CHANGE = { changes: [], unknown: [] };
