import type { DaemonInfo, Service } from "../../api/contract/shapes.ts";
import { serviceRows } from "../../api/contract/service-rows.ts";
import { formatDuration } from "../../base/duration.ts";
import { layOut, type Cell, type Column } from "./columns.ts";
import type { Paint } from "./paint.ts";
import { safe, safeCell } from "./safe.ts";
import type { Unloaded } from "../requests/unloaded.ts";
import { dotColour, dotOf, HEALTH_COLOUR, isProblem, memory, percent, STATE_COLOUR, stateWords, troubledFirst, UNLOADED_COLOUR, UNLOADED_MARK } from "./state.ts"; // prettier-ignore
import { why } from "./why.ts";

export interface TableStyle {
  readonly paint: Paint;
  readonly width: number | undefined;
  /** The current wall-clock time in milliseconds. */
  readonly now: number;
}

/**
 * Returns the output of `sup status`. It lists the problems, one per line, and then has a row for each unit. Units that need
 * attention come first.
 */
export function statusTable(
  daemon: DaemonInfo | null,
  services: readonly Service[],
  style: TableStyle,
  unloaded: readonly Unloaded[] = [],
): string {
  const blocks: string[] = [];
  if (daemon) blocks.push(headline(daemon, services, unloaded, style));
  const fileErrors = daemon === null ? unloaded.flatMap(({ problems }) => problems) : daemon.notes.filter(isFileError);
  const notes = daemon === null ? [] : daemon.notes.filter((note) => !isFileError(note));
  const problems = [...notes.map((note) => noteLine(note, style)), ...fileErrorLines(fileErrors, style), ...problemLines(services, style)];
  if (problems.length > 0) blocks.push(problems.join("\n"));
  const ofState = (state: Unloaded["state"]): Cell[][] =>
    unloaded.filter((unit) => unit.state === state).map((unit) => unloadedRow(unit, style));
  const rows = [...ofState("broken"), ...serviceCells(services, style), ...ofState("masked")];
  if (rows.length > 0) blocks.push(layOut(COLUMNS, rows, tableOptions(style)).join("\n"));
  else
    blocks.push(
      `No units yet. Put NAME.unit.json files into ${daemon?.unit_path[0] ?? "the unit directory"}; sup detects them automatically. \`sup help unit\` lists their keys.`,
    );
  return blocks.join("\n\n");
}

/** A row for each service, those in trouble first. The units of a service with `instances` stand below it. */
function serviceCells(services: readonly Service[], style: TableStyle): Cell[][] {
  const all = serviceRows(services);
  const inTrouble = all.filter(({ service, units }) => isProblem(service) || units.some(isProblem));
  inTrouble.sort((a, b) => Number(b.service.critical) - Number(a.service.critical));
  const sorted = [...inTrouble, ...all.filter((one) => !inTrouble.includes(one))];
  return sorted.flatMap(({ service, units }) => [row(service, style), ...units.map((unit, i) => row(unit, style, branchOf(i, units)))]);
}

/** The line that connects a unit to its service above it. */
export const branchOf = (index: number, units: readonly Service[]): string => (index === units.length - 1 ? "└─" : "├─");

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

function row(service: Service, { paint, now }: TableStyle, branch = ""): Cell[] {
  const { state, health, restart_count: restarts } = service;
  const isUp = service.pid !== null || service.units !== undefined;
  return [
    { text: dotOf(service), paint: (text) => paint(dotColour(service), text) },
    { text: branch + safeCell(service.id), paint: (text) => paint("bold", text) },
    { text: stateWords(service, now), paint: (text) => paint(STATE_COLOUR[state], text) },
    { text: health === "unknown" ? "" : health, paint: (text) => paint(HEALTH_COLOUR[health], text) },
    { text: service.pid === null ? "" : String(service.pid) },
    { text: state === "running" && isUp ? formatDuration(service.uptime_seconds * 1000) : "" },
    { text: restarts > 0 ? String(restarts) : "", paint: (text) => paint("yellow", text) },
    { text: isUp ? percent(service.cpu_percent) : "" },
    { text: isUp ? memory(service.memory_mb) : "" },
    { text: branch === "" ? safeCell(aboutOf(service)) : "", paint: (text) => paint("dim", text) },
  ];
}

function aboutOf({ description, scaling, units }: Service): string {
  if (scaling === undefined || units === undefined) return description;
  const rules = `${scaling.min}–${scaling.max} units by ${scaling.metrics.map(({ metric, target }) => `${metric} ${target}`).join(", ")}`;
  return description === "" ? rules : `${description} (${rules})`;
}

function unloadedRow({ id, file, state }: Unloaded, { paint }: TableStyle): Cell[] {
  const inColour = (text: string): string => paint(UNLOADED_COLOUR[state], text);
  const filled: Cell[] = [
    { text: UNLOADED_MARK[state], paint: inColour },
    { text: safeCell(id), paint: (text) => paint("bold", text) },
    { text: state, paint: inColour },
  ];
  const rest = COLUMNS.slice(filled.length, -1).map(() => ({ text: "" }));
  const about = state === "masked" ? `${file} is a link to /dev/null` : `${file} has errors`;
  return [...filled, ...rest, { text: safeCell(about), paint: (text) => paint("dim", text) }];
}

function headline(daemon: DaemonInfo, services: readonly Service[], unloaded: readonly Unloaded[], { paint }: TableStyle): string {
  const counts = new Map<Service["state"], number>();
  for (const { state } of services) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([state, count]) => paint(STATE_COLOUR[state], `${count} ${state}`));
  const broken = unloaded.filter(({ state }) => state === "broken").length;
  if (broken > 0) parts.push(paint("red", `${broken} broken`));
  const units = `${services.length} ${services.length === 1 ? "unit" : "units"}`;
  const about = paint("dim", `pid ${daemon.pid}, up ${formatDuration(daemon.uptime_seconds * 1000)}`);
  return `${paint("bold", `sup ${safe(daemon.version)}`)} ${about}   ${units}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}`;
}

const noteLine = (note: string, { paint }: TableStyle): string => `${paint("yellow", "!")} ${safe(note)}`;

const isFileError = (note: string): boolean => /\.json\S*?(:\d+){0,2}: error: /.test(note);

const MOST_FILE_ERRORS = 5;

function fileErrorLines(errors: readonly string[], style: TableStyle): string[] {
  const shown = errors.slice(0, MOST_FILE_ERRORS).map((error) => noteLine(error, style));
  return errors.length > MOST_FILE_ERRORS ? [...shown, `… ${errors.length - MOST_FILE_ERRORS} more: \`sup verify\``] : shown;
}

function problemLines(services: readonly Service[], { paint, now }: TableStyle): string[] {
  return troubledFirst(services).map((service) => {
    const critical = service.critical ? paint("red", " (critical)") : "";
    const isMild = service.state === "running" || service.state === "starting" || service.state === "stopped";
    const mark = paint(dotColour(service), isMild ? "!" : dotOf(service));
    const line = `${mark} ${paint("bold", safe(service.id))}${critical}: ${safe(why(service, now))}`;
    return service.last_line == null ? line : `${line}\n    ${paint("dim", "│")} ${safe(service.last_line)}`;
  });
}
