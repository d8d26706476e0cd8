import { formatDuration } from "../../base/duration.ts";
import { signalName } from "../../base/signals.ts";
import { record, withTime, type Outcome, type Situation } from "../unit/outcome.ts";
import type { Ending, Unit } from "../unit/record.ts";

/**
 * Asks the run to finish its requests. The run gets the stop signal when the time for this has passed. Returns null if the
 * unit has no drain.
 */
export function drain({ unit, spec, env }: Situation, end: Ending): Outcome | null {
  if (spec.rolling?.drain == null) return null;
  const { signal, timeoutMs } = spec.rolling.drain;
  const words = `draining for up to ${formatDuration(timeoutMs)}: ${signalName(signal)} sent`;
  return {
    unit: {
      ...notDraining(unit),
      ...{ phase: "stopping", testedRestart: null, ending: withTime(unit, end, env) },
      due: { atMs: env.nowMs + timeoutMs, why: "drain-timeout" },
    },
    effects: [
      record("draining", words, { run: unit.run, timeout_ms: timeoutMs }),
      { type: "signal", run: unit.run, signal, mode: spec.stop.killMode },
    ],
  };
}

export const notDraining = (unit: Unit): Unit => (unit.drains ? { ...unit, drains: false } : unit);

export const isDraining = ({ due }: Unit): boolean => due?.why === "drain-timeout";
