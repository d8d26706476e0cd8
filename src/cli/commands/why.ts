import { EXIT } from "../../api/contract/errors.ts";
import type { Status, Why } from "../../api/contract/shapes.ts";
import { stripSuffix } from "../../base/names.ts";
import type { Context, Run } from "../context.ts";
import { requestEach } from "../requests/resolve-ids.ts";
import { safe } from "../render/safe.ts";
import { dotColour, dotOf, STATE_COLOUR, troubledFirst, UNLOADED_MARK } from "../render/state.ts";
import type { TableStyle } from "../render/status-table.ts";
import { relative, shortTime } from "../render/time.ts";
import { why } from "../render/why.ts";
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
  else context.out(describe(answer.value, styleOf(context), context.options.lines ?? ENTRIES));
  return EXIT.done;
};

async function whyAll(context: Context, name: string): Promise<number> {
  const answers = await requestEach(context, [name], (id) => context.client.call("why", { id }));
  if (!answers.ok) return context.fail(answers.error);
  if (context.options.json) context.json(answers.value);
  else
    context.out(
      answers.value.map((answer) => describe(answer, styleOf(context), context.options.lines ?? ENTRIES_OF_MANY, false)).join("\n\n"),
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
  const blocks = [...answers.map((answer) => describe(answer, style, context.options.lines ?? ENTRIES_OF_MANY, false)), ...broken];
  context.out(blocks.length === 0 ? "No unit is in trouble. `sup why UNIT` explains the state of any unit." : blocks.join("\n\n"));
  return EXIT.done;
}

function describeBroken({ id, problems }: NonNullable<Status["broken"]>[number], { paint }: TableStyle): string {
  const head = `${paint("red", UNLOADED_MARK.broken)} ${paint("bold", safe(id))} is ${paint("red", "broken")}. Its unit file has errors:`;
  const shown = problems.slice(0, MOST_PROBLEMS).map((problem) => `  ${safe(problem)}`);
  return [head, ...shown, ...(problems.length > shown.length ? [`  … \`sup verify ${safe(id)}\``] : [])].join("\n");
}

const MOST_PROBLEMS = 5;

/** `hasPolicy` is false in a list of several units, where the same policy would be repeated for each. */
function describe({ service, story, policy, next, change }: Why, style: TableStyle, count: number, hasPolicy = true): string {
  const { paint, now } = style;
  const head = `${paint(dotColour(service), dotOf(service))} ${paint("bold", safe(service.id))} is ${service.state === "backoff" ? "in " : ""}${paint(STATE_COLOUR[service.state], service.state)}`;
  const since = service.state_since === null ? "" : ` since ${shortTime(service.state_since, now)} (${relative(service.state_since, now)})`;
  const blocks = [`${head}${since}. ${safe(why(service, now))}`];
  if (change) blocks.push([paint("bold", "What changed before the failure"), ...changeLines(change, style)].join("\n"));
  const shown = count === 0 ? [] : story.slice(-count);
  if (shown.length > 0) {
    const newest = shown.findLast(({ lines }) => lines.length > 0);
    const earlier = story.length > shown.length ? paint("dim", ` (the last ${shown.length} of ${story.length}; -n shows more)`) : "";
    blocks.push(
      [`${paint("bold", "What happened")}${earlier}`, ...shown.flatMap((entry) => entryLines(entry, entry === newest, style))].join("\n"),
    );
  }
  if (hasPolicy) blocks.push([paint("bold", "Policy"), ...policy.map((text) => `  ${safe(text)}`)].join("\n"));
  blocks.push([paint("bold", "What happens next"), ...next.map((one) => `  ${nextText(one, now)}`)].join("\n"));
  return blocks.join("\n\n");
}

function changeLines({ changes, since, failed_at }: NonNullable<Why["change"]>, { paint, now }: TableStyle): string[] {
  if (changes.length === 0)
    return [`  Nothing that sup tracks changed between ${shortTime(since, now)} and the first failure at ${shortTime(failed_at, now)}.`];
  return changes.map(({ time, text }) => `  ${paint("dim", shortTime(time, now))} ${safe(text)}`);
}

/** The number of output lines below a failed run. The newest failure has more, because a stack trace names the cause in its first lines. */
const LAST_LINES = 3;
const NEWEST_LINES = 20;

function entryLines({ time, text, lines }: Why["story"][number], isNewest: boolean, { paint, now }: TableStyle): string[] {
  const output = lines.slice(isNewest ? -NEWEST_LINES : -LAST_LINES).map((line) => `    ${paint("dim", "│")} ${safe(line)}`);
  return [`  ${paint("dim", shortTime(time, now))} ${safe(text)}`, ...output];
}

const nextText = ({ text, time }: Why["next"][number], now: number): string =>
  time === null ? safe(text) : `${safe(text)} ${relative(time, now)} (${shortTime(time, now)}).`;
