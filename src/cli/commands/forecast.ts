import { EXIT } from "../../api/contract/errors.ts";
import type { Forecast, Trend } from "../../api/contract/shapes.ts";
import type { Context, Run } from "../context.ts";
import { requestEach } from "../requests/resolve-ids.ts";
import { layOut, type Column } from "../render/columns.ts";
import { safe, safeCell } from "../render/safe.ts";
import { memory, percent } from "../render/state.ts";
import { tableOptions, type TableStyle } from "../render/status-table.ts";
import { relative } from "../render/time.ts";
import { styleOf } from "./status.ts";

export const run: Run = (context) => (context.args.length === 0 ? showAll(context) : showUnits(context));

async function showAll(context: Context): Promise<number> {
  const answer = await context.client.call("forecasts");
  if (!answer.ok) return context.fail(answer.error);
  if (context.options.json) context.json(answer.value);
  else context.out(answer.value.length === 0 ? "No unit is running." : table(answer.value, styleOf(context)));
  return EXIT.done;
}

async function showUnits(context: Context): Promise<number> {
  const answers = await requestEach(context, context.args, (id) => context.client.call("serviceForecast", { id }));
  if (!answers.ok) return context.fail(answers.error);
  const forecasts = answers.value;
  if (context.options.json) context.json(forecasts.length === 1 ? forecasts[0] : forecasts);
  else context.out(forecasts.map((forecast) => describe(forecast, context)).join("\n\n"));
  return EXIT.done;
}

function describe({ id, memory: ofMemory, cpu }: Forecast, { paint }: Context): string {
  const trends = ofMemory.verdict === "not-running" ? [ofMemory] : [ofMemory, cpu];
  const lines = trends.map(({ text, limit_at }) => `  ${paint(limit_at === null ? "dim" : "yellow", `${safe(text)}.`)}`);
  const leak = ofMemory.leak ? [`  ${paint("yellow", "Possible memory leak.")}`] : [];
  return [paint("bold", safe(id)), ...lines, ...leak].join("\n");
}

const COLUMNS: readonly Column[] = [
  { title: "UNIT" },
  { title: "RESOURCE" },
  { title: "NOW", align: "right" },
  { title: "PER HOUR", align: "right" },
  { title: "LIMIT", align: "right" },
  { title: "TREND" },
  { title: "REACHES ITS LIMIT" },
];

function table(forecasts: readonly Forecast[], style: TableStyle): string {
  const rows = forecasts.flatMap((forecast) => [
    row(forecast.id, "memory", forecast.memory, memory, style),
    row("", "cpu", forecast.cpu, percent, style),
  ]);
  return layOut(COLUMNS, rows, tableOptions(style)).join("\n");
}

function row(id: string, name: string, trend: Trend, show: (value: number | null) => string, { paint, now }: TableStyle) {
  const known = trend.verdict === "rising" || trend.verdict === "falling";
  const sign = trend.per_hour < 0 ? "-" : "+";
  return [
    { text: safeCell(id), paint: (text: string) => paint("bold", text) },
    { text: name },
    { text: trend.verdict === "warming-up" ? "" : show(trend.level) },
    { text: known ? `${sign}${show(Math.abs(trend.per_hour))}` : "" },
    { text: show(trend.limit) },
    {
      text: trend.leak ? "rising (leak?)" : trend.verdict,
      paint: (text: string) => paint(trend.verdict === "rising" ? "yellow" : "dim", text),
    },
    { text: reaches(trend, now), paint: (text: string) => paint("yellow", text) },
  ];
}

function reaches({ limit, level, limit_at, of_machine }: Trend, now: number): string {
  if (limit !== null && level !== null && level >= limit) return "is over it now";
  return limit_at === null ? "" : `${relative(limit_at, now)}${of_machine ? " (the machine's total memory)" : ""}`;
}
