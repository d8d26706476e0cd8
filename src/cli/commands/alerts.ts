import { EXIT } from "../../api/contract/errors.ts";
import type { Alert } from "../../api/contract/shapes.ts";
import { stripSuffix } from "../../base/names.ts";
import type { Context, Run } from "../context.ts";
import { layOut, type Column } from "../render/columns.ts";
import { safeCell } from "../render/safe.ts";
import { tableOptions, type TableStyle } from "../render/status-table.ts";
import { relative, shortTime } from "../render/time.ts";
import { styleOf } from "./status.ts";

/** Shows alerts (`sup alerts`, `sup alerts web`) or acknowledges one (`sup alerts ack 3 web`). */
export const run: Run = (context) => (context.args[0] === "ack" ? acknowledge(context) : show(context));

async function show(context: Context): Promise<number> {
  const answer = await context.client.call("alerts", { open: !(context.options.all ?? false) });
  if (!answer.ok) return context.fail(answer.error);
  const wanted = new Set(context.args.map(stripSuffix));
  const alerts = answer.value.filter(({ service_id }) => wanted.size === 0 || wanted.has(service_id ?? ""));
  if (context.options.json) context.json(alerts);
  else context.out(alerts.length === 0 ? `No ${context.options.all ? "" : "open "}alerts.` : table(alerts, styleOf(context)));
  return EXIT.done;
}

const COLUMNS: readonly Column[] = [
  { title: "ID", align: "right" },
  { title: "SEVERITY" },
  { title: "UNIT" },
  { title: "ALERT" },
  { title: "SINCE" },
  { title: "" },
  { title: "MESSAGE" },
];

function table(alerts: readonly Alert[], style: TableStyle): string {
  const rows = alerts.map((alert) => [
    { text: String(alert.id) },
    { text: alert.severity, paint: (text: string) => style.paint(alert.severity === "critical" ? "red" : "yellow", text) },
    { text: safeCell(alert.service_id ?? "sup"), paint: (text: string) => style.paint("bold", text) },
    { text: safeCell(alert.alert_type) },
    { text: shortTime(alert.created_at, style.now) },
    { text: stateOf(alert, style.now), paint: (text: string) => style.paint("dim", text) },
    { text: safeCell(alert.message) },
  ]);
  return layOut(COLUMNS, rows, tableOptions(style)).join("\n");
}

function stateOf({ resolved_at, acknowledged }: Alert, now: number): string {
  if (resolved_at !== null) return `resolved ${relative(resolved_at, now)}`;
  return acknowledged ? "acknowledged" : "open";
}

async function acknowledge(context: Context): Promise<number> {
  const targets = context.args.slice(1);
  if (targets.length === 0)
    return context.fail({
      code: "bad-request",
      message: "ack needs alert ids or unit names",
      hint: "`sup alerts` shows the ids; for all alerts of a unit: `sup alerts ack web`",
    });
  const ids = targets.filter((text) => /^\d+$/.test(text)).map(Number);
  const units = targets.filter((text) => !/^\d+$/.test(text)).map(stripSuffix);
  const answer = await context.client.call("acknowledge", { ids, units });
  if (!answer.ok) return context.fail(answer.error);
  const { acknowledged } = answer.value;
  if (context.options.json) context.json(answer.value);
  else if (!context.options.quiet) context.out(`${acknowledged} ${acknowledged === 1 ? "alert" : "alerts"} acknowledged`);
  return EXIT.done;
}
