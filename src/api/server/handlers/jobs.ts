import type { ApiError } from "../../contract/errors.ts";
import type { Parsed } from "../../contract/contract.ts";
import type { Handler } from "./handler.ts";
import { signalProblem } from "./signal.ts";

/**
 * Runs an action on units. The status is 202 if an outcome is pending. Otherwise it is 200 even if units have failed, because
 * each unit has its own outcome.
 */
export const jobs: Handler<"jobs"> = async (input, { supervisor }) => {
  const problem = misplaced(input);
  if (problem) return { ok: false, error: problem };
  const { signal, ...rest } = input;
  const done = await supervisor.act(signal === undefined ? rest : { ...rest, signal });
  if (!done.ok) return done;
  return { ...done, status: done.value.outcomes.some(({ result }) => result === "pending") ? 202 : 200 };
};

export const job: Handler<"job"> = async ({ id, wait }, { supervisor }) => {
  const found = await supervisor.job(id, wait);
  if (found === undefined) return { ok: false, error: { code: "not-found", message: `there is no job ${id}, or not any more` } };
  return { ok: true, value: found, status: found.outcomes.some(({ result }) => result === "pending") ? 202 : 200 };
};

/** Returns the error for an option that has no effect on the action, or null if there is none. */
function misplaced({ action, cascade, now, signal }: Parsed<"jobs">): ApiError | null {
  const refuse = (key: string, goesWith: string): ApiError => ({
    code: "invalid",
    message: `cannot accept ${key}: it is an option of ${goesWith}, not of ${action}`,
  });
  if (cascade && action !== "stop") return refuse("cascade", "stop");
  if (now && action !== "enable" && action !== "disable") return refuse("now", "enable and disable");
  if (signal === undefined) return null;
  return action === "kill" ? signalProblem(signal) : refuse("signal", "kill");
}

export const resolve: Handler<"resolve"> = async ({ units }, { supervisor }) => {
  const found = await supervisor.resolve(units);
  return found.ok ? { ok: true, value: { units: [...found.value] } } : found;
};
