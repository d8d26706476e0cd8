import type { ApiError } from "../../api/contract/errors.ts";
import { stripSuffix } from "../../base/names.ts";
import type { Context, Run } from "../context.ts";
import { reportJob } from "../requests/run-action.ts";

export const run: Run = async (context) => {
  const [name, number, ...rest] = context.args;
  const problem = misuse(context, number, rest);
  if (problem !== null) return context.fail(problem);
  const answer = await context.client.call("scale", {
    id: stripSuffix(name!),
    ...(number === undefined ? { reset: true } : { units: Number(number) }),
    wait: false,
    dry_run: context.options.dryRun ?? false,
  });
  if (!answer.ok) return context.fail(answer.error.code === "invalid" ? { ...answer.error, code: "bad-request" } : answer.error);
  return reportJob(context, "start", answer.value);
};

function misuse({ options }: Context, number: string | undefined, rest: readonly string[]): ApiError | null {
  const hint = "`sup scale web 4`, or `sup scale web --reset` for the number in the unit file";
  const refuse = (message: string): ApiError => ({ code: "bad-request", message, hint });
  if (options.reset) return number === undefined ? null : refuse("--reset takes no number");
  if (number === undefined) return refuse("the number of units is missing");
  if (rest.length > 0) return refuse("only one service can be scaled at a time");
  return /^\d{1,9}$/.test(number) ? null : refuse(`cannot scale to ${JSON.stringify(number)}: it is not a number`);
}
