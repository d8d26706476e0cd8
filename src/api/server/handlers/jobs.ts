import type { ApiError } from "../../contract/errors.ts";
import type { Parsed } from "../../contract/contract.ts";
import type { Handler } from "./handler.ts";
import { signalProblem } from "./services.ts";

/** Answers 200 also when some units failed: each outcome says so for itself. 202 when anything is still under way. */
export const jobs: Handler<"jobs"> = async (input, { supervisor }) => {
  const problem = misplaced(input);
  if (problem) return { ok: false, error: problem };
  const { signal, ...rest } = input;
  const done = await supervisor.act(signal === undefined ? rest : { ...rest, signal });
  if (!done.ok) return done;
  return { ...done, status: done.value.outcomes.some(({ result }) => result === "pending") ? 202 : 200 };
};

/** An option that the action would ignore is refused instead. */
function misplaced({ action, cascade, now, signal }: Parsed<"jobs">): ApiError | null {
  const refuse = (key: string, goesWith: string): ApiError => ({
    code: "invalid",
    message: `cannot accept ${key}: it goes with ${goesWith}, not with ${action}`,
  });
  if (cascade && action !== "stop") return refuse("cascade", "stop");
  if (now && action !== "enable" && action !== "disable") return refuse("now", "enable and disable");
  if (signal === undefined) return null;
  return action === "kill" ? signalProblem(signal) : refuse("signal", "kill");
}

export const resolve: Handler<"resolve"> = ({ units }, { supervisor }) => {
  const found = supervisor.resolve(units);
  return found.ok ? { ok: true, value: { units: [...found.value] } } : found;
};
