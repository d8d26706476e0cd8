import { signalNumber } from "../../../base/signals.ts";
import type { ApiError } from "../../contract/errors.ts";

/** Returns the error for an unknown signal, or null if the signal exists. */
export function signalProblem(signal: string): ApiError | null {
  if (signalNumber(signal) !== undefined) return null;
  return {
    code: "invalid",
    message: `cannot accept signal: there is no signal ${JSON.stringify(signal)}`,
    hint: "use a name or number such as SIGHUP, HUP or 1",
  };
}
