import type { Why } from "../../api/contract/shapes.ts";
import { safe } from "./safe.ts";
import { dotColour, dotOf, STATE_COLOUR } from "./state.ts";
import type { TableStyle } from "./status-table.ts";
import { relative, shortTime } from "./time.ts";
import { why } from "./why.ts";

/** Explains a unit in full. `count` is the number of entries of its history. `hasPolicy` is false in a list of several units, where the same policy would be repeated for each. */
export function describeWhy({ service, story, policy, next, change }: Why, style: TableStyle, count: number, hasPolicy = true): string {
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
