import type { Service } from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import { layOut, type Cell, type Column } from "./columns.ts";
import { safeCell } from "./safe.ts";
import { STATE_COLOUR } from "./state.ts";
import { tableOptions, type TableStyle } from "./status-table.ts";
import { localTime, relative } from "./time.ts";

type Schedule = NonNullable<Service["schedule"]>;

/** Formats a table of scheduled units, ordered by their next run. Units without a next run come last. */
export function timersTable(services: readonly Service[], style: TableStyle): string {
  const timed = services.filter(({ schedule }) => schedule !== null).sort((a, b) => nextOf(a) - nextOf(b) || (a.id < b.id ? -1 : 1));
  if (timed.length === 0) return "No unit has a schedule.";
  return layOut(
    COLUMNS,
    timed.map((service) => rowOf(service, style)),
    tableOptions(style),
  ).join("\n");
}

const nextOf = ({ schedule }: Service): number => (schedule?.next_run ? Date.parse(schedule.next_run) : Infinity);

const COLUMNS: readonly Column[] = [
  { title: "UNIT" },
  { title: "NEXT" },
  { title: "LEFT" },
  { title: "LAST" },
  { title: "PASSED" },
  { title: "STATE" },
  { title: "SCHEDULE" },
];

function rowOf(service: Service, { paint, now }: TableStyle): Cell[] {
  const schedule = service.schedule!;
  const { next_run: next, last_run: last } = schedule;
  return [
    { text: safeCell(service.id), paint: (text) => paint("bold", text) },
    { text: next === null ? (schedule.active ? "never" : "disabled") : localTime(next) },
    { text: next === null ? "" : relative(next, now).replace(/^in /, "") },
    { text: last === null ? "never" : localTime(last) },
    { text: last === null ? "" : relative(last, now) },
    { text: outcomeOf(service), paint: (text) => paint(STATE_COLOUR[service.state], text) },
    { text: safeCell(scheduleWords(schedule)) },
  ];
}

/** Returns the outcome of the last run, such as `stopped (success)`, or the state if there is none. */
const outcomeOf = ({ state, reason }: Service): string => (reason === "none" || state === "running" ? state : `${state} (${reason})`);

/** Returns the schedule as text, such as `30 2 * * * Europe/Berlin` or `every 5m`. */
export function scheduleWords({ cron, timezone, every_seconds }: Schedule): string {
  if (every_seconds !== null) return `every ${formatDuration(every_seconds * 1000)}`;
  return timezone === null ? (cron ?? "") : `${cron} ${timezone}`;
}
