import { ok, type Result } from "../../../base/result.ts";
import type { LogLine } from "../../../ports/logs.ts";
import type { ApiError } from "../../contract/errors.ts";
import type { Outlet, Streams } from "../streams.ts";
import type { LogRequest, LogStart } from "../supervisor.ts";
import type { Answer, Context } from "./handler.ts";

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

/**
 * Streams the existing lines of a log and then new lines as they are written, as one JSON object per line. The client reads at its own
 * pace, and the daemon buffers nothing for it. It reads the next lines from the files only when the client has received the previous
 * ones. There are also other objects:
 *
 *   {"gap": null}   lines are missing here, because their file was deleted before the client had read it
 *   {"over": true}  the requested run has ended, and all its lines were sent
 *   {"place": …}    how far the log was read; sent only if the client requests places. `?after=` resumes at a place, also with a later
 *                   daemon. The first one also has `resumed` (whether this stream resumed at a place) and `invocation` (the run that
 *                   the stream covers)
 *
 * Empty lines keep the connection alive.
 */
export async function followFiles(
  id: string,
  request: LogRequest,
  places: boolean,
  { supervisor, streams }: Context,
): Promise<Answer<"serviceLogs">> {
  const started = await supervisor.trailLogs(id, request);
  if (!started.ok) return started;
  const { past, resumed, invocation, trail } = started.value;
  const lost = request.after !== undefined && !resumed && request.sinceMs === undefined;
  const head = { place: trail.place(), ...(request.after === undefined ? {} : { resumed }), ...(invocation && { invocation }) };
  const opened = await streams.open({
    type: "application/x-ndjson",
    first: "\n",
    past: [...past.map(json), ...(places ? [json(head)] : []), ...(lost ? [json({ gap: null })] : [])],
    ping: "\n",
    ...pumpOf(trail, places, streams.soon),
  });
  if (opened.ok) return opened.value;
  trail.close();
  return opened;
}

/** Returns a function that sends lines while the client reads them. It sends one piece per turn of the event loop, so that other clients get time. */
function pumpOf(
  trail: LogStart["trail"],
  places: boolean,
  soon: Streams["soon"],
): { drained(): void; attach(outlet: Outlet): Promise<Result<() => void, ApiError>> } {
  let to: Outlet | null = null;
  let scheduled = false;
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    soon(() => {
      scheduled = false;
      pump();
    });
  };
  const pump = (): void => {
    if (to === null || !to.isIdle()) return;
    const read = trail.next();
    if (read === null) return;
    if (read === "over") {
      to.send(json({ over: true }));
      return to.end();
    }
    if (read.lines.length === 0 && !read.gap) return schedule();
    const place = places ? trail.place() : null;
    to.send(`${read.gap ? json({ gap: null }) : ""}${read.lines.map(json).join("")}${place === null ? "" : json({ place })}`);
  };
  return {
    drained: schedule,
    async attach(outlet) {
      to = outlet;
      const stop = trail.watch(schedule);
      return ok(() => {
        to = null;
        stop();
        trail.close();
      });
    },
  };
}

/** Maximum number of live lines, and of their characters, that wait while existing lines are searched or an expression is matched. */
const MOST_WAITING = 1000;
const MOST_WAITING_CHARS = 1 << 20;

/**
 * Streams a log for the page, as server-sent events `line` and `gap`. If a page reads too slowly, lines are dropped so that it shows
 * current lines. A `gap` reports how many lines were dropped.
 */
export async function followLive(id: string, request: LogRequest, { supervisor, streams }: Context): Promise<Answer<"serviceLogs">> {
  const live = new LiveLines(request, streams.soon);
  const followed = await supervisor.followLogs(id, live);
  if (!followed.ok) return followed;
  // The search in existing lines and the subscription to live lines begin in the same turn of the event loop. Therefore no line is lost or
  // repeated.
  const past = await supervisor.readLogs(id, request);
  const opened = past.ok
    ? await streams.open({
        type: "text/event-stream",
        ping: ": ping\n\n",
        first: "retry: 1000\n\n",
        past: past.value.map((line) => message("line", line)),
        gap: gapMessage,
        async attach(to) {
          live.sendTo(to);
          return ok(() => {
            live.stop();
            followed.value();
          });
        },
      })
    : past;
  if (opened.ok) return opened.value;
  followed.value();
  return opened;
}

/** Filters the live lines of a log, and passes those that match the request to its stream, in order. */
class LiveLines {
  #waiting: LogLine[] = [];
  #chars = 0;
  /** Number of lines that were dropped after the lines in `#waiting`. */
  #missed = 0;
  #outlet: Outlet | null = null;
  #search: Generator<undefined, boolean> | null = null;
  #isScheduled = false;
  readonly #request: Pick<LogRequest, "stream" | "grep">;
  readonly #soon: Streams["soon"];

  constructor(request: Pick<LogRequest, "stream" | "grep">, soon: Streams["soon"]) {
    this.#request = request;
    this.#soon = soon;
  }

  line(line: LogLine): void {
    const { stream, grep } = this.#request;
    if (stream !== undefined && line.stream !== stream) return;
    if (this.#outlet !== null && grep === undefined) return this.#outlet.send(lineMessage(line));
    const isFull = this.#waiting.length >= MOST_WAITING || this.#chars + line.text.length > MOST_WAITING_CHARS;
    if (this.#missed > 0 || (isFull && this.#waiting.length > 0)) return this.gap(1);
    this.#waiting.push(line);
    this.#chars += line.text.length;
    this.#schedule();
  }

  gap(lines: number): void {
    if (this.#outlet !== null && this.#waiting.length === 0) return this.#outlet.send(gapMessage(lines), lines);
    this.#missed += lines;
  }

  sendTo(outlet: Outlet): void {
    this.#outlet = outlet;
    this.#pump();
  }

  stop(): void {
    this.#outlet = null;
    this.#waiting = [];
  }

  #schedule(): void {
    if (this.#isScheduled || this.#outlet === null) return;
    this.#isScheduled = true;
    this.#soon(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  /** Matches the waiting lines. If an expression takes long, does one slice of the work and continues in a later turn of the event loop. */
  #pump(): void {
    const outlet = this.#outlet;
    if (outlet === null) return;
    let at = 0;
    for (; at < this.#waiting.length; at++) {
      const line = this.#waiting[at]!;
      this.#search ??= this.#request.grep?.search(line.text) ?? null;
      const step = this.#search?.next();
      if (step?.done === false) break;
      this.#search = null;
      if (step?.value !== false) outlet.send(lineMessage(line));
      this.#chars -= line.text.length;
    }
    this.#waiting.splice(0, at);
    if (this.#waiting.length > 0) return this.#schedule();
    if (this.#missed > 0) outlet.send(gapMessage(this.#missed), this.#missed);
    this.#missed = 0;
  }
}

const message = (kind: string, value: unknown): string => `event: ${kind}\ndata: ${JSON.stringify(value)}\n\n`;
const gapMessage = (lines: number): string => message("gap", { gap: lines });

/** Returns the message for a line. The message is cached, because all streams of a log send the same lines. */
function lineMessage(line: LogLine): string {
  let text = MESSAGES.get(line);
  if (text === undefined) MESSAGES.set(line, (text = message("line", line)));
  return text;
}

const MESSAGES = new WeakMap<LogLine, string>();
