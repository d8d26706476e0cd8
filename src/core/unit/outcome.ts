import type { Spec } from "../../spec/spec.ts";
import type { Effect, History, HistoryType } from "./effects.ts";
import type { Cause, Ending, Env, Unit } from "./record.ts";

/** The input of a move, except for the event. */
export interface Situation {
  readonly unit: Unit;
  readonly spec: Spec;
  readonly env: Env;
}

/** The result of a move: the next unit and the effects to perform, in order. */
export interface Outcome {
  readonly unit: Unit;
  readonly effects: readonly Effect[];
}

export const record = (type: HistoryType, message: string, details: History["details"] = {}): Effect => ({
  type: "record",
  event: { type, message, details },
});

export const exitDetails = (exit: Ending["exit"]): Record<string, unknown> => ({
  exit_code: exit?.kind === "code" ? exit.code : null,
  signal: exit?.kind === "signal" ? exit.signal : null,
});

/** Returns the ending with the time for which the run was ready. */
export const withTime = (unit: Unit, end: Ending, env: Env): Ending => ({
  ...end,
  ranMs: end.ranMs ?? (unit.readyAtMs === null ? null : env.nowMs - unit.readyAtMs),
});

export const ending = (part: Partial<Ending> & Pick<Ending, "by" | "detail">): Ending => ({
  cause: "none",
  exit: null,
  killed: [],
  ranMs: null,
  ...part,
});

const CAUSES: { readonly [C in Cause]?: string } = {
  operator: "requested by the operator",
  dependency: "a dependency is restarting",
  watch: "a watched file changed",
  schedule: "the next scheduled run is due",
  reload: "the unit file changed",
  scaling: "the service needs fewer units",
  shutdown: "sup is shutting down",
};
export const describeCause = (cause: Cause): string => CAUSES[cause] ?? cause;
