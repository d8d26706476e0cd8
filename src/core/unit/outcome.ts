import type { Spec } from "../../spec/spec.ts";
import type { Effect, History, HistoryType } from "./effects.ts";
import type { Ending, Env, Unit } from "./record.ts";

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
