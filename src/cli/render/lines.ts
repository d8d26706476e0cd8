import type { Event, LogLineShape } from "../../api/contract/shapes.ts";
import type { Paint } from "./paint.ts";
import { safe, safeCell } from "./safe.ts";
import type { TableStyle } from "./status-table.ts";
import { logTime, shortTime } from "./time.ts";

/**
 * Formats a log line as `20:01:02 text`. Lines from standard error have another colour. A part of a line that is too long for one
 * record ends with `…`.
 */
export function logLine(line: LogLineShape, { paint, now }: TableStyle): string {
  return withTime(line.time, (time) => paint("dim", shortTime(time, now)), lineText(line, paint));
}

/** Formats a log line as `2026-11-22 20:01:02.123 text`, for `sup logs`. */
export const fullLogLine = (line: LogLineShape, paint: Paint): string =>
  withTime(line.time, (time) => paint("dim", logTime(time)), lineText(line, paint));

/** Puts the time in front of the text, except for a line of a `raw` log, which has no time. */
const withTime = (time: string, shown: (time: string) => string, text: string): string => (time === "" ? text : `${shown(time)} ${text}`);

/** Formats a log line as in the log file (CRI format). A line of a `raw` log has no time and is printed unchanged. */
export const recordOf = ({ time, stream, full, text }: LogLineShape): string =>
  time === "" ? safe(text) : `${time} ${stream} ${full ? "F" : "P"} ${safe(text)}`;

export function lineText(line: Pick<LogLineShape, "text" | "stream" | "full">, paint: Paint): string {
  // A program on a terminal ends its lines with a carriage return and a line feed.
  const text = safe(line.text.replace(/\r+$/, "")) + (line.full ? "" : paint("dim", "…"));
  return line.stream === "stderr" ? paint("yellow", text) : text;
}

/** Formats an event of a single unit as `20:01:02 started message`. */
export const eventLine = (event: Event, { paint, now }: TableStyle): string =>
  `${paint("dim", shortTime(event.timestamp, now))} ${paint("cyan", safe(event.event_type))} ${safe(event.message)}`;

/**
 * Returns a function that formats events of several units in columns (time, unit, type, message). The columns fit the events in
 * `known`, and grow for wider events that are formatted later.
 */
export function eventColumns(known: readonly Event[], { paint, now }: TableStyle): (event: Event) => string {
  const cellsOf = (event: Event): readonly string[] => [
    shortTime(event.timestamp, now),
    safeCell(event.service_id ?? "sup"),
    safeCell(event.event_type),
  ];
  const widths = [0, 0, 0];
  const fit = (cells: readonly string[]): void => cells.forEach((cell, i) => (widths[i] = Math.max(widths[i]!, Bun.stringWidth(cell))));
  for (const event of known) fit(cellsOf(event));
  return (event) => {
    const cells = cellsOf(event);
    fit(cells);
    const columns = cells.map((cell, i) => paint(EVENT_COLOURS[i]!, cell) + " ".repeat(widths[i]! - Bun.stringWidth(cell)));
    return `${columns.join("  ")}  ${safe(event.message)}${invocationOf(event, paint)}`;
  };
}

const EVENT_COLOURS = ["dim", "bold", "cyan"] as const;

/** Returns the first digits of the event's invocation id, which are enough for `sup logs --invocation`. */
function invocationOf({ details }: Event, paint: Paint): string {
  return typeof details.invocation === "string" ? paint("dim", ` [${safe(details.invocation.slice(0, 8))}]`) : "";
}
