import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import type { NotificationQueries } from "../../api/server/supervisor.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { SEVERITIES, type Severity } from "../../base/words.ts";
import { explainChannels } from "../../core/notifications/explanation.ts";
import { bodyOf, textOf, titleOf, type Message } from "../../core/notifications/message.ts";
import { simulate, type PastChange } from "../../core/notifications/simulation.ts";
import type { World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Notifier } from "../../ports/notifier.ts";
import type { EventHistory, EventRow } from "../../ports/store/events.ts";
import type { OutboxRow, OutboxStore } from "../../ports/store/outbox.ts";
import type { ChannelSpec } from "../../spec/notifications.ts";
import type { Dispatcher } from "./dispatcher.ts";

export interface QueryOptions {
  readonly world: World;
  readonly clock: Pick<Clock, "wallMs">;
  readonly store: EventHistory & OutboxStore;
  readonly notifier: Notifier;
  readonly dispatcher: Dispatcher;
  /** Finds a unit by its name. */
  readonly find: (name: string) => Result<string, ApiError>;
}

const MOST_EVENTS = 100_000;
const MOST_ROWS = 10_000;
const FIRST_LINES = 5;

/** The queries and actions of `sup notify` and of the page. */
export class Notifications implements NotificationQueries {
  readonly #o: QueryOptions;

  constructor(options: QueryOptions) {
    this.#o = options;
  }

  async list(limit: number): Promise<shape.Notifications> {
    const { dispatcher, store } = this.#o;
    const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
    const channels = [...dispatcher.queues].map(([name, queue]) => ({
      ...{ name, kind: kindOf(queue.spec), trouble: queue.trouble, last_error: queue.lastError, pending: queue.pending },
      ...{ sent: queue.counts.sent, failed: queue.counts.failed, last_sent_at: queue.lastSentAt, retry_at: iso(queue.retryAtMs) },
    }));
    return {
      channels,
      messages: limit === 0 ? [] : store.outbox({ limit }).map(rowShape),
      notes: dispatcher.notes(),
      silenced_until: iso(dispatcher.silencedUntilMs),
    };
  }

  /** Sends a test message at once, without the outbox. */
  async test(channel: string | null): Promise<Result<shape.NotificationTests, ApiError>> {
    const { dispatcher } = this.#o;
    const unknown = this.#unknownChannel(channel === null ? [] : [channel]);
    if (unknown !== null) return err(unknown);
    const names = channel === null ? [...dispatcher.queues.keys()] : [channel];
    if (names.length === 0)
      return err({
        code: "conflict",
        message: "there are no channels",
        hint: "add `notifications` to sup.json; see docs/notifications.md",
      });
    return ok(await Promise.all(names.map((name) => this.#testOne(name))));
  }

  async #testOne(name: string): Promise<shape.NotificationTests[number]> {
    const queue = this.#o.dispatcher.queues.get(name)!;
    const signal = AbortSignal.timeout(queue.spec.timeoutMs);
    const result = await this.#o.notifier.send({
      channel: queue.spec,
      message: this.#testMessage(name),
      done: [],
      onPart: () => {},
      signal,
    });
    queue.tested(result);
    return { channel: name, ok: result.ok, detail: result.detail };
  }

