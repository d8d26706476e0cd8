import type { Effect } from "./effects.ts";
import type { UnitEvent } from "./events.ts";
import { killAgain, leftoverSignal, type Move } from "./moves.ts";
import { record } from "./outcome.ts";
import { settle } from "./settle.ts";

/** The moves of a unit whose post_stop commands run, or whose processes that post_stop left behind are being ended. */
type Of<T extends UnitEvent["type"]> = Extract<UnitEvent, { type: T }>;

/** The post_stop commands have ended: processes that they left behind are ended too. */
export const finished: Move<Of<"finished">> = ({ unit, spec, env }, event) => {
  const sweepAgain: Effect = { type: "sweep", run: unit.run, signal: leftoverSignal(unit, spec) };
  return {
    unit: { ...unit, due: { atMs: env.nowMs + spec.stop.timeoutMs, why: "stop-timeout" } },
    effects: event.failure === null ? [sweepAgain] : [record("stopping", event.failure, { run: event.run }), sweepAgain],
  };
};

/** No process of post_stop is left. */
export const sweptAgain: Move<Of<"swept">> = (situation, event) => {
  const end = situation.unit.ending;
  const killed = [...new Set([...(end?.killed ?? []), ...event.killed])];
  return settle({ ...situation, unit: { ...situation.unit, ending: end && { ...end, killed } } });
};

/** Kills the post_stop commands and what they left behind: a new run must not begin while processes of the old one run. */
export const finishOverdue: Move<Of<"due">> = (situation, event) => {
  const outcome = killAgain(situation, event);
  if (event.why !== "hook-timeout") return outcome;
  const entry = record("killed", "post_stop did not finish in time; sending SIGKILL", { run: situation.unit.run });
  return { ...outcome, effects: [entry, ...outcome.effects] };
};
