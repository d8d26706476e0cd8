import { parseEvents, textLines } from "../../api/client/streams.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import type { LogLineShape } from "../../api/contract/shapes.ts";
import { ok, type Result } from "../../base/result.ts";
import { request, urlOf } from "../state/api.ts";
import { link } from "../state/live.ts";
import { sessionEnded } from "../state/session.ts";
import { criLine } from "./log-lines.ts";
import { MOST_LINES, type LogPane } from "./log-pane.ts";

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
export async function followLog(id: string, filter: LogFilter, lines: number, stopped: AbortSignal, sink: Sink): Promise<void> {
  for (;;) {
    const goOn = await followOnce(id, filter, lines, stopped, sink);
    if (stopped.aborted || !goOn) return;
    sink.setState("broken");
    await backOnline(stopped);
    if (stopped.aborted) return;
  }
}

/** Follows the log over one connection. Returns false if another attempt would fail in the same way. */
async function followOnce(id: string, filter: LogFilter, lines: number, stopped: AbortSignal, sink: Sink): Promise<boolean> {
  try {
    const query = { ...queryOf(filter), follow: "true", lines: String(lines) };
    const response = await fetch(urlOf("serviceLogs", id, query), { headers: { accept: "text/event-stream" }, signal: stopped });
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
  id: string,
  at: string,
  filter: LogFilter,
  nowMs: number,
): Promise<Result<readonly LogLineShape[], ApiError>> {
  let found: readonly LogLineShape[] = [];
  for (const span of SPANS_MS) {
    const untilMs = Date.parse(at) + span;
    const answer = await request("serviceLogs", {
      id,
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

export async function linesBefore(id: string, time: string, filter: LogFilter): Promise<Result<readonly LogLineShape[], ApiError>> {
  const answer = await request("serviceLogs", { id, ...queryOf(filter), until: time, lines: EARLIER });
  if (!answer.ok) return answer;
  // Compare again, because `until` has only milliseconds, while the times of lines have nine digits.
  return ok(answer.value.filter((line) => line.time < time));
}

const MOST_SAVED = 100_000;

/** Saves the log as a file through the browser. Returns null, or an error message. */
export async function saveLog(id: string): Promise<string | null> {
  const answer = await request("serviceLogs", { id, lines: MOST_SAVED });
  if (!answer.ok) return errorWords(answer.error);
  const lines = answer.value.map(criLine);
  const address = URL.createObjectURL(new Blob(lines, { type: "text/plain" }));
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = `${id}.log`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return null;
}

export const errorWords = ({ message, hint }: ApiError): string => (hint ? `${message} (${hint})` : message);
