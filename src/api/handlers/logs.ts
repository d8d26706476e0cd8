import { compilePattern, type Pattern } from "../../base/pattern.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { LogLine, LogQuery } from "../../ports/logs.ts";
import type { Parsed } from "../contract.ts";
import type { ApiError } from "../errors.ts";
import type { Answer, Context, Handler } from "./handler.ts";
import { resolveWhen } from "./when.ts";

export const serviceLogs: Handler<"serviceLogs"> = (input, context) => {
  const query = toQuery(input, context.nowMs);
  if (!query.ok) return query;
  return input.follow ? follow(input.id, query.value, context) : context.supervisor.readLogs(input.id, query.value);
};

export const rotateLogs: Handler<"rotateLogs"> = ({ id }, { supervisor }) => supervisor.rotateLogs(id);

type LogInput = Parsed<"serviceLogs">;

function toQuery(input: LogInput, nowMs: number): Result<LogQuery, ApiError> {
  if (input.follow && input.until !== undefined)
    return err({ code: "invalid", message: "cannot accept until: with follow there is no end" });
  const since = input.since === undefined ? null : resolveWhen("since", input.since, nowMs);
  if (since && !since.ok) return since;
  const until = input.until === undefined ? null : resolveWhen("until", input.until, nowMs);
  if (until && !until.ok) return until;
  const grep = input.grep === undefined ? null : compile(input.grep);
  if (grep && !grep.ok) return grep;
  return ok({
    lines: input.lines ?? (since || until ? 10_000 : 100),
    ...(since ? { sinceMs: since.value } : {}),
    ...(until ? { untilMs: until.value } : {}),
    ...(grep ? { grep: grep.value } : {}),
    ...(input.stream === undefined ? {} : { stream: input.stream }),
  });
}

function compile(source: string): Result<Pattern, ApiError> {
  const pattern = compilePattern(source);
  if (pattern.ok) return pattern;
  return err({
    code: "invalid",
    message: `cannot accept grep: not a regular expression: ${pattern.error}`,
    hint: "write a \\ before ( [ { * + ? . ^ $ |",
  });
}

/**
 * What is there, then each line as it comes: one JSON object a line, `{"gap": n}` for n lines that a slow reader missed,
 * an empty line to keep the connection; or server-sent events `line` and `gap` for a client that accepts those.
 * Reading and subscribing happen in one turn of the event loop, so no line is missed or told twice.
 */
function follow(id: string, query: LogQuery, { supervisor, streams, accept }: Context): Answer<"serviceLogs"> {
  const past = supervisor.readLogs(id, query);
  if (!past.ok) return past;
  const format = accept.includes("text/event-stream") ? SSE : NDJSON;
  const wanted = (line: LogLine): boolean =>
    (query.stream === undefined || line.stream === query.stream) && (query.grep === undefined || query.grep.test(line.text));
  const opened = streams.open({
    ...format,
    first: format.first + past.value.map((line) => format.write("line", line)).join(""), // whole, whatever the queue's limit
    gap: (lost) => format.write("gap", { gap: lost }),
    attach: (outlet) =>
      supervisor.followLogs(id, {
        line: (line) => wanted(line) && outlet.send(format.write("line", line)),
        gap: (lines) => outlet.send(format.write("gap", { gap: lines }), lines),
      }),
  });
  return opened.ok ? opened.value : opened;
}

const NDJSON = {
  type: "application/x-ndjson",
  first: "\n",
  ping: "\n",
  write: (_kind: string, value: unknown) => `${JSON.stringify(value)}\n`,
};
const SSE = {
  type: "text/event-stream",
  first: "retry: 1000\n\n",
  ping: ": ping\n\n",
  write: (kind: string, value: unknown) => `event: ${kind}\ndata: ${JSON.stringify(value)}\n\n`,
};
