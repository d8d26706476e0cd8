import { ERRORS, EXIT, type ErrorCode } from "../../api/contract/errors.ts";
import type { Action, JobOutcome, JobRequest } from "../../api/contract/shapes.ts";
import { stripSuffix } from "../../base/names.ts";
import type { Context } from "../context.ts";
import { safe } from "../render/safe.ts";

/** Runs one action on many units in one request. Prints a line per unit. The exit code depends on the failures. */
export async function runAction(
  context: Context,
  action: Action,
  extra: Partial<Pick<JobRequest, "signal" | "now">> = {},
): Promise<number> {
  const { options } = context;
  const body: JobRequest = {
    action,
    units: context.args.map(stripSuffix),
    wait: options.wait !== false,
    now: options.now ?? false,
    cascade: options.cascade ?? false,
    dry_run: options.dryRun ?? false,
    ...extra,
  };
  const answer = await context.client.call("jobs", body);
  if (!answer.ok) return context.fail(answer.error);
  const { outcomes, warnings } = answer.value;
  if (options.json) context.json(answer.value);
  else {
    for (const warning of warnings) context.note(`sup: ${context.paint("yellow", "note:")} ${safe(warning)}`);
    for (const outcome of outcomes) printOutcome(context, action, outcome);
  }
  return exitOf(outcomes);
}

/** Returns 0 if nothing failed, the exit code of the failures if all have the same code, or else 1. */
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

/** Suggests a look at the log, which usually shows why a start failed. The log does not explain other failures. */
function logHint(action: Action, { id, message, code }: JobOutcome): string {
  if (!STARTING.includes(action) || code === "no-such-unit" || message.includes("sup logs")) return "";
  return `${/[.!?]$/.test(message) ? "" : "."} See: sup logs ${safe(id)}`;
}
