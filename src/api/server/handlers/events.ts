import { stripSuffix } from "../../../base/names.ts";
import { ok } from "../../../base/result.ts";
import type { StreamChange } from "../../contract/shapes.ts";
import type { Handler } from "./handler.ts";
import { resolveIso } from "./when.ts";

export const events: Handler<"events"> = async ({ limit, service, type, since }, { supervisor, nowMs }) => {
  const from = since === undefined ? null : resolveIso("since", since, nowMs);
  if (from && !from.ok) return from;
  return await supervisor.events({
    limit,
    ...(service === undefined ? {} : { service: stripSuffix(service) }),
    ...(type === undefined ? {} : { type }),
    ...(from ? { since: from.value } : {}),
  });
};

/** Streams changes as server-sent events (HTML standard §9.2). The field `retry` makes a client reconnect after a second. */
export const eventStream: Handler<"eventStream"> = async ({ last_event_id }, { supervisor, streams, lastEventId }) => {
  const lastId = isEventId(lastEventId) ? Number(lastEventId) : (last_event_id ?? null);
  const opened = await streams.open({
    type: "text/event-stream",
    first: "retry: 1000\n\n",
    ping: ": ping\n\n",
    attach: async (outlet) => ok(await supervisor.subscribe(lastId, (id, change) => outlet.send(encode(id, change)))),
  });
  return opened.ok ? opened.value : opened;
};

/** Returns true for a possible id of a change. These ids are safe integers of up to 16 digits. */
const isEventId = (text: string): boolean => /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text));

/** Caches the serialised form of each change, because all subscribers get identical text. */
const encoded = new WeakMap<StreamChange, { readonly id: number; readonly text: string }>();

function encode(id: number, change: StreamChange): string {
  const known = encoded.get(change);
  if (known?.id === id) return known.text;
  const text = `id: ${id}\nevent: ${change.kind}\ndata: ${JSON.stringify(change.data)}\n\n`;
  encoded.set(change, { id, text });
  return text;
}
