import type { Service } from "../../api/contract/shapes.ts";
import type { View } from "../../api/contract/view.ts";
import { serviceRows } from "../../api/contract/service-rows.ts";
import { compareIds } from "../../base/names.ts";
import { formatDuration } from "../../base/duration.ts";
import { layOut, type Cell, type Column } from "./columns.ts";
import { safe, safeCell } from "./safe.ts";
import { dotColour, dotOf, memory, percent, STATE_COLOUR } from "./state.ts";
import { branchOf, tableOptions, type TableStyle } from "./status-table.ts";

export const SORTS = ["cpu", "memory", "name", "restarts", "uptime"] as const;
export type Sort = (typeof SORTS)[number];

const COLUMNS: readonly Column[] = [
  { title: "" },
  { title: "UNIT" },
  { title: "STATE" },
  { title: "PID", align: "right" },
  { title: "CPU", align: "right" },
  { title: "MEMORY", align: "right" },
  { title: "TASKS", align: "right" },
  { title: "FILES", align: "right" },
  { title: "RESTARTS", align: "right" },
  { title: "UPTIME", align: "right" },
  { title: "HEALTH" },
];

/** Returns the table of `sup top`, with a headline. */
export function topScreen(view: View, sort: Sort, style: TableStyle): string {
  const { paint, now } = style;
  const services = [...view.services.values()];
  const order = ORDER[sort](now);
  const groups = serviceRows(services).sort((a, b) => order(a.service, b.service));
  const all = groups.flatMap(({ service, units }) => {
    const sorted = [...units].sort(order);
    return [rowOf(service, style), ...sorted.map((unit, i) => rowOf(unit, style, branchOf(i, sorted)))];
  });
  const sum = (pick: (service: Service) => number | null): number => services.reduce((total, service) => total + (pick(service) ?? 0), 0);
  const running = services.filter(({ state }) => state === "running").length;
  const about = `${running} of ${services.length} running, cpu ${percent(sum(({ cpu_percent }) => cpu_percent))}, memory ${memory(sum(({ memory_mb }) => memory_mb))}`;
  const head = `${paint("bold", `sup ${safe(view.daemon?.version ?? "")}`)}  ${about}  by ${paint("cyan", sort)}`;
  return [head, "", ...layOut(COLUMNS, all, tableOptions(style))].join("\n").trimEnd();
}

const uptimeMs = ({ start_time }: Service, now: number): number => (start_time === null ? 0 : now - Date.parse(start_time));

const byName = (a: Service, b: Service): number => compareIds(a.id, b.id);

/** The comparison of each order. Equal units are in the order of their names. */
export const ORDER: Record<Sort, (now: number) => (a: Service, b: Service) => number> = {
  cpu: () => (a, b) => (b.cpu_percent ?? -1) - (a.cpu_percent ?? -1) || byName(a, b),
  memory: () => (a, b) => (b.memory_mb ?? -1) - (a.memory_mb ?? -1) || byName(a, b),
  name: () => byName,
  restarts: () => (a, b) => b.restart_count - a.restart_count || byName(a, b),
  uptime: (now) => (a, b) => uptimeMs(b, now) - uptimeMs(a, now) || byName(a, b),
};

function rowOf(service: Service, { paint, now }: TableStyle, branch = ""): Cell[] {
  const { state, health } = service;
  const isDown = service.pid === null && service.units === undefined;
  const up = isDown ? 0 : uptimeMs(service, now);
  return [
    { text: dotOf(service), paint: (text) => paint(dotColour(service), text) },
    { text: branch + safeCell(service.id), paint: (text) => paint("bold", text) },
    {
      text: service.wanted === undefined ? state : `${state}, ${service.ready} of ${service.wanted} ready`,
      paint: (text) => paint(STATE_COLOUR[state], text),
    },
    { text: service.pid === null ? "" : String(service.pid) },
    { text: percent(service.cpu_percent) },
    { text: memory(service.memory_mb) },
    { text: service.tasks === null ? "" : String(service.tasks) },
    { text: service.open_files === null ? "" : String(service.open_files) },
    { text: service.restart_count === 0 ? "" : String(service.restart_count), paint: (text) => paint("yellow", text) },
    { text: up > 0 ? formatDuration(up) : "" },
    { text: health === "unknown" ? "" : health },
  ];
}
