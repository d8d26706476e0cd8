import type { Unit } from "../../core/unit/record.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Parts } from "../compose/compose.ts";

/**
 * Between writing a line to a log and storing what follows from it, the previous daemon had at most this much to do. A line that
 * it read earlier has had its effect.
 */
const UNFINISHED_MS = 10_000;

/**
 * Looks for lines of the run that match `ready_log` or `fail_log` and that the previous daemon wrote to the log, but could not
 * act on before it was killed. `madeAtMs` is the monotonic time at which the process was created, if the store does not know
 * the start of the run.
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
  // A unit that starts has written little. One that runs may have written gigabytes.
  const [last] = phase === "starting" ? [] : logs.read(id, { lines: 1, from: begun, untilMs: startedMs });
  const unfinished = last === undefined ? "" : stampOf(Date.parse(last.time) - UNFINISHED_MS);
  interpreter.catchUp(id, run, unfinished > begun ? unfinished : begun);
}

/** A timestamp between the lines of the previous run and those of this one, as the store has it. */
function beginningOf(store: Parts["store"], id: string, run: number): string | null {
  const [event] = store.events({ serviceIds: [id], types: ["started"], limit: 1 });
  const from = event?.details.run === run ? event.details.log_from : undefined;
  return typeof from === "string" ? from : null;
}

/** The time in the format of the logs, with nanoseconds. */
const stampOf = (wallMs: number): string => new Date(wallMs).toISOString().replace("Z", "000000Z");
