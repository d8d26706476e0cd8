import type { Service } from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import type { Paint } from "../render/paint.ts";
import { safeCell } from "../render/safe.ts";
import { dotColour, dotOf, HEALTH_COLOUR, memory, percent, STATE_COLOUR } from "../render/state.ts";
import type { Row } from "./list.ts";
import { fit, fitRight } from "./text.ts";

interface Column {
  readonly title: string;
  readonly width: number;
  /** The width of the list from which the column is shown. */
  readonly from: number;
  readonly isRight?: true;
  text(service: Service, paint: Paint, now: number): string;
}

const MIN_NAME = 8;
const COLUMNS: readonly Column[] = [
  { title: "STATE", width: 9, from: 0, text: stateOf },
  { title: "HEALTH", width: 9, from: 60, text: ({ health }, paint) => paint(HEALTH_COLOUR[health], health === "unknown" ? "" : health) },
  { title: "CPU", width: 5, from: 0, isRight: true, text: ({ cpu_percent }) => percent(cpu_percent) },
  { title: "MEM", width: 6, from: 0, isRight: true, text: ({ memory_mb }) => memory(memory_mb) },
  {
    title: "RST",
    width: 4,
    from: 68,
    isRight: true,
    text: ({ restart_count }, paint) => (restart_count === 0 ? "" : paint("yellow", String(restart_count))),
  },
  {
    title: "UPTIME",
    width: 7,
    from: 76,
    isRight: true,
    text: ({ start_time }, _, now) => (start_time === null ? "" : upFor(now - Date.parse(start_time))),
  },
];

export interface ListPane {
  readonly rows: readonly Row[];
  /** The id of the selected row. */
  readonly selected: string | null;
  readonly width: number;
  readonly height: number;
  readonly paint: Paint;
  readonly now: number;
}

/** Draws the list of units with its head. The selected row is always visible. */
export function listPane({ rows, selected, width, height, paint, now }: ListPane): string[] {
  const columns = COLUMNS.filter(({ from }) => width >= from);
  const nameWidth = Math.max(MIN_NAME, width - 3 - columns.reduce((sum, column) => sum + column.width + 1, 0));
  const head = `   ${fit("UNIT", nameWidth)}${columns.map((column) => ` ${place(column, column.title)}`).join("")}`;
  const at = rows.findIndex(({ service }) => service.id === selected);
  const room = Math.max(1, height - 1);
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), rows.length - room));
  const lines = rows.slice(first, first + room).map((row) => {
    const isSelected = row.service.id === selected;
    const name = row.branch + safeCell(row.service.id);
    const cells = columns.map((column) => ` ${place(column, column.text(row.service, paint, now))}`).join("");
    const dot = paint(dotColour(row.service), dotOf(row.service));
    return `${isSelected ? paint("bold", ">") : " "}${dot} ${isSelected ? paint("bold", fit(name, nameWidth)) : fit(name, nameWidth)}${cells}`;
  });
  return [paint("dim", fit(head, width)), ...lines.map((line) => fit(line, width))];
}

const place = ({ width, isRight }: Column, text: string): string => (isRight ? fitRight(text, width) : fit(text, width));

/** In a narrow list, trouble with the health of a running unit replaces its state. */
function stateOf({ state, health, ready, wanted }: Service, paint: Paint): string {
  if (state === "running" && (health === "unhealthy" || health === "degraded")) return paint(HEALTH_COLOUR[health], health);
  if (wanted !== undefined && ready !== wanted) return paint(STATE_COLOUR[state], `${ready}/${wanted} up`);
  return paint(STATE_COLOUR[state], state);
}

/** Formats an uptime with its largest unit only, because the column is narrow. */
const upFor = (ms: number): string => formatDuration(Math.max(0, ms)).split(" ")[0]!;
