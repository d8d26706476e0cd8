import type { Input } from "../../api/contract/contract.ts";
import { parseEvents, textLines } from "../../api/client/streams.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import type { LogLineShape } from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { request, urlOf } from "../state/api.ts";
import { link } from "../state/live.ts";
import { sessionEnded } from "../state/session.ts";
import { criLine, type Line } from "./log-lines.ts";
import { MOST_LINES, type LogPane } from "./log-pane.ts";

/** What a view shows: the log of the unit with this id, or the logs of the units that names, globs and @groups select; none means all. */
export type LogScope = string | readonly string[];

export interface LogFilter {
  readonly grep: string;
  readonly stream: "" | "stdout" | "stderr";
}

interface Sink {
  readonly pane: LogPane;
  readonly setState: (state: "loading" | "live" | "broken") => void;
  readonly setProblem: (problem: string | null) => void;
}

const queryOf = ({ grep, stream }: LogFilter) => ({ ...(grep === "" ? {} : { grep }), ...(stream === "" ? {} : { stream }) });

const RETRY_MS = 1000;

/**
 * Shows the last lines and then new lines. Loads the last lines again after an interruption, so that no line is missing or shown
 * twice.
 */
export async function followLog(scope: LogScope, filter: LogFilter, lines: number, stopped: AbortSignal, sink: Sink): Promise<void> {
  for (;;) {
    const goOn = await followOnce(scope, filter, lines, stopped, sink);
    if (stopped.aborted || !goOn) return;
    sink.setState("broken");
    await backOnline(stopped);
    if (stopped.aborted) return;
  }
}

/** Follows the log over one connection. Returns false if another attempt would fail in the same way. */
async function followOnce(scope: LogScope, filter: LogFilter, lines: number, stopped: AbortSignal, sink: Sink): Promise<boolean> {
  try {
    const query = { ...queryOf(filter), follow: "true", lines: String(lines) };
    const url = typeof scope === "string" ? urlOf("serviceLogs", scope, query) : urlOf("logs", undefined, { ...query, ...unitsOf(scope) });
    const response = await fetch(url, { headers: { accept: "text/event-stream" }, signal: stopped });
    if (response.status === 401) sessionEnded();
    if (!response.ok || response.body === null) {
      const body = (await response.json().catch(() => null)) as { error?: ApiError } | null;
      sink.setProblem(body?.error ? errorWords(body.error) : `the daemon answered ${response.status}`);
      return response.status >= 500;
    }
    sink.pane.clear();
    sink.setState("live");
    // The stream has the events `line` and `gap`. For a page that is too slow, the daemon skips lines, so that the page shows the
    // newest ones.
    for await (const { change } of parseEvents(textLines(response.body))) sink.pane.push(change.data as unknown as LogLineShape);
  } catch {
    // The connection was refused or broken. The caller retries.
  }
  return true;
}

/** Waits at least RETRY_MS, and then until the page's event stream is live again. */
function backOnline(stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!stopped.aborted && link.peek().kind !== "live") return void setTimeout(check, RETRY_MS);
      resolve();
    };
    setTimeout(check, RETRY_MS);
  });
}

const MOST_ASKED = 5000;
const ENOUGH = 200;
const SPANS_MS = [30_000, 5 * 60_000, 3_600_000, 12 * 3_600_000, 7 * 86_400_000];

/** Returns the lines from a time onwards. Extends the time range step by step until it contains enough lines. */
export async function linesAround(
  scope: LogScope,
  at: string,
  filter: LogFilter,
  nowMs: number,
): Promise<Result<readonly LogLineShape[], ApiError>> {
  let found: readonly LogLineShape[] = [];
  for (const span of SPANS_MS) {
    const untilMs = Date.parse(at) + span;
    const answer = await read(scope, {
      ...queryOf(filter),
      since: at,
      until: new Date(untilMs).toISOString(),
      lines: MOST_ASKED,
    });
    if (!answer.ok) return answer;
    found = answer.value;
    if (found.length >= ENOUGH || untilMs > nowMs) break;
  }
  return ok(found.slice(0, MOST_LINES));
}

const EARLIER = 500;

export async function linesBefore(scope: LogScope, time: string, filter: LogFilter): Promise<Result<readonly LogLineShape[], ApiError>> {
  const answer = await read(scope, { ...queryOf(filter), until: time, lines: EARLIER });
  if (!answer.ok) return answer;
  // Compare again, because `until` has only milliseconds, while the times of lines have nine digits.
  return ok(answer.value.filter((line) => line.time < time));
}

const NO_FILTER: LogFilter = { grep: "", stream: "" };
/** Enough lines to contain those around a line, even if many lines have the same millisecond. */
const MOST_NEAR = 500;

/**
 * Returns up to `count` lines before and after a line of a unit's log, without a filter. Lines that were captured together have the same
 * time, so the line itself is looked up in the answers.
 */
export async function contextOf(
  unit: string,
  line: Line,
  count: number,
): Promise<Result<{ readonly before: readonly LogLineShape[]; readonly after: readonly LogLineShape[] }, ApiError>> {
  const atMs = Date.parse(line.time);
  const earlier = await read(unit, { until: new Date(atMs).toISOString(), lines: MOST_NEAR });
  if (!earlier.ok) return earlier;
  const later = await linesAround(unit, new Date(atMs).toISOString(), NO_FILTER, Date.now());
  if (!later.ok) return later;
  const all = [...earlier.value.filter(({ time }) => Date.parse(time) < atMs), ...later.value];
  const position = all.findIndex(({ time, stream, text }) => time === line.time && stream === line.stream && line.text.startsWith(text));
  if (position < 0) return err({ code: "not-found", message: "The line is no longer in the log." });
  return ok({ before: all.slice(Math.max(0, position - count), position), after: all.slice(position + 1, position + 1 + count) });
}

const unitsOf = (scope: readonly string[]): { readonly units?: string } => (scope.length === 0 ? {} : { units: scope.join(",") });

type LogQuery = Omit<Input<"logs">, "units" | "follow">;

const read = (scope: LogScope, query: LogQuery): Promise<Result<readonly LogLineShape[], ApiError>> =>
  typeof scope === "string"
    ? request("serviceLogs", { id: scope, ...query })
    : request("logs", { ...query, ...(scope.length === 0 ? {} : { units: [...scope] }) });

const MOST_SAVED = 100_000;

/** Saves the log as a file through the browser. Returns null, or an error message. */
export async function saveLog(scope: LogScope): Promise<string | null> {
  const answer = await read(scope, { lines: MOST_SAVED });
  if (!answer.ok) return errorWords(answer.error);
  const lines = answer.value.map(criLine);
  const address = URL.createObjectURL(new Blob(lines, { type: "text/plain" }));
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = `${typeof scope === "string" ? scope : "units"}.log`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return null;
}

export const errorWords = ({ message, hint }: ApiError): string => (hint ? `${message} (${hint})` : message);
