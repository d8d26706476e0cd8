import { ok, type Result } from "../../../base/result.ts";
import type { LogLine } from "../../../ports/logs.ts";
import type { ApiError } from "../../contract/errors.ts";
import type { Outlet } from "../streams.ts";
import type { LogRequest, LogStart } from "../supervisor.ts";
import type { Answer, Context } from "./handler.ts";

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

/**
 * What is there, then each line as it comes, as JSON objects a line. The client reads at its own pace, and nothing is kept
 * for it: the next lines are read from the files when it has taken the last ones. Besides lines there are
 *
 *   {"gap": null}   lines are missing here: their file was deleted before the client came to it
 *   {"over": true}  the run that was asked for has ended, and this was all of it
 *   {"place": …}    to a client that wants places: where the log was read up to; `?after=` it goes on there, also of another
 *                   daemon. With the first one comes `resumed`, whether it does that, and `invocation`, the run it is about
 *
 * and empty lines that keep the connection.
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
  const opened = streams.open({
    type: "application/x-ndjson",
    // Whole, whatever the queue's limit.
    first: `\n${past.map(json).join("")}${places ? json(head) : ""}${lost ? json({ gap: null }) : ""}`,
    ping: "\n",
    ...pumpOf(trail, places),
  });
  if (opened.ok) return opened.value;
  trail.close();
  return opened;
}

/** Moves lines while the client takes them: one piece, then the others have their turn. */
function pumpOf(trail: LogStart["trail"], places: boolean): { drained(): void; attach(outlet: Outlet): Result<() => void, ApiError> } {
  let to: Outlet | null = null;
  let scheduled = false;
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
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
    attach(outlet) {
      to = outlet;
      const stop = trail.watch(pump);
      return ok(() => {
        to = null;
        stop();
        trail.close();
      });
    },
  };
}

/** Lines that wait while the past is looked for. */
const MOST_EARLY = 1000;

/**
 * The same for a page, as server-sent events `line` and `gap`: a page that is too slow leaves lines out and is told how
 * many, so that it shows what is now.
 */
export async function followLive(id: string, request: LogRequest, { supervisor, streams }: Context): Promise<Answer<"serviceLogs">> {
  const write = (kind: string, value: unknown): string => `event: ${kind}\ndata: ${JSON.stringify(value)}\n\n`;
  const wanted = (line: LogLine): boolean =>
    (request.stream === undefined || line.stream === request.stream) && (request.grep === undefined || request.grep.test(line.text));
  // What comes while the past is looked for waits; the past begins to be read in the turn in which these begin to come.
  let early: Array<readonly [text: string, weight: number]> = [];
  let tooMany = 0;
  const hold = (text: string, weight = 1): void => {
    if (early.length < MOST_EARLY) early.push([text, weight]);
    else tooMany += weight;
  };
  let outlet: Pick<Outlet, "send"> = { send: hold };
  const followed = supervisor.followLogs(id, {
    line: (line) => wanted(line) && outlet.send(write("line", line)),
    gap: (lines) => outlet.send(write("gap", { gap: lines }), lines),
  });
  if (!followed.ok) return followed;
  const past = await supervisor.readLogs(id, request);
  const opened = past.ok
    ? streams.open({
        type: "text/event-stream",
        ping: ": ping\n\n",
        first: `retry: 1000\n\n${past.value.map((line) => write("line", line)).join("")}`, // whole, whatever the queue's limit
        gap: (lost) => write("gap", { gap: lost }),
        attach(to) {
          for (const [text, weight] of early) to.send(text, weight);
          if (tooMany > 0) to.send(write("gap", { gap: tooMany }), tooMany);
          early = [];
          outlet = to;
          return followed;
        },
      })
    : past;
  if (opened.ok) return opened.value;
  followed.value();
  return opened;
}
