import { formatDuration } from "../../base/duration.ts";
import type { AlertCondition } from "../../core/alerts/alerts.ts";
import type { Draft } from "../../core/notifications/draft.ts";
import { parseEpisode, type Episode } from "../../core/notifications/episode.ts";
import { titleOf } from "../../core/notifications/message.ts";
import { CHANNEL_ALERT } from "../../core/notifications/routing.ts";
import type { World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Notifier } from "../../ports/notifier.ts";
import type { AlertStore } from "../../ports/store/alerts.ts";
import type { OutboxRow, OutboxStore } from "../../ports/store/outbox.ts";
import type { KeyValueStore } from "../../ports/store/settings.ts";
import type { TurnStore } from "../../ports/store/turns.ts";
import type { Settings } from "../../spec/schema/settings.ts";
import type { Engine } from "../engine/engine.ts";
import type { MessageRows, Recorder } from "../engine/recorder.ts";
import { ChannelQueue } from "./channel-queue.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { MessageMaker } from "./message-maker.ts";

export type NotifySettings = Pick<Settings, "notifications" | "pageUrl" | "heartbeat">;

export interface DispatcherOptions {
  readonly world: Pick<World, "get" | "entries">;
  readonly clock: Pick<Clock, "wallMs" | "monotonicMs" | "roll">;
  readonly store: OutboxStore & TurnStore & KeyValueStore & Pick<AlertStore, "alerts">;
  readonly engine: () => Pick<Engine, "handle" | "post">;
  readonly tell: Recorder["tell"];
  readonly notifier: Notifier;
  readonly maker: MessageMaker;
  readonly settings: NotifySettings;
}

/** The key of the stored time until which nothing is sent. */
const SILENCED = "notifications-silenced-until";

/** Maximum number of pending messages that are loaded at the start. The oldest are loaded first. */
const MOST_PENDING = 10_000;

/** Maximum delay of the daemon's exit by messages that are being sent. Messages without an answer are sent again by the next daemon. */
const SENDING_MS = 3000;

/** Stores messages, and sends them on their channels. Each channel has its own queue, so that channels do not delay each other. */
export class Dispatcher implements MessageRows {
  readonly #o: DispatcherOptions;
  readonly #queues = new Map<string, ChannelQueue>();
  readonly #heartbeat: Heartbeat;
  #settings: NotifySettings;
  #lastId: number;
  #isStarted = false;
  /** True if the world has received the settings of the channels. */
  #isConfigured = false;
  /** The types of the daemon's conditions at the last update, as JSON. */
  #known = "[]";

  constructor(options: DispatcherOptions) {
    this.#o = options;
    this.#settings = options.settings;
    this.#lastId = options.store.lastOutboxId;
    this.#heartbeat = new Heartbeat({ notifier: options.notifier, onChange: () => this.#observe() });
  }

  get maker(): MessageMaker {
    return this.#o.maker;
  }

  get settings(): NotifySettings {
    return this.#settings;
  }

  get queues(): ReadonlyMap<string, ChannelQueue> {
    return this.#queues;
  }

  /** Continues with the messages and episodes that an earlier daemon left. Called after that daemon's alerts were restored. */
  start(): void {
    this.#isStarted = true;
    const episodes = this.#o.store.memories("episode").flatMap(({ id, memory }) => parseEpisode(id, memory) ?? []);
    // Queue the stored messages before new ones about the same episodes.
    this.#makeQueues();
    for (const row of this.#o.store.outbox({ limit: MOST_PENDING, states: ["pending"] })) this.#queue(row);
    this.#apply(episodes);
  }

  /** Applies changed settings while the daemon runs. */
  configure(settings: NotifySettings): void {
    const isSame = JSON.stringify(settings) === JSON.stringify(this.#settings);
    this.#settings = settings;
    if (!isSame && this.#isStarted) this.#apply([]);
  }

  #apply(episodes: readonly Episode[]): void {
    const { store, engine, clock } = this.#o;
    const { notifications, heartbeat } = this.#settings;
    this.#makeQueues();
    const open = store.alerts(true).map(({ id, serviceId, alertType, severity, message, createdAt }) => ({
      ...{ id, unit: serviceId ?? "", type: alertType, severity, message },
      sinceMs: Date.parse(createdAt),
    }));
    if (Object.keys(notifications.channels).length > 0 || episodes.length > 0 || this.#isConfigured)
      engine().handle({
        type: "notifications",
        settings: notifications,
        open,
        stored: episodes,
        wallMs: clock.wallMs(),
        silencedUntilMs: this.silencedUntilMs,
      });
    this.#isConfigured = Object.keys(notifications.channels).length > 0;
    this.#heartbeat.configure(heartbeat);
    this.#observe();
  }

  #makeQueues(): void {
    const { channels } = this.#settings.notifications;
    for (const [name, queue] of this.#queues) if (!Object.hasOwn(channels, name)) this.#remove(name, queue);
    for (const [name, spec] of Object.entries(channels)) {
      const queue = this.#queues.get(name);
      if (queue === undefined) this.#queues.set(name, this.#makeQueue(spec));
      else queue.spec = spec;
    }
  }

  /** The end of the present silence (wall clock), or null without a silence. */
  get silencedUntilMs(): number | null {
    const untilMs = Number(this.#o.store.get(SILENCED) ?? 0);
    return untilMs > this.#o.clock.wallMs() ? untilMs : null;
  }

  /** Sends no message for `ms` milliseconds; 0 ends a silence. Problems that are still open at the end of the silence are reported then. */
  silence(ms: number): void {
    const { store, clock, tell } = this.#o;
    store.set(SILENCED, ms === 0 ? "0" : String(Math.ceil(clock.wallMs() + ms)));
    tell("notifications-silenced", ms === 0 ? "notifications are sent again" : `no notifications for ${formatDuration(ms)}`);
    this.#apply([]);
  }

  acknowledged(alerts: readonly number[]): void {
    this.#o.engine().post({ type: "acknowledged", alerts });
  }

  #makeQueue(spec: NotifySettings["notifications"]["channels"][string]): ChannelQueue {
    const { clock, notifier, tell } = this.#o;
    return new ChannelQueue(spec, {
      clock,
      notifier,
      save: (row) => this.#save(row),
      onGivenUp: ({ id, channel, title, lastError }) =>
        tell("notification-failed", `cannot notify ${channel}: ${lastError}; given up: ${title}`, null, { channel, notification: id }),
      onChange: () => this.#observe(),
    });
  }

  /** Gives up the messages of a channel that no longer exists. */
  #remove(name: string, queue: ChannelQueue): void {
    queue.close();
    this.#queues.delete(name);
    for (const row of this.#o.store.outbox({ limit: MOST_PENDING, states: ["pending"] })) if (row.channel === name) this.#queue(row);
  }

  /** Creates the rows of a turn's messages. The messages are sent after the turn was stored, by `accept`. */
  rowsOf(drafts: readonly Draft[], timestamp: string): OutboxRow[] {
    return drafts.map((draft) => {
      const id = ++this.#lastId;
      const message = this.#o.maker.make(draft, id);
      const times = { createdAt: timestamp, updatedAt: timestamp };
      return {
        id,
        channel: draft.channel,
        state: "pending",
        title: titleOf(message),
        message: JSON.stringify(message),
        ...times,
        attempts: 0,
        lastError: null,
        done: [],
      };
    });
  }

  accept(rows: readonly OutboxRow[]): void {
    for (const row of rows) this.#queue(row);
  }

  #queue(row: OutboxRow): void {
    const queue = this.#queues.get(row.channel);
    if (queue !== undefined) return queue.push(row);
    this.#save({
      ...row,
      state: "dropped",
      lastError: "the channel no longer exists",
      updatedAt: new Date(this.#o.clock.wallMs()).toISOString(),
    });
  }

  #save(row: OutboxRow): void {
    this.#o.store.record({ outbox: [row] });
  }

