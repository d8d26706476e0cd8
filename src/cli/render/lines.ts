import type { Event, LogLineShape } from "../../api/contract/shapes.ts";
import type { Paint } from "./paint.ts";
import { safe } from "./safe.ts";
import type { TableStyle } from "./status-table.ts";
import { logTime, shortTime } from "./time.ts";

/** `20:01:02 text`; standard error in another colour, parts of overlong lines end with `…`. */
export function logLine(line: LogLineShape, { paint, now }: TableStyle): string {
  return withTime(line.time, (time) => paint("dim", shortTime(time, now)), lineText(line, paint));
}

/** `2026-11-22 20:01:02.123 text`, for `sup logs`. */
export const fullLogLine = (line: LogLineShape, paint: Paint): string =>
  withTime(line.time, (time) => paint("dim", logTime(time)), lineText(line, paint));

/** A line of a `raw` log has no time. */
const withTime = (time: string, shown: (time: string) => string, text: string): string => (time === "" ? text : `${shown(time)} ${text}`);

/** As stored in the log file (CRI format). A line of a `raw` log has no time and is printed as it is. */
export const recordOf = ({ time, stream, full, text }: LogLineShape): string =>
  time === "" ? safe(text) : `${time} ${stream} ${full ? "F" : "P"} ${safe(text)}`;

export function lineText(line: Pick<LogLineShape, "text" | "stream" | "full">, paint: Paint): string {
  const text = safe(line.text) + (line.full ? "" : paint("dim", "…"));
  return line.stream === "stderr" ? paint("yellow", text) : text;
}

/** `20:01:02 web started message`; omits the unit if it is `within`. */
export function eventLine(event: Event, { paint, now }: TableStyle, within?: string): string {
  const unit = event.service_id === null ? "sup" : event.service_id;
  const name = unit === within ? "" : `${paint("bold", safe(unit))} `;
  return `${paint("dim", shortTime(event.timestamp, now))} ${name}${paint("cyan", safe(event.event_type))} ${safe(event.message)}${within === undefined ? invocationOf(event, paint) : ""}`;
}

/** The first digits of the invocation id, enough for `sup logs --invocation`. */
function invocationOf({ details }: Event, paint: Paint): string {
  return typeof details.invocation === "string" ? paint("dim", ` [${safe(details.invocation.slice(0, 8))}]`) : "";
}
