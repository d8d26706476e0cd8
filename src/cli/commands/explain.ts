import { EXIT } from "../../api/contract/errors.ts";
import type { Explanation } from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import { requestEach } from "../requests/resolve-ids.ts";
import type { Run } from "../context.ts";
import { layOut, type Column } from "../render/columns.ts";
import { safe } from "../render/safe.ts";
import { tableOptions, type TableStyle } from "../render/status-table.ts";
import { styleOf } from "./status.ts";

export const run: Run = async (context) => {
  const answers = await requestEach(context, context.args, (id) => context.client.call("explain", { id }));
  if (!answers.ok) return context.fail(answers.error);
  const all = answers.value;
  if (context.options.json) context.json(all.length === 1 ? all[0] : all);
  else
    context.out(
      all.flatMap((one, index) => [...scalingLines(one, all[index - 1], styleOf(context)), describe(one, styleOf(context))]).join("\n\n"),
    );
  return EXIT.done;
};

/** Describes the scaling of a service, but only above the first unit of the service. */
function scalingLines({ service, scaling }: Explanation, before: Explanation | undefined, { paint }: TableStyle): string[] {
  if (service === undefined || scaling === undefined || before?.service === service) return [];
  return [[paint("bold", `Scaling of ${safe(service)}`), ...scaling.map((line) => `  ${safe(line)}`)].join("\n")];
}

function describe(one: Explanation, style: TableStyle): string {
  const { paint } = style;
  const section = (title: string, lines: readonly string[]): string =>
    [paint("bold", title), ...lines.map((line) => `  ${line}`)].join("\n");
  return [
    paint("bold", safe(one.id)),
    section("Start", [...waveLines(one), ...needsLine(one), safe(one.ready_when)]),
    section("Policy", one.policy.map(safe)),
    ...(one.retries.length === 0 ? [] : [section("Retries, if each run fails immediately", retryLines(one, style))]),
    section("Enforcement", one.enforcement.map(safe)),
  ].join("\n\n");
}

function waveLines({ waves }: Explanation): string[] {
  if (waves.length < 2) return [];
  return waves.map((wave, index) => `wave ${index + 1}: ${safe(wave.join(", "))}`);
}

function needsLine({ needs, needed_by }: Explanation): string[] {
  const lines: string[] = [];
  if (needs.length > 0)
    lines.push(
      `Needs ${safe(needs.map(({ unit, condition, required }) => `${unit} (${condition}${required ? "" : ", order only"})`).join(", "))}.`,
    );
  if (needed_by.length > 0) lines.push(`Needed by ${safe(needed_by.join(", "))}.`);
  return lines;
}

const COLUMNS: readonly Column[] = [
  { title: "RETRY", align: "right" },
  { title: "AFTER", align: "right" },
  { title: "AT", align: "right" },
];

function retryLines({ retries, fatal_after_seconds: fatal }: Explanation, style: TableStyle): string[] {
  const seconds = (value: number): string => formatDuration(value * 1000);
  const rows = retries.map(({ attempt, delay_seconds, at_seconds }) =>
    [String(attempt), seconds(delay_seconds), seconds(at_seconds)].map((text) => ({ text })),
  );
  const end =
    fatal === null ? "and so on, without a limit" : `then fatal, ${seconds(fatal)} after the first start plus the duration of the runs`;
  return [...layOut(COLUMNS, rows, tableOptions(style)), end];
}
