import type { DaemonInfo, Service } from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import { layOut, type Cell, type Column } from "./columns.ts";
import type { Paint } from "./paint.ts";
import { safe, safeCell } from "./safe.ts";
import type { MaskedUnit } from "../requests/masked.ts";
import { dotColour, dotOf, HEALTH_COLOUR, HOLLOW_DOT, isProblem, memory, percent, STATE_COLOUR } from "./state.ts";
import { why } from "./why.ts";

export interface TableStyle {
  readonly paint: Paint;
  readonly width: number | undefined;
  /** Wall-clock milliseconds. */
  readonly now: number;
}

/** The output of `sup status`: the problems, one per line, then a row for each unit. */
export function statusTable(
  daemon: DaemonInfo | null,
  services: readonly Service[],
  style: TableStyle,
  masked: readonly MaskedUnit[] = [],
): string {
  const blocks: string[] = [];
  if (daemon) blocks.push(headline(daemon, services, style));
  const problems = [...(daemon?.notes ?? []).map((note) => noteLine(note, style)), ...problemLines(services, style)];
  if (problems.length > 0) blocks.push(problems.join("\n"));
  const rows = [...services.map((service) => row(service, style)), ...masked.map((unit) => maskedRow(unit, style))];
  if (rows.length > 0) blocks.push(layOut(COLUMNS, rows, tableOptions(style)).join("\n"));
  else
    blocks.push(
      `No units yet. Put NAME.unit.json files into ${daemon?.unit_path[0] ?? "the unit directory"}; sup detects them automatically. \`sup help unit\` lists their keys.`,
    );
  return blocks.join("\n\n");
}

export const tableOptions = ({ paint, width }: TableStyle) => ({ width, head: (text: string) => paint("dim", text) });

const COLUMNS: readonly Column[] = [
  { title: "" },
  { title: "UNIT" },
  { title: "STATE" },
  { title: "HEALTH" },
  { title: "PID", align: "right" },
  { title: "UPTIME", align: "right" },
  { title: "RESTARTS", align: "right" },
  { title: "CPU", align: "right" },
  { title: "MEMORY", align: "right" },
  { title: "DESCRIPTION" },
];

function row(service: Service, { paint }: TableStyle): Cell[] {
  const { state, health, restart_count: restarts } = service;
  return [
    { text: dotOf(service), paint: (text) => paint(dotColour(service), text) },
    { text: safeCell(service.id), paint: (text) => paint("bold", text) },
    { text: state, paint: (text) => paint(STATE_COLOUR[state], text) },
    { text: health === "unknown" ? "" : health, paint: (text) => paint(HEALTH_COLOUR[health], text) },
    { text: service.pid === null ? "" : String(service.pid) },
    { text: state === "running" && service.pid !== null ? formatDuration(service.uptime_seconds * 1000) : "" },
    { text: restarts > 0 ? String(restarts) : "", paint: (text) => paint("yellow", text) },
    { text: percent(service.cpu_percent) },
    { text: memory(service.memory_mb) },
    { text: safeCell(service.description), paint: (text) => paint("dim", text) },
  ];
}

function maskedRow({ id, file }: MaskedUnit, { paint }: TableStyle): Cell[] {
  const dim = (text: string): string => paint("dim", text);
  const blank = { text: "" };
  const filled: Cell[] = [
    { text: HOLLOW_DOT, paint: dim },
    { text: safeCell(id), paint: (text) => paint("bold", text) },
    { text: "masked", paint: dim },
  ];
  const rest = COLUMNS.slice(filled.length, -1).map(() => blank);
  return [...filled, ...rest, { text: safeCell(`${file} is a link to /dev/null`), paint: dim }];
}

function headline(daemon: DaemonInfo, services: readonly Service[], { paint }: TableStyle): string {
  const counts = new Map<Service["state"], number>();
  for (const { state } of services) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([state, count]) => paint(STATE_COLOUR[state], `${count} ${state}`));
  const units = `${services.length} ${services.length === 1 ? "unit" : "units"}`;
  const about = paint("dim", `pid ${daemon.pid}, up ${formatDuration(daemon.uptime_seconds * 1000)}`);
  return `${paint("bold", `sup ${safe(daemon.version)}`)} ${about}   ${units}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`;
}

const noteLine = (note: string, { paint }: TableStyle): string => `${paint("yellow", "!")} ${safe(note)}`;

function problemLines(services: readonly Service[], { paint, now }: TableStyle): string[] {
  const troubled = services.filter(isProblem).sort((a, b) => Number(b.critical) - Number(a.critical));
  return troubled.map((service) => {
    const critical = service.critical ? paint("red", " (critical)") : "";
    const mark = paint(dotColour(service), service.state === "backoff" ? "!" : "✗");
    return `${mark} ${paint("bold", safe(service.id))}${critical}: ${safe(why(service, now))}`;
  });
}