  #testMessage(channel: string): Message {
    const { dispatcher, clock } = this.#o;
    const nowMs = clock.wallMs();
    const notice = { unit: "", type: "test", severity: "info", sinceMs: nowMs, endedMs: null, ending: null, affected: [] } as const;
    const message = `a test of the channel ${channel}, sent by sup notify test`;
    const made = dispatcher.maker.make(
      { channel, notices: [{ ...notice, what: "begin", episode: `test-${Math.floor(nowMs).toString(36)}`, message }] },
      0,
    );
    return { ...made, key: `test-${Math.floor(nowMs).toString(36)}`, notices: made.notices.map((one) => ({ ...one, what: "test" })) };
  }

  async retry(ids: readonly number[], channels: readonly string[]): Promise<Result<number, ApiError>> {
    const { dispatcher } = this.#o;
    const rows = this.#select(ids, channels, ["pending", "failed", "dropped"]);
    if (!rows.ok) return rows;
    const again = rows.value.filter((row) => row.state !== "pending" && (ids.includes(row.id) || row.state === "failed"));
    for (const row of again) dispatcher.requeue(row);
    for (const name of new Set(rows.value.map(({ channel }) => channel))) dispatcher.queues.get(name)?.retry();
    return ok(rows.value.filter((row) => row.state === "pending").length + again.length);
  }

  async silence(ms: number): Promise<string | null> {
    this.#o.dispatcher.silence(ms);
    const untilMs = this.#o.dispatcher.silencedUntilMs;
    return untilMs === null ? null : new Date(untilMs).toISOString();
  }

  async drop(ids: readonly number[], channels: readonly string[]): Promise<Result<number, ApiError>> {
    const rows = this.#select(ids, channels, ["pending"]);
    if (!rows.ok) return rows;
    return ok(rows.value.filter(({ id, channel }) => this.#o.dispatcher.queues.get(channel)?.drop(id)).length);
  }

  #select(ids: readonly number[], channels: readonly string[], states: readonly OutboxRow["state"][]): Result<OutboxRow[], ApiError> {
    const unknown = this.#unknownChannel(channels);
    if (unknown !== null) return err(unknown);
    const rows = this.#o.store.outbox({ limit: MOST_ROWS, states });
    const missing = ids.find((id) => !rows.some((row) => row.id === id));
    if (missing !== undefined)
      return err({
        code: "not-found",
        message: `there is no message ${missing} that is ${states.join(" or ")}`,
        hint: "`sup notify list` shows the messages",
      });
    const isAll = ids.length === 0 && channels.length === 0;
    return ok(rows.filter((row) => isAll || ids.includes(row.id) || channels.includes(row.channel)));
  }

  #unknownChannel(names: readonly string[]): ApiError | null {
    const { queues } = this.#o.dispatcher;
    const unknown = names.find((name) => !queues.has(name));
    if (unknown === undefined) return null;
    return {
      code: "not-found",
      message: `there is no channel ${unknown}`,
      hint: `the settings have ${[...queues.keys()].join(", ") || "none"}`,
    };
  }

  async explain(name: string, type: string): Promise<Result<shape.NotificationExplanation, ApiError>> {
    const { world, clock, dispatcher, find } = this.#o;
    const unit = find(name);
    if (!unit.ok) return unit;
    const { spec } = world.get(unit.value)!;
    const severity: Severity = spec.critical ? "critical" : "warning";
    const nowMs = clock.wallMs();
    const channels = explainChannels(dispatcher.settings.notifications, { unit: unit.value, type, severity, spec }, nowMs);
    const notice = { episode: "0", what: "begin", unit: unit.value, type, severity, message: "(the cause)", sinceMs: nowMs } as const;
    const message = dispatcher.maker.make({ channel: "", notices: [{ ...notice, endedMs: null, ending: null, affected: [] }] }, 0);
    return ok({
      unit: unit.value,
      alert_type: type,
      severity,
      channels: channels.map((one) => ({ ...one })),
      title: titleOf(message),
      text: bodyOf(message).join("\n"),
    });
  }

  async simulate(sinceMs: number): Promise<shape.NotificationSimulation> {
    const { world, clock, store, dispatcher } = this.#o;
    const since = new Date(sinceMs).toISOString();
    const history = store
      .events({ limit: MOST_EVENTS, types: ["alert-opened", "alert-resolved"], since })
      .flatMap((row) => changeOf(row) ?? []);
    const { notifications } = dispatcher.settings;
    const around = { services: world.serviceLookup, specOf: (id: string) => world.get(id)?.spec };
    const sent = simulate(notifications, history, around, { fromMs: sinceMs, toMs: clock.wallMs() });
    const channels = Object.keys(notifications.channels).map((channel) => {
      const own = sent.filter(({ draft }) => draft.channel === channel);
      const first = own
        .slice(0, FIRST_LINES)
        .map(({ atMs, draft }) => ({ at: new Date(atMs).toISOString(), title: titleOf(dispatcher.maker.make(draft, 0, atMs)) }));
      return { channel, messages: own.length, first };
    });
    return { since, alerts: history.filter(({ change }) => change.kind === "opened").length, channels };
  }
}

const kindOf = (spec: ChannelSpec): string => (spec.type === "webhook" ? spec.preset : spec.type);

const rowShape = ({ id, channel, state, title, message, createdAt, updatedAt, attempts, lastError }: OutboxRow): shape.Notification => ({
  ...{ id, channel, state, title, text: textOfRow(message), created_at: createdAt, updated_at: updatedAt, attempts, last_error: lastError },
});

function textOfRow(json: string): string {
  try {
    return textOf(JSON.parse(json) as Message);
  } catch {
    return ""; // damaged
  }
}

/** Returns the alert of an event in the history, or null if an older version wrote the event. */
function changeOf({ serviceId, type, timestamp, message, details }: EventRow): PastChange | null {
  const { alert, alert_type: alertType, severity } = details;
  if (typeof alert !== "number" || typeof alertType !== "string") return null;
  const unit = serviceId ?? "";
  const atMs = Date.parse(timestamp);
  if (type === "alert-resolved") return { atMs, change: { kind: "resolved", id: alert, unit, type: alertType } };
  const known = SEVERITIES.find((one) => one === severity) ?? "warning";
  const condition = { unit, type: alertType, severity: known, message: message.replace(/^\w+: /, "") };
  return { atMs, change: { kind: "opened", id: alert, condition } };
}
