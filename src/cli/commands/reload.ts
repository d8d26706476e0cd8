import { EXIT } from "../../api/contract/errors.ts";
import type { ReloadPlan } from "../../api/contract/shapes.ts";
import { runAction } from "../requests/run-action.ts";
import type { Context, Run } from "../context.ts";
import { describeProblem } from "../render/problem.ts";
import { safe } from "../render/safe.ts";

export const run: Run = (context) => (context.args.length > 0 ? runAction(context, "reload") : reloadUnits(context));

async function reloadUnits(context: Context): Promise<number> {
  const answer = await context.client.call("reloadUnits", {
    dry_run: context.options.dryRun ?? false,
    ...(context.options.force && { force: true }),
  });
  if (!answer.ok) return context.fail(answer.error);
  const plan = answer.value;
  if (context.options.json) context.json(plan);
  else printPlan(context, plan);
  return plan.problems.some(({ severity }) => severity === "error") ? EXIT.failed : EXIT.done;
}

const SIGNS = {
  added: ["green", "+"],
  removed: ["red", "-"],
  changed: ["yellow", "~"],
  broken: ["red", "!"],
  masked: ["red", "-"],
} as const;

function printPlan(context: Context, plan: ReloadPlan): void {
  const { paint, options, out, note } = context;
  for (const problem of plan.problems) note(describeProblem(problem, paint));
  if (options.quiet) return;
  if (plan.units.length === 0) out("Nothing changed.");
  for (const unit of plan.units) {
    const [colour, sign] = SIGNS[unit.change];
    const keys = unit.keys.map(({ key, applies }) => (applies === "restart" ? paint("yellow", safe(key)) : safe(key))).join(", ");
    const message = unit.message ? `: ${safe(unit.message)}` : "";
    out(`${paint(colour, sign)} ${paint("bold", safe(unit.id))} ${unit.change}, ${unit.action}${keys ? ` (${keys})` : ""}${message}`);
  }
  if (plan.dry_run && plan.units.length > 0) out(paint("dim", "Dry run: nothing was changed. `sup reload` applies the plan."));
}
