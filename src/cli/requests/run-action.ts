import { type ApiError, ERRORS, EXIT, type ErrorCode } from "../../api/contract/errors.ts";
import type { Action, JobOutcome, JobRequest, JobResult } from "../../api/contract/shapes.ts";
import { ok, type Result } from "../../base/result.ts";
import { stripSuffix } from "../../base/names.ts";
import type { Context } from "../context.ts";
import { safe } from "../render/safe.ts";

/** Runs one action on several units in one request, and prints a line per unit. Returns the exit code that `exitOf` computes. */
export async function runAction(
  context: Context,
  action: Action,
  extra: Partial<Pick<JobRequest, "signal" | "now">> = {},
): Promise<number> {
  const { options } = context;
  const body: JobRequest = {
    action,
    units: context.args.map(stripSuffix),
    wait: false,
    now: options.now ?? false,
    cascade: options.cascade ?? false,
    dry_run: options.dryRun ?? false,
    ...extra,
  };
  const begun = await context.client.call("jobs", body);
  return begun.ok ? reportJob(context, action, begun.value) : context.fail(begun.error);
}

/** Waits for the end of a job that was just begun, unless `--no-wait` is given, and prints its outcomes. Returns the exit code. */
export async function reportJob(context: Context, action: Action, begun: JobResult): Promise<number> {
  const { options } = context;
  const answer = options.wait !== false ? await ended(context, action, begun) : ok(begun);
  if (!answer.ok) return context.fail(answer.error);
  const { outcomes, warnings } = answer.value;
  if (options.json) context.json(answer.value);
  else {
    for (const warning of warnings) context.note(`sup: ${context.paint("yellow", "note:")} ${safe(warning)}`);
    for (const outcome of outcomes) printOutcome(context, action, outcome);
  }
  return exitOf(outcomes);
}

/**
 * Waits until the job ends. Requests the job by its id, so that the outcome is found even if the daemon dies or is replaced in
 * the meantime.
 */
async function ended({ client }: Context, action: Action, begun: JobResult): Promise<Result<JobResult, ApiError>> {
  if (begun.job === undefined || !begun.outcomes.some(({ result }) => result === "pending")) return ok(begun);
  const answer = await client.outcome(begun.job);
  if (!answer.ok) return answer;
  const isEnabling = action === "enable" || action === "disable";
  const followed = answer.value.outcomes.map((one) => (isEnabling ? { ...one, message: `${action}d; ${one.message}` } : one));
  // The job does not include units that were refused immediately, such as masked units.
  const refused = begun.outcomes.filter(({ id }) => !followed.some((one) => one.id === id));
  return ok({ ...answer.value, outcomes: [...followed, ...refused] });
}

/** Returns 0 if nothing failed, the common exit code if all failures have the same one, and otherwise 1. */
export function exitOf(outcomes: readonly JobOutcome[]): number {
  const codes = new Set(
    outcomes.filter(({ result }) => result === "failed").map(({ code }) => ERRORS[code as ErrorCode]?.exit ?? EXIT.failed),
  );
  if (codes.size === 0) return EXIT.done;
  return codes.size === 1 ? [...codes][0]! : EXIT.failed;
}

function printOutcome(context: Context, action: Action, outcome: JobOutcome): void {
  const { id, result, message, state } = outcome;
  const words = safe(message || state);
  if (result === "failed") {
    context.note(`${safe(id)}: ${context.paint("red", words)}${logHint(action, outcome)}`);
  } else if (!context.options.quiet) {
    const colour = result === "done" ? "green" : result === "unchanged" ? "dim" : "cyan";
    context.out(`${safe(id)}: ${context.paint(colour, words)}`);
  }
}

const STARTING: readonly Action[] = ["start", "restart", "enable"];

/**
 * Returns a hint to the log, which usually shows why a start failed, or to `sup why` for a unit that waits for another one. There
 * is no hint after other failures, because neither explains them.
 */
function logHint(action: Action, { id, message, code }: JobOutcome): string {
  if (!STARTING.includes(action) || code === "no-such-unit" || message.includes("sup logs")) return "";
  const command = message.startsWith("it needs ") ? "why" : "logs"; // a unit that was not started has no output
  return `${/[.!?]$/.test(message) ? "" : "."} See: sup ${command} ${safe(id)}`;
}
