import type { Unit } from "../../core/unit/record.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Parts } from "../compose/compose.ts";

/**
 * Maximum time between the moment at which the previous daemon wrote a line to a log, and the moment at which it stored the
 * consequences. Lines that it read earlier have had their effect.
 */
const UNFINISHED_MS = 10_000;

/**
 * Looks for lines of the run that match `ready_log` or `fail_log` and on which the previous daemon could not act before it
 * was killed. `madeAtMs` is the monotonic time at which the process was created. It is used if the start of the run is not in
 * the store.
 */
export function matchMissedLines(
  { store, logs, interpreter, clock, startedMs }: Parts,
  { id, run, phase }: Unit,
  { readyLog, failLog }: Spec,
  madeAtMs: number | null,
): void {
  if (readyLog === null && failLog === null) return;
  const begun = madeAtMs === null ? beginningOf(store, id, run) : stampOf(clock.wallMs() - clock.monotonicMs() + madeAtMs);
  if (begun === null) return;
  // A unit that is starting has written few lines. A unit that is already running may have written gigabytes.
  const [last] = phase === "starting" ? [] : logs.read(id, { lines: 1, from: begun, untilMs: startedMs });
  const unfinished = last === undefined ? "" : stampOf(Date.parse(last.time) - UNFINISHED_MS);
  interpreter.catchUp(id, run, unfinished > begun ? unfinished : begun);
}

/** Returns the stored timestamp between the lines of the previous run and those of this run, or null. */
function beginningOf(store: Parts["store"], id: string, run: number): string | null {
  const [event] = store.events({ serviceIds: [id], types: ["started"], limit: 1 });
  const from = event?.details.run === run ? event.details.log_from : undefined;
  return typeof from === "string" ? from : null;
}

/** Formats a time like the timestamps in the logs, with nanoseconds. */
const stampOf = (wallMs: number): string => new Date(wallMs).toISOString().replace("Z", "000000Z");
