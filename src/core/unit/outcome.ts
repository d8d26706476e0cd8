import type { Spec } from "../../spec/spec.ts";
import type { Effect, History, HistoryType } from "./effects.ts";
import type { Ending, Env, Unit } from "./record.ts";

/** What a move is given besides the event. */
export interface Situation {
  readonly unit: Unit;
  readonly spec: Spec;
  readonly env: Env;
}

/** What a move gives: the unit after it, and what is to be done, in order. */
export interface Outcome {
  readonly unit: Unit;
  readonly effects: readonly Effect[];
}

export const tell = (type: HistoryType, message: string, details: History["details"] = {}): Effect => ({
  type: "tell",
  event: { type, message, details },
});

export const exitDetails = (exit: Ending["exit"]): Record<string, unknown> => ({
  exit_code: exit?.kind === "code" ? exit.code : null,
  signal: exit?.kind === "signal" ? exit.signal : null,
});
