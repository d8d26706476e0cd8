import { ok, type Result } from "../../../base/result.ts";
import type { LogLine } from "../../../ports/logs.ts";
import type { ApiError } from "../../contract/errors.ts";
import type { Outlet, Streams } from "../streams.ts";
import type { LogRequest, LogStart } from "../supervisor.ts";
import type { Answer, Context } from "./handler.ts";

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

/**
 * Existing lines, then new ones as they come, one JSON object per line. The client reads at its own pace and nothing is
 * buffered for it: the next lines are read from the files once it has taken the previous ones. Other objects are
 *
 *   {"gap": null}   lines are missing here: their file was deleted before the client had read it
 *   {"over": true}  the requested run has ended, and all its lines were sent
 *   {"place": …}    only if the client wants places: how far the log was read. `?after=` resumes there, at a later daemon as
 *                   well. The first one has `resumed`, whether this answer resumed, and `invocation`, the run it is about
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

/** Sends lines while the client reads them, one piece per turn of the event loop, so that other clients are served in between. */
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

/** Lines, and characters of them, that wait while the past is searched or an expression is matched. */
const MOST_WAITING = 1000;
const MOST_WAITING_CHARS = 1 << 20;

/**
 * The same for a page, as server-sent events `line` and `gap`: a page that reads too slowly loses lines and is told how many, so
 * that it shows the present.
 */
export async function followLive(id: string, request: LogRequest, { supervisor, streams }: Context): Promise<Answer<"serviceLogs">> {
  const live = new LiveLines(request, streams.soon);
  const followed = await supervisor.followLogs(id, live);
  if (!followed.ok) return followed;
  // The search of the past begins in the turn in which the first live lines may arrive.
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

/** The live lines of a request on their way to its stream: those that match, in order. */
class LiveLines {
  #waiting: LogLine[] = [];
  #chars = 0;
  /** Lines that were dropped after those that wait. */
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

  /** One slice of a match, or all lines up to the end of a slice. */
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

/** All streams share the text of a line, as they share the line. */
function lineMessage(line: LogLine): string {
  let text = MESSAGES.get(line);
  if (text === undefined) MESSAGES.set(line, (text = message("line", line)));
  return text;
}

const MESSAGES = new WeakMap<LogLine, string>();
