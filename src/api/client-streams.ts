import { err, ok, type Result } from "../base/result.ts";
import type { Send } from "./client.ts";
import type { ApiError } from "./errors.ts";
import type { LogLineShape, RunEnd, StreamChange } from "./shapes.ts";

/** Readers of the two streams of the API: server-sent events, and log lines as one JSON object a line. */

export type LineMessage = LogLineShape | { readonly gap: number };

export type RunMessage = LineMessage | { readonly id: string } | { readonly end: RunEnd };

export interface EventMessage {
  readonly id: number;
  readonly change: StreamChange;
}

/** Before connecting again, so that a daemon that hangs up at once is not flooded. */
const PAUSE_MS = 100;

type ReadError = (response: Response) => Promise<ApiError>;

/** As the events below, it connects again when the daemon re-executes itself, from the last line it has seen. */
export async function* openLines(
  send: Send,
  input: Readonly<Record<string, unknown>>,
  readError: ReadError,
  sleep: (ms: number) => Promise<void>,
): AsyncGenerator<Result<LineMessage, ApiError>> {
  const { lines: _, ...again } = input;
  const place = new Place();
  for (;;) {
    const answer = await send("serviceLogs", {
      input: place.time === "" ? input : { ...again, since: place.time },
      headers: { accept: "application/x-ndjson" },
    });
    if (!answer.ok) return yield answer;
    if (!answer.value.ok || !answer.value.body) return yield err(await readError(answer.value));
    const isKnown = place.known();
    for await (const text of textLines(answer.value.body)) {
      if (text === "") continue; // keeps the connection
      const message = JSON.parse(text) as LineMessage;
      if ("time" in message) {
        if (isKnown(message.time)) continue;
        place.pass(message.time);
      }
      yield ok(message);
    }
    await sleep(PAUSE_MS);
  }
}

/** How far a reader of lines has come. Lines that were read in one go share a stamp, so it counts those of the last one. */
class Place {
  time = "";
  #count = 0;

  pass(time: string): void {
    this.#count = time === this.time ? this.#count + 1 : 1;
    this.time = time;
  }

  /** For a new connection from `time` on (inclusive, and cut to milliseconds): true for each line that was had before. */
  known(): (time: string) => boolean {
    const { time: last } = this;
    let left = this.#count;
    let within = last !== "";
    return (time) => {
      if (within && time < last) return true;
      if (within && time === last && left-- > 0) return true;
      within = false;
      return false;
    };
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

/** Ends with an error when the daemon is gone for longer than the client's retry; a break in between is not seen. */
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
    await sleep(PAUSE_MS); // the daemon closed the stream: it ends or re-executes itself
  }
}

/** Server-sent events (WHATWG HTML §9.2) as far as the daemon uses them: `id`, `event`, `data`; comments are heartbeats. */
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

/** The lines of a body, without their ends; a connection that breaks ends them. An unfinished last line is dropped. */
export async function* textLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  try {
    for (;;) {
      const part = await reader.read().catch(() => ({ done: true as const, value: undefined })); // broken off: same as ended
      if (part.done) return;
      const lines = (rest + decoder.decode(part.value, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
  } finally {
    await reader.cancel().catch(() => {}); // already closed is as good
  }
}
