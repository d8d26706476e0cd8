import type { Paint } from "../render/paint.ts";
import { safe, safeCell } from "../render/safe.ts";
import { isProblem, memory, percent } from "../render/state.ts";
import { wordingAt } from "../render/why.ts";
import { verdict } from "../../api/contract/verdict.ts";
import { PANES } from "./detail.ts";
import type { Row } from "./list.ts";
import { listPane } from "./list-pane.ts";
import type { TopState } from "./state.ts";
import { fit, wrap } from "./text.ts";

export interface FrameInput {
  readonly state: TopState;
  readonly rows: readonly Row[];
  /** The lines of the right pane, of any width. */
  readonly detail: readonly string[];
  readonly columns: number;
  readonly height: number;
  readonly paint: Paint;
  readonly now: number;
}

/** From this width on, list and detail are side by side. In a narrower terminal, the detail is below the list. */
const SIDE_BY_SIDE = 70;
const KEYS = "↑↓ select  Tab view  s start  x stop  r restart  / filter  ? help  q quit";

/** Returns the rows of one frame: a headline, the list and the detail, and a line with keys, a question or a message. */
export function frame(input: FrameInput): string[] {
  const { state, columns, height } = input;
  const room = Math.max(2, height - 2);
  return [fit(headline(input), columns), ...body(input, columns, room).slice(0, room), fit(footer(input), columns)]
    .slice(0, Math.max(1, height))
    .map((line, y) => (y === 0 && state.trouble !== null ? input.paint("red", line) : line));
}

/** The number of lines of the right pane, without its head. PageUp and PageDown scroll by so many. */
export function pageOf({ state, columns, height }: Pick<FrameInput, "state" | "columns" | "height">): number {
  const room = Math.max(2, height - 2);
  return Math.max(1, (state.isZoomed || columns >= SIDE_BY_SIDE ? room : room - listHeight(room)) - 2);
}

function body(input: FrameInput, columns: number, room: number): string[] {
  const { state, rows, paint, now } = input;
  if (state.isHelp) return HELP.map((line) => (line.startsWith(" ") ? fit(line, columns) : paint("bold", fit(line, columns))));
  if (state.isZoomed) return detailPane(input, columns, room);
  const list = { rows, selected: state.selected, paint, now };
  if (rows.length === 0) return emptyList(input).map((line) => fit(line, columns));
  if (columns < SIDE_BY_SIDE) {
    const above = listHeight(room);
    return [...padded(listPane({ ...list, width: columns, height: above }), above, columns), ...detailPane(input, columns, room - above)];
  }
  const left = Math.min(84, Math.max(36, Math.floor(columns * 0.45)));
  const right = columns - left - 3;
  const units = padded(listPane({ ...list, width: left, height: room }), room, left);
  const detail = padded(detailPane(input, right, room), room, right);
  return units.map((line, y) => `${line} ${paint("dim", "│")} ${detail[y]}`);
}

const listHeight = (room: number): number => Math.max(2, Math.floor(room / 2));

const padded = (lines: readonly string[], height: number, width: number): string[] =>
  Array.from({ length: height }, (_, y) => lines[y] ?? " ".repeat(width));

function emptyList({ state, paint }: FrameInput): string[] {
  if (state.filter !== "") return ["", `  No unit matches ${safe(state.filter)}. Escape clears the filter.`];
  if (state.view.stale) return ["", paint("dim", "  Connecting to the daemon…")];
  return ["", "  There are no units yet.", "", "  `sup new NAME -- COMMAND` makes one, `sup init` proposes some for a directory."];
}

function headline({ state, paint }: FrameInput): string {
  const { view, trouble } = state;
  if (trouble !== null) return ` ${safe(trouble)} (old data; trying again every second)`;
  const services = [...view.services.values()];
  const sum = (values: ReadonlyArray<number | null>): number => values.reduce<number>((total, value) => total + (value ?? 0), 0);
  const running = services.filter(({ state: word }) => word === "running").length;
  const troubled = services.filter(isProblem).length;
  const parts = [
    paint("bold", ` sup ${safe(view.daemon?.version ?? "")}`),
    `${running} of ${services.length} running`,
    ...(troubled > 0 ? [paint("red", `${troubled} in trouble`)] : []),
    ...(view.broken.length > 0 ? [paint("red", `${view.broken.length} broken unit ${view.broken.length === 1 ? "file" : "files"}`)] : []),
    `cpu ${percent(sum(services.map(({ cpu_percent }) => cpu_percent)))}`,
    `mem ${memory(sum(services.map(({ memory_mb }) => memory_mb)))}`,
    `by ${paint("cyan", state.order)}`,
    ...(state.filter === "" ? [] : [`filter ${paint("cyan", safe(state.filter))}`]),
  ];
  return parts.join("  ");
}

function footer({ state, paint }: FrameInput): string {
  const { prompt, notice } = state;
  if (prompt?.kind === "filter") return ` filter: ${safe(state.filter)}▏  ${paint("dim", "Enter keeps it, Escape clears it")}`;
  if (prompt?.kind === "confirm") {
    const word = prompt.action === "stop" ? "Stop" : "Restart";
    return ` ${paint("yellow", `${word} ${safe(prompt.id)}?`)}  y: yes, any other key: no`;
  }
  if (notice !== null) return ` ${paint(notice.isError ? "red" : "green", safe(notice.text))}`;
  return ` ${paint("dim", KEYS)}`;
}

function detailPane({ state, rows, detail, paint, now }: FrameInput, width: number, height: number): string[] {
  const selected = rows.find(({ service }) => service.id === state.selected);
  if (selected === undefined) return [];
  const { service } = selected;
  const tabs = PANES.map((pane) => (pane === state.pane ? paint("bold", `[${pane}]`) : paint("dim", ` ${pane} `))).join("");
  const pid = service.pid === null ? "" : `  pid ${service.pid}`;
  const name = width < 30 ? "" : `${paint("bold", safeCell(service.id))}${pid}`;
  const head = [fit(`${tabs} ${name}`, width), paint("dim", fit(safe(verdict(service, wordingAt(now))), width))];
  const room = Math.max(0, height - head.length);
  const lines = wrap(detail, width, state.pane !== "log");
  const last = Math.max(0, lines.length - room);
  const from = state.pane === "why" ? Math.min(state.scroll, last) : Math.max(0, last - state.scroll);
  const shown = lines.slice(from, from + room).map((line) => fit(line, width));
  if (state.scroll > 0 && state.pane === "log") head[1] = paint("yellow", fit("scrolled: f follows the log again", width));
  return [...head, ...shown];
}

const HELP = [
  "Select",
  "  ↑ ↓ or k j     select a unit",
  "  g G            first, last",
  "  /              filter by id, state, @group or label",
  "  o              next order: trouble, cpu, memory, name, restarts, uptime",
  "Look",
  "  l e w or Tab   log, events, why",
  "  PageUp/Down    scroll; f follows the log again",
  "  Enter          the right side alone, for copying text; again: back",
  "Act on the selected unit or service",
  "  s              start",
  "  x              stop (asks first)",
  "  r              restart (asks first)",
  "Leave",
  "  Escape         leave the zoom, the scrolling, the filter",
  "  q or Ctrl-C    quit",
  "",
  "  Any key returns.",
];
