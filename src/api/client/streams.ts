import { err, ok, type Result } from "../../base/result.ts";
import type { ApiError } from "../contract/errors.ts";
import type { LogLineShape, RunEnd, StreamChange } from "../contract/shapes.ts";
import { COMEBACK_MS, COMEBACK_STEP_MS } from "./comeback.ts";
import { LogPosition, type PositionMessage } from "./log-position.ts";
import type { Send } from "./send.ts";

/** Reads the two kinds of streams of the API: server-sent events, and log lines as one JSON object per line. */

/**
 * `gap` means that an unknown number of lines is missing, and `begun` that all existing lines were delivered. `waits` means that the
 * daemon is gone, and that the client waits this many seconds for it to come back.
 */
export type LineMessage = LogLineShape | { readonly gap: null } | { readonly begun: true } | { readonly waits: number };

export type RunMessage = LogLineShape | { readonly gap: number } | { readonly id: string } | { readonly end: RunEnd };

export interface EventMessage {
  readonly id: number;
  readonly change: StreamChange;
}

/** Pause before a reconnect, which protects a daemon that closes connections at once from a flood of requests. */
const PAUSE_MS = 100;

type ReadError = (response: Response) => Promise<ApiError>;

/**
 * Yields lines until the requested run or the daemon has ended. Like `openEvents`, it reconnects if the daemon re-executes itself or
 * is restarted after a crash. It then resumes after the last line that it received.
 */
export async function* openLines(
  send: Send,
  input: Readonly<Record<string, unknown>>,
  readError: ReadError,
  sleep: (ms: number) => Promise<void>,
  signal?: AbortSignal,
): AsyncGenerator<Result<LineMessage, ApiError>> {
  const position = new LogPosition();
  let request = input;
  for (let broken = false; ;) {
    const attempt = (): ReturnType<Send> =>
      send("serviceLogs", { input: { ...request, places: true }, headers: { accept: "application/x-ndjson" }, ...(signal && { signal }) });
    let answer = await attempt();
    if (signal?.aborted) return;
    if (broken && !answer.ok && answer.error.code === "unreachable") yield ok({ waits: COMEBACK_MS / 1000 });
    for (let waited = 0; broken && !answer.ok && answer.error.code === "unreachable" && waited < COMEBACK_MS; waited += COMEBACK_STEP_MS) {
      await sleep(COMEBACK_STEP_MS);
      answer = await attempt();
    }
    if (!answer.ok) return yield answer;
    if (!answer.value.ok || !answer.value.body) return yield err(await readError(answer.value));
    broken = false;
    for await (const text of textLines(answer.value.body, () => (broken = true))) {
      if (text === "") continue; // keep-alive
      const message = JSON.parse(text) as LineMessage | PositionMessage | { readonly over: true };
      if ("over" in message) return;
      if ("place" in message) {
        if (position.take(message)) yield ok({ begun: true });
      } else if (!("time" in message) || position.isNew(message)) yield ok(message);
    }
    if (signal?.aborted) return;
    request = position.resumeInput(input);
    await sleep(PAUSE_MS);
  }
}

export async function* openRun(
  send: Send,
  input: Readonly<Record<string, unknown>>,
  readError: ReadError,
): AsyncGenerator<Result<RunMessage, ApiError>> {
  const answer = await send("run", { input });
  if (!answer.ok) return yield answer;
  if (!answer.value.ok || !answer.value.body) return yield err(await readError(answer.value));
  for await (const text of textLines(answer.value.body)) if (text !== "") yield ok(JSON.parse(text) as RunMessage);
}

/**
 * Yields the messages of the event stream. Ends with an error if the daemon is gone for longer than the client retries.
 * Shorter interruptions are hidden from the caller.
 */
export async function* openEvents(
  send: Send,
  readError: ReadError,
  sleep: (ms: number) => Promise<void>,
): AsyncGenerator<Result<EventMessage, ApiError>> {
  for (let lastId: number | null = null; ;) {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (lastId !== null) headers["last-event-id"] = String(lastId);
    const answer = await send("eventStream", { headers });
    if (!answer.ok) return yield answer;
    if (!answer.value.ok || !answer.value.body) return yield err(await readError(answer.value));
    for await (const message of parseEvents(textLines(answer.value.body))) {
      lastId = message.id;
      yield ok(message);
    }
    await sleep(PAUSE_MS); // the daemon closed the stream: it is shutting down or re-executing itself
  }
}

/**
 * Parses server-sent events (WHATWG HTML §9.2), but only the parts that the daemon uses: `id`, `event` and `data`. Comments are
 * heartbeats.
 */
export async function* parseEvents(lines: AsyncIterable<string>): AsyncGenerator<EventMessage> {
  let id = 0;
  let kind = "";
  let data = "";
  for await (const line of lines) {
    if (line === "") {
      if (data !== "") yield { id, change: { kind, data: JSON.parse(data) } as StreamChange };
      kind = data = "";
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") id = Number(value);
    else if (field === "event") kind = value;
    else if (field === "data") data += data === "" ? value : `\n${value}`;
  }
}

/** Yields the lines of a body, without line endings. If the connection breaks, the lines end, and an unfinished last line is dropped. */
export async function* textLines(body: ReadableStream<Uint8Array>, onBroken?: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  try {
    for (;;) {
      const part = await reader.read().catch(() => {
        onBroken?.();
        return { done: true as const, value: undefined }; // treated like the end of the body
      });
      if (part.done) return;
      const lines = (rest + decoder.decode(part.value, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
  } finally {
    await reader.cancel().catch(() => {}); // it is closed already
  }
}
