import type { UnitEvent } from "./events.ts";
import type { Effect } from "./effects.ts";
import type { Outcome, Situation } from "./outcome.ts";
import type { DueWhy, Unit } from "./record.ts";

/** A unit that is about to get a signal, and the effect that sends it. */
export interface Signalled {
  readonly unit: Unit;
  readonly effect: Effect;
}

/**
 * Sends the signal that ends a run, or that begins its drain. The unit keeps the signal until `signalSent`. A daemon that is killed
 * between sending the signal and storing `signalSent` makes the next one send it twice. That is rare, and a service that never gets
 * its signal would be killed at the deadline, with all requests that it is answering.
 */
export function sendSignal({ unit, spec, env }: Situation, signal: number, timeoutMs: number, why: DueWhy): Signalled {
  const mode = spec.stop.killMode;
  return {
    unit: { ...unit, phase: "stopping", due: { atMs: env.nowMs + timeoutMs, why }, unsent: { signal, mode, timeoutMs } },
    effect: { type: "signal", run: unit.run, signal, mode },
  };
}

export const signalSent = ({ unit }: Situation, _: Extract<UnitEvent, { type: "signalSent" }>): Outcome => ({
  unit: unit.unsent == null ? unit : { ...unit, unsent: null },
  effects: [],
});

/**
 * Returns how to continue the stop of a unit if the previous daemon was killed after it had stored the stop and before it had sent the
 * signal. The process does not know that it must end, so its time begins now. Returns null if the signal was sent.
 */
export function sendAgain(unit: Unit, nowMs: number): Signalled | null {
  if (unit.phase !== "stopping" || unit.unsent == null || unit.due === null) return null;
  const { signal, mode, timeoutMs } = unit.unsent;
  return {
    unit: { ...unit, due: { ...unit.due, atMs: nowMs + timeoutMs } },
    effect: { type: "signal", run: unit.run, signal, mode },
  };
}
