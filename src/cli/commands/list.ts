import { EXIT } from "../../api/contract/errors.ts";
import { serviceRows } from "../../api/contract/service-rows.ts";
import type { DaemonInfo, Service } from "../../api/contract/shapes.ts";
import { ok } from "../../base/result.ts";
import type { Run } from "../context.ts";
import { layOut, type Cell, type Column } from "../render/columns.ts";
import { safe, safeCell } from "../render/safe.ts";
import { STATE_COLOUR, UNLOADED_COLOUR } from "../render/state.ts";
import { timersTable } from "../render/timers.ts";
import { branchOf, tableOptions, type TableStyle } from "../render/status-table.ts";
import { splitUnloaded, type Unloaded } from "../requests/unloaded.ts";
import { selectServices } from "../requests/select-services.ts";
import { styleOf } from "./status.ts";

export const run: Run = async (context) => {
  const answer = await context.client.call("status");
  if (!answer.ok) return context.fail(answer.error);
  const { unloaded, rest, noneLeft } = splitUnloaded(answer.value, context.args);
  const chosen = noneLeft ? ok([]) : selectServices(answer.value.services, rest);
  if (!chosen.ok) return context.fail(chosen.error);
  const { json, timers } = context.options;
  if (json) context.json(timers ? chosen.value.filter(({ schedule }) => schedule !== null) : chosen.value);
  else if (timers) context.out(timersTable(chosen.value, styleOf(context)));
  else {
    const style = styleOf(context);
    const listed = serviceRows(chosen.value).flatMap(({ service, units }) => [
      rowOf(service, style),
      ...units.map((unit, i) => rowOf(unit, style, branchOf(i, units))),
    ]);
    const rows = [...listed, ...unloaded.map((unit) => unloadedRow(unit, style))];
    context.out(rows.length === 0 ? "No units." : layOut(COLUMNS, rows, tableOptions(style)).join("\n"));
    if (context.args.length === 0) for (const line of unusedDirectories(answer.value.daemon)) context.out(line);
  }
  return EXIT.done;
};

/** Describes the unit directories that another daemon owns. An older daemon's answer does not contain `left_alone`. */
const unusedDirectories = ({ left_alone }: Partial<DaemonInfo>): string[] =>
  (left_alone ?? []).map(
    ({ directory, units, owner }) =>
    safe(`${directory} belongs to the system's daemon on ${owner}${units.length > 0 ? `: ${units.join(", ")}` : " (empty)"}`), // prettier-ignore
  );

const COLUMNS: readonly Column[] = [
  { title: "UNIT" },
  { title: "ENABLED" },
  { title: "STATE" },
  { title: "TYPE" },
  { title: "PRIORITY", align: "right" },
  { title: "GROUPS" },
  { title: "NEEDS" },
  { title: "FILE" },
];

const unloadedRow = ({ id, file, state }: Unloaded, { paint }: TableStyle): Cell[] => [
  { text: safeCell(id), paint: (text) => paint("bold", text) },
  { text: state, paint: (text) => paint(UNLOADED_COLOUR[state], text) },
  ...COLUMNS.slice(2, -1).map(() => ({ text: "" })),
  { text: safeCell(file) },
];

const rowOf = (service: Service, { paint }: TableStyle, branch = ""): Cell[] => [
  { text: branch + safeCell(service.id), paint: (text) => paint("bold", text) },
  { text: service.enabled ? "yes" : "no", paint: (text) => paint(service.enabled ? "green" : "dim", text) },
  {
    text: service.wanted === undefined ? service.state : `${service.state}, ${service.sub_state}`,
    paint: (text) => paint(STATE_COLOUR[service.state], text),
  },
  { text: service.type },
  { text: String(service.priority) },
  { text: safeCell(service.groups.join(" ")) },
  { text: safeCell(service.dependencies.map(({ unit }) => unit).join(" ")) },
  {
    text:
      safeCell(service.file) +
      (service.problems.length > 0 ? " (errors)" : service.file_removed ? " (removed)" : service.changed_on_disk ? " (changed)" : ""),
  },
];
