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
  const headOf = (): string => {
    const head = { place: trail.place(), ...(request.after === undefined ? {} : { resumed }), ...(invocation && { invocation }) };
    return `${places ? json(head) : ""}${lost ? json({ gap: null }) : ""}`;
  };
  const opened = await streams.open({
    type: "application/x-ndjson",
    first: past === 0 ? `\n${headOf()}` : "\n",
    ping: "\n",
    ...pumpOf(trail, { places, past, headOf }, streams.soon),
  });
  if (opened.ok) return opened.value;
  trail.close();
  return opened;
}

interface Pumped {
  readonly places: boolean;
  /** Number of lines that existed before the request. Places are sent only after these lines, so that the client knows where they end. */
  readonly past: number;
  /** Returns the message that follows these lines. */
  readonly headOf: () => string;
}

/** Returns a function that requests `work`. `work` is called once soon, even if it was requested several times. */
function scheduler(soon: Streams["soon"], work: () => void): () => void {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    soon(() => {
      scheduled = false;
      work();
    });
  };
}

/** Returns a function that sends lines while the client reads them. It sends one piece per turn of the event loop, so that other clients get time. */
function pumpOf(
  trail: LogStart["trail"],
  { places, past, headOf }: Pumped,
  soon: Streams["soon"],
): { drained(): void; attach(outlet: Outlet): Promise<Result<() => void, ApiError>> } {
  let to: Outlet | null = null;
  let left = past;
  /** Returns the head if `lines` reach the end of the past. */
  const headAfter = (lines: number): string => {
    if (left === 0) return "";
    left = Math.max(0, left - lines);
    return left === 0 ? headOf() : "";
  };
  const placeNow = (): string => {
    const place = places && left === 0 ? trail.place() : null;
    return place === null ? "" : json({ place });
  };
  const pump = (): void => {
    if (to === null || !to.isIdle()) return;
    const read = trail.next();
    if (read === null) {
      const head = headAfter(Infinity);
      return head === "" ? undefined : to.send(head);
    }
    if (read === "over") {
      to.send(`${headAfter(Infinity)}${json({ over: true })}`);
      return to.end();
    }
    if (read.lines.length === 0 && !read.gap) return schedule();
    const text = `${read.gap ? json({ gap: null }) : ""}${read.lines.map(json).join("")}`;
    to.send(`${text}${headAfter(read.gap ? Infinity : read.lines.length) || placeNow()}`);
  };
  const schedule = scheduler(soon, pump);
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
 * Streams a log for the page, as server-sent events `line` and `gap`. If a page reads too slowly, old lines are dropped, so
 * that the page shows current lines. A `gap` reports how many lines were dropped.
 */
export async function followLive(id: string, request: LogRequest, { supervisor, streams }: Context): Promise<Answer<"serviceLogs">> {
  const live = new LiveLines(request, streams.soon);
  const followed = await supervisor.followLogs(id, live);
  if (!followed.ok) return followed;
  // The existing lines end, and the subscription to live lines begins, in the same turn of the event loop. Therefore no line is lost or
  // repeated.
  const { after: _, ...query } = request;
  const started = await supervisor.trailLogs(id, query);
  const past = started.ok ? new PastLines(started.value, live, streams.soon) : null;
  const opened =
    past === null
      ? (started as Extract<typeof started, { ok: false }>)
      : await streams.open({
          type: "text/event-stream",
          ping: ": ping\n\n",
          first: "retry: 1000\n\n",
          gap: gapMessage,
          drained: past.schedule,
          async attach(to) {
            past.sendTo(to);
            return ok(() => {
              past.stop();
              live.stop();
              followed.value();
            });
          },
        });
  if (opened.ok) return opened.value;
  past?.stop();
  followed.value();
  return opened;
}

/** Streams the logs of several units in the same way. The lines before the live ones are merged by time. */
export async function followSeveral(
  patterns: readonly string[],
  request: LogRequest,
  { supervisor, streams }: Context,
): Promise<Answer<"logs">> {
  const live = new LiveLines(request, streams.soon);
  const followed = await supervisor.followAllLogs(patterns, live);
  if (!followed.ok) return followed;
  const stop = (): void => {
    live.stop();
    followed.value();
  };
  // As in `followLive`, the search covers the lines up to the turn of the event loop in which the subscriptions began.
  const past = await supervisor.readAllLogs(patterns, request);
  const opened = past.ok
    ? await streams.open({
        type: "text/event-stream",
        ping: ": ping\n\n",
        first: "retry: 1000\n\n",
        past: past.value.map((line) => message("line", line)),
        gap: gapMessage,
        async attach(to) {
          live.sendTo(to);
          return ok(stop);
        },
      })
    : past;
  if (opened.ok) return opened.value;
  stop();
  return opened;
}

/** The lines before the live ones. They are read at the pace of the client. */
class PastLines {
  readonly schedule: () => void;
  readonly #trail: LogStart["trail"];
  readonly #live: LiveLines;
  #left: number;
  /** The stream's outlet. Null if the past was sent or the stream has ended. */
  #outlet: Outlet | null = null;

  constructor({ past, trail }: Pick<LogStart, "past" | "trail">, live: LiveLines, soon: Streams["soon"]) {
    this.#left = past;
    this.#trail = trail;
    this.#live = live;
    this.schedule = scheduler(soon, () => this.#pump());
  }

  sendTo(outlet: Outlet): void {
    this.#outlet = outlet;
    if (this.#left === 0) this.#end(outlet);
  }

  stop(): void {
    this.#outlet = null;
    this.#trail.close();
  }

  #pump(): void {
    const outlet = this.#outlet;
    if (outlet === null || !outlet.isIdle()) return;
    const read = this.#trail.next();
    if (read === null || read === "over") return this.#end(outlet);
    const lines = read.gap ? [] : read.lines.slice(0, this.#left);
    this.#left -= lines.length;
    if (lines.length > 0) outlet.send(lines.map((line) => message("line", line)).join(""), lines.length);
    if (read.gap) outlet.send(gapMessage(this.#left), this.#left);
    if (read.gap || this.#left === 0) this.#end(outlet);
    else if (lines.length === 0) this.schedule();
  }

  #end(outlet: Outlet): void {
    this.stop();
    this.#live.sendTo(outlet);
  }
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

  /** Matches the waiting lines. A slow expression is matched in slices, each in its own turn of the event loop. */
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
