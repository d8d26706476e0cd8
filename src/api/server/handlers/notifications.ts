import { stripSuffix } from "../../../base/names.ts";
import { ok } from "../../../base/result.ts";
import type { Handler } from "./handler.ts";
import { resolveWhen } from "./when.ts";

export const notifications: Handler<"notifications"> = async ({ limit }, { supervisor }) => ok(await supervisor.notifications.list(limit));

export const notificationTest: Handler<"notificationTest"> = async ({ channel }, { supervisor }) =>
  supervisor.notifications.test(channel ?? null);

export const notificationRetry: Handler<"notificationRetry"> = async ({ ids, channels }, { supervisor }) => {
  const done = await supervisor.notifications.retry(ids, channels);
  return done.ok ? { ok: true, value: { retried: done.value } } : done;
};

export const notificationDrop: Handler<"notificationDrop"> = async ({ ids, channels }, { supervisor }) => {
  const done = await supervisor.notifications.drop(ids, channels);
  return done.ok ? { ok: true, value: { dropped: done.value } } : done;
};

export const notificationSilence: Handler<"notificationSilence"> = async ({ seconds }, { supervisor }) =>
  ok({ silenced_until: await supervisor.notifications.silence(seconds * 1000) });

export const notificationExplain: Handler<"notificationExplain"> = ({ unit, type }, { supervisor }) =>
  supervisor.notifications.explain(stripSuffix(unit), type);

export const notificationSimulate: Handler<"notificationSimulate"> = async ({ since }, { supervisor, nowMs }) => {
  const from = resolveWhen("since", since, nowMs);
  return from.ok ? ok(await supervisor.notifications.simulate(Math.max(0, from.value))) : from;
};
