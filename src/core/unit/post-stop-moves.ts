import type { Effect } from "./effects.ts";
import type { UnitEvent } from "./events.ts";
import { killAgain, leftoverSignal, type Move } from "./moves.ts";
import { record } from "./outcome.ts";
import { settle } from "./settle.ts";

/** The moves of a unit in the phase `finishing`: its post_stop commands run, or sup ends the processes that they left behind. */
type Of<T extends UnitEvent["type"]> = Extract<UnitEvent, { type: T }>;

/** Handles the end of the post_stop commands. Processes that they left behind must end too. */
export const finished: Move<Of<"finished">> = ({ unit, spec, env }, event) => {
  const sweepAgain: Effect = { type: "sweep", run: unit.run, signal: leftoverSignal(unit, spec) };
  return {
    unit: { ...unit, due: { atMs: env.nowMs + spec.stop.timeoutMs, why: "stop-timeout" } },
    effects: event.failure === null ? [sweepAgain] : [record("stopping", event.failure, { run: event.run }), sweepAgain],
  };
};

/** Handles the event that no process of post_stop is left. */
export const sweptAgain: Move<Of<"swept">> = (situation, event) => {
  const end = situation.unit.ending;
  const killed = [...new Set([...(end?.killed ?? []), ...event.killed])];
  return settle({ ...situation, unit: { ...situation.unit, ending: end && { ...end, killed } } });
};

/**
 * Kills the post_stop commands and the processes that they left behind, because a new run must not begin while processes of the old
 * run exist.
 */
export const finishOverdue: Move<Of<"due">> = (situation, event) => {
  const outcome = killAgain(situation, event);
  if (event.why !== "hook-timeout") return outcome;
  const entry = record("killed", "post_stop did not finish in time; sending SIGKILL", { run: situation.unit.run });
  return { ...outcome, effects: [entry, ...outcome.effects] };
};
