import { EXIT } from "../../api/contract/errors.ts";
import type { Status, Why } from "../../api/contract/shapes.ts";
import { stripSuffix } from "../../base/names.ts";
import type { Context, Run } from "../context.ts";
import { requestEach } from "../requests/resolve-ids.ts";
import { safe } from "../render/safe.ts";
import { troubledFirst, UNLOADED_MARK } from "../render/state.ts";
import type { TableStyle } from "../render/status-table.ts";
import { describeWhy } from "../render/why-long.ts";
import { styleOf } from "./status.ts";

/** The default number of history entries for a single unit. */
const ENTRIES = 15;
/** The default number of history entries per unit if several units are explained. */
const ENTRIES_OF_MANY = 5;

export const run: Run = async (context) => {
  const name = context.args[0];
  if (name === undefined) return whyTroubled(context);
  const answer = await context.client.call("why", { id: stripSuffix(name) });
  // A service with several units is not a unit itself, so explain each of its units.
  if (!answer.ok) return answer.error.code === "conflict" ? whyAll(context, name) : context.fail(answer.error);
  if (context.options.json) context.json(answer.value);
  else context.out(describeWhy(answer.value, styleOf(context), context.options.lines ?? ENTRIES));
  return EXIT.done;
};

async function whyAll(context: Context, name: string): Promise<number> {
  const answers = await requestEach(context, [name], (id) => context.client.call("why", { id }));
  if (!answers.ok) return context.fail(answers.error);
  if (context.options.json) context.json(answers.value);
  else
    context.out(
      answers.value.map((answer) => describeWhy(answer, styleOf(context), context.options.lines ?? ENTRIES_OF_MANY, false)).join("\n\n"),
    );
  return EXIT.done;
}

/** Explains all units that need attention, critical ones first. Unit files with errors come last. */
async function whyTroubled(context: Context): Promise<number> {
  const status = await context.client.call("status");
  if (!status.ok) return context.fail(status.error);
  const answers: Why[] = [];
  for (const { id } of troubledFirst(status.value.services)) {
    const answer = await context.client.call("why", { id });
    if (answer.ok) answers.push(answer.value);
    else if (answer.error.code !== "no-such-unit") return context.fail(answer.error); // a missing unit was removed after the list was read
  }
  if (context.options.json) {
    context.json(answers);
    return EXIT.done;
  }
  const style = styleOf(context);
  const broken = (status.value.broken ?? []).map((unit) => describeBroken(unit, style));
  const blocks = [...answers.map((answer) => describeWhy(answer, style, context.options.lines ?? ENTRIES_OF_MANY, false)), ...broken];
  context.out(blocks.length === 0 ? "No unit is in trouble. `sup why UNIT` explains the state of any unit." : blocks.join("\n\n"));
  return EXIT.done;
}

function describeBroken({ id, problems }: NonNullable<Status["broken"]>[number], { paint }: TableStyle): string {
  const head = `${paint("red", UNLOADED_MARK.broken)} ${paint("bold", safe(id))} is ${paint("red", "broken")}. Its unit file has errors:`;
  const shown = problems.slice(0, MOST_PROBLEMS).map((problem) => `  ${safe(problem)}`);
  return [head, ...shown, ...(problems.length > shown.length ? [`  … \`sup verify ${safe(id)}\``] : [])].join("\n");
}

const MOST_PROBLEMS = 5;
