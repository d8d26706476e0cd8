import { ok, type Result } from "../../../base/result.ts";
import type { LogLine } from "../../../ports/logs.ts";
import type { ApiError } from "../../contract/errors.ts";
import type { Outlet } from "../streams.ts";
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
    // In one piece: the queue's limit does not apply to existing lines.
    first: `\n${past.map(json).join("")}${places ? json(head) : ""}${lost ? json({ gap: null }) : ""}`,
    ping: "\n",
    ...pumpOf(trail, places),
  });
  if (opened.ok) return opened.value;
  trail.close();
  return opened;
}

/** Sends lines while the client reads them, one piece per turn of the event loop, so that other clients are served in between. */
function pumpOf(
  trail: LogStart["trail"],
  places: boolean,
): { drained(): void; attach(outlet: Outlet): Promise<Result<() => void, ApiError>> } {
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
    async attach(outlet) {
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

/** How many new lines are held back while the existing ones are read. */
const MAX_EARLY = 1000;

/**
 * The same for a page, as server-sent events `line` and `gap`. When the page is too slow, lines are dropped and their number
 * is reported, so that it always shows the present.
 */
export async function followLive(id: string, request: LogRequest, { supervisor, streams }: Context): Promise<Answer<"serviceLogs">> {
  const write = (kind: string, value: unknown): string => `event: ${kind}\ndata: ${JSON.stringify(value)}\n\n`;
  const wanted = (line: LogLine): boolean =>
    (request.stream === undefined || line.stream === request.stream) && (request.grep === undefined || request.grep.test(line.text));
  // New lines are held back while the existing ones are read. Both begin in the same turn of the event loop, so none is lost.
  let early: Array<readonly [text: string, weight: number]> = [];
  let tooMany = 0;
  const hold = (text: string, weight = 1): void => {
    if (early.length < MAX_EARLY) early.push([text, weight]);
    else tooMany += weight;
  };
  let outlet: Pick<Outlet, "send"> = { send: hold };
  const followed = await supervisor.followLogs(id, {
    line: (line) => wanted(line) && outlet.send(write("line", line)),
    gap: (lines) => outlet.send(write("gap", { gap: lines }), lines),
  });
  if (!followed.ok) return followed;
  const past = await supervisor.readLogs(id, request);
  const opened = past.ok
    ? await streams.open({
        type: "text/event-stream",
        ping: ": ping\n\n",
        first: `retry: 1000\n\n${past.value.map((line) => write("line", line)).join("")}`, // in one piece: the queue's limit does not apply
        gap: (lost) => write("gap", { gap: lost }),
        async attach(to) {
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
