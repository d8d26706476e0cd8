import { MAX_ROWS } from "../../api/contract/limits.ts";
import { EXIT, type ApiError } from "../../api/contract/errors.ts";
import type { Input } from "../../api/contract/contract.ts";
import type { Event } from "../../api/contract/shapes.ts";
import { foldEvents } from "../../api/contract/fold-events.ts";
import { stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context, Run } from "../context.ts";
import { resolveIds } from "../requests/resolve-ids.ts";
import { isPattern } from "../requests/select-services.ts";
import { eventColumns } from "../render/lines.ts";
import { parseTime } from "../parse/time.ts";
import { WHEN_HINT } from "./logs.ts";
import { styleOf } from "./status.ts";

type Query = Omit<Input<"events">, "service">;

const DEFAULT_LINES = 50;
const EVENTS_PER_LINE = 20;

export const run: Run = async (context) => {
  const query = queryOf(context);
  if (!query.ok) return context.fail(query.error);
  const ids = context.args.length === 0 ? ok(null) : await namesOf(context);
  if (!ids.ok) return context.fail(ids.error);
  if (context.options.follow) return follow(context, ids.value, query.value);
  const history = await read(context, ids.value, deepened(query.value, context));
  if (!history.ok) return context.fail(history.error);
  if (context.options.json) context.json(history.value);
  else {
    const shown = shownOf(history.value, query.value, context);
    for (const line of shown.map(eventColumns(shown, styleOf(context)))) context.out(line);
  }
  return EXIT.done;
};

const folds = ({ options }: Context): boolean => options.fold !== false && options.type === undefined && !options.json;

/** Returns the query for the events from which the wanted number of lines is made. A crash loop consists of many events. */
const deepened = (query: Query, context: Context): Query =>
  folds(context) ? { ...query, limit: Math.min((query.limit ?? DEFAULT_LINES) * EVENTS_PER_LINE, MAX_ROWS) } : query;

/** Folds crash loops, unless the user selected a type of events or wants to see each event. Returns the newest lines. */
function shownOf(events: readonly Event[], { limit = DEFAULT_LINES }: Query, context: Context): readonly Event[] {
  return folds(context) ? foldEvents(events, Date.parse).map(({ event }) => event).slice(-limit) : events; // prettier-ignore
}

/** Returns the ids of the units, and the given names, because a service has its own events. */
async function namesOf(context: Context): Promise<Result<readonly string[], ApiError>> {
  const ids = await resolveIds(context, context.args);
  const names = context.args.filter((arg) => !isPattern(arg)).map(stripSuffix);
  return ids.ok ? ok([...new Set([...names, ...ids.value])]) : ids;
}

function queryOf({ options, host }: Context): Result<Query, ApiError> {
  const since = options.since === undefined ? undefined : parseTime(options.since, host.now());
  if (options.since !== undefined && since === undefined) {
    return err({ code: "bad-request", message: `cannot read --since ${options.since} as a time`, hint: WHEN_HINT });
  }
  return ok({
    limit: options.lines ?? DEFAULT_LINES,
    ...(options.type !== undefined && { type: options.type }),
    ...(since !== undefined && { since: new Date(since).toISOString() }),
  });
}

/** Reads the latest events, oldest first. Merges the events of several units, and keeps the newest `limit` of them. */
async function read(context: Context, ids: readonly string[] | null, query: Query): Promise<Result<readonly Event[], ApiError>> {
  if (query.limit === 0) return ok([]);
  if (ids === null) return context.client.call("events", query);
  // The events of a service include those of its units, so an event may be received twice.
  const events = new Map<number, Event>();
  for (const service of ids) {
    const answer = await context.client.call("events", { ...query, service });
    if (!answer.ok) return answer;
    for (const event of answer.value) events.set(event.id, event);
  }
  return ok([...events.values()].sort((a, b) => a.id - b.id).slice(-(query.limit ?? DEFAULT_LINES)));
}

/** Prints the history and then each new event. Opens the stream before it reads the history, so that no event is missed in between. */
async function follow(context: Context, ids: readonly string[] | null, query: Query): Promise<number> {
  const wanted = (event: Event): boolean =>
    (ids === null || ids.includes(event.service_id ?? "")) && (query.type === undefined || event.event_type === query.type);
  let lineOf: ((event: Event) => string) | null = null;
  const print = (event: Event, known: readonly Event[] = [event]): void =>
    context.options.json ? context.json(event) : context.out((lineOf ??= eventColumns(known, styleOf(context)))(event));
  let startId: number | null = null;
  let lastId = 0;
  for await (const message of context.client.events()) {
    if (!message.ok) return context.fail(message.error);
    const { change } = message.value;
    if (startId === null || change.kind === "snapshot") {
      const known: number | null = startId === null ? null : Math.max(startId, lastId);
      startId ??= await newestId(context);
      const history = known === null ? await read(context, ids, deepened(query, context)) : await readAfter(context, ids, query, known);
      if (!history.ok) return context.fail(history.error);
      const shown = known === null ? shownOf(history.value, query, context) : history.value;
      for (const event of shown) print(event, shown);
      lastId = history.value.at(-1)?.id ?? lastId;
    }
    if (change.kind !== "event" || change.data.id <= lastId) continue;
    lastId = change.data.id;
    if (wanted(change.data)) print(change.data);
  }
  return EXIT.done;
}

/** Returns the id of the newest event of any unit and type, or 0 if there are no events. */
async function newestId({ client }: Context): Promise<number> {
  const newest = await client.call("events", { limit: 1 });
  return (newest.ok && newest.value.at(-1)?.id) || 0;
}

/**
 * Reads the events after `lastId`. The stream does not contain them if it was interrupted by a restart of the daemon, or
 * because this reader was too slow.
 */
async function readAfter(
  context: Context,
  ids: readonly string[] | null,
  query: Query,
  lastId: number,
): Promise<Result<readonly Event[], ApiError>> {
  for (let limit = 100; ; limit *= 10) {
    const events = await read(context, ids, { ...query, limit: Math.min(limit, MAX_ROWS) });
    if (!events.ok) return events;
    const [oldest] = events.value;
    if (limit >= MAX_ROWS || events.value.length < limit || oldest!.id <= lastId) return ok(events.value.filter(({ id }) => id > lastId));
  }
}