  /** Puts a message that was given up or dropped back into its queue. */
  requeue(row: OutboxRow): boolean {
    if (row.state === "pending" || row.state === "sent" || !this.#queues.has(row.channel)) return false;
    const nowIso = new Date(this.#o.clock.wallMs()).toISOString();
    // `max_age` counts from now on.
    const again: OutboxRow = { ...row, state: "pending", createdAt: nowIso, updatedAt: nowIso };
    this.#save(again);
    this.#queue(again);
    return true;
  }

  /** Reports failing channels as conditions of the daemon. These raise alerts, which are sent on the other channels. */
  #observe(): void {
    const conditions: AlertCondition[] = [];
    for (const [name, { trouble }] of this.#queues)
      if (trouble !== null)
        conditions.push({
          unit: "",
          type: CHANNEL_ALERT + name,
          severity: "warning",
          message: `notifications cannot be sent to ${name}: ${trouble}`,
        });
    const { trouble } = this.#heartbeat;
    if (trouble !== null) conditions.push({ unit: "", type: "heartbeat", severity: "warning", message: `the heartbeat fails: ${trouble}` });
    // Only the types are compared, because the text of a failure may change with each attempt, and an alert keeps its first text.
    const types = JSON.stringify(conditions.map(({ type }) => type));
    if (types === this.#known) return;
    this.#known = types;
    this.#o.engine().post({ type: "observed", source: "notifications", unit: "", conditions });
  }

  /** Returns notes for the operator: channels that fail, and names in unit files that are not names of channels. */
  notes(): string[] {
    const failing = [...this.#queues].flatMap(([name, { trouble }]) =>
      trouble === null ? [] : [`notifications cannot be sent to ${name}: ${trouble}`],
    );
    const { trouble } = this.#heartbeat;
    const unknown = [...this.#o.world.entries()].flatMap(([id, { spec }]) =>
      (spec.notify ?? [])
        .filter((name) => !this.#queues.has(name))
        .map((name) => `${id}: \`notify\` names the channel ${name}, which the settings do not have`),
    );
    return [...failing, ...(trouble === null ? [] : [`the heartbeat fails: ${trouble}`]), ...unknown];
  }

  /** Completes the messages that are being sent, but sends no others. Resolves after a few seconds at the latest. */
  async pause(): Promise<void> {
    for (const queue of this.#queues.values()) queue.pause();
    await this.#until(() => ![...this.#queues.values()].some((queue) => queue.isBusy));
  }

  resume(): void {
    for (const queue of this.#queues.values()) queue.resume();
  }

  /** Sends all messages that can be sent now. Resolves after a few seconds at the latest. */
  async drain(): Promise<void> {
    await this.#until(() => ![...this.#queues.values()].some((queue) => queue.isReady));
  }

  async #until(isDone: () => boolean): Promise<void> {
    const deadline = performance.now() + SENDING_MS;
    while (!isDone() && performance.now() < deadline) await Bun.sleep(20);
  }

  close(): void {
    this.#heartbeat.close();
    for (const queue of this.#queues.values()) queue.close();
  }
}
