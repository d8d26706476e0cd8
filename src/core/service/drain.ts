import { formatDuration } from "../../base/duration.ts";
import { signalName } from "../../base/signals.ts";
import { record, withTime, type Outcome, type Situation } from "../unit/outcome.ts";
import type { Ending, Unit } from "../unit/record.ts";
import { sendSignal } from "../unit/stop-signal.ts";

/**
 * Asks the run to finish its requests. The run gets the stop signal when the time for this has passed. Returns null if the
 * unit has no drain.
 */
export function drain({ unit, spec, env }: Situation, end: Ending): Outcome | null {
  if (spec.rolling?.drain == null) return null;
  const { signal, timeoutMs } = spec.rolling.drain;
  const words = `draining for up to ${formatDuration(timeoutMs)}: ${signalName(signal)} sent`;
  const ended: Unit = { ...notDraining(unit), testedRestart: null, ending: withTime(unit, end, env) };
  const signalled = sendSignal({ unit: ended, spec, env }, signal, timeoutMs, "drain-timeout");
  return { unit: signalled.unit, effects: [record("draining", words, { run: unit.run, timeout_ms: timeoutMs }), signalled.effect] };
}

export const notDraining = (unit: Unit): Unit => (unit.drains ? { ...unit, drains: false } : unit);

export const isDraining = ({ due }: Unit): boolean => due?.why === "drain-timeout";
