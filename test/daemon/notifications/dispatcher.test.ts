import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Draft } from "../../../src/core/notifications/draft.ts";
import type { Message } from "../../../src/core/notifications/message.ts";
import type { WorldEvent } from "../../../src/core/world/world.ts";
import { Dispatcher, type NotifySettings } from "../../../src/daemon/notifications/dispatcher.ts";
import type { SendResult } from "../../../src/ports/notifier.ts";
import { rule, settings } from "../../core/notifications/fixtures.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";
import { mustOpen } from "../../proc/store/rows.ts";

const draft = (channel: string, unit: string, what: "begin" | "end", episode = "1"): Draft => ({
  channel,
  notices: [
    { episode, what, unit, type: "failed", severity: "warning", message: "m", sinceMs: 0, endedMs: null, ending: null, affected: [] },
  ],
});

/** Dispatchers of daemons that run one after the other on one database. */
function scene() {
  const dir = tempDir();
  const sent: string[] = [];
  const events: WorldEvent[] = [];
  const told: string[] = [];
  const answers: SendResult[] = [];
  let open: ReturnType<typeof mustOpen> | null = null;
  return {
    ...{ sent, events, told, answers },
    daemon(given: Partial<NotifySettings> = {}, onHandle: (dispatcher: Dispatcher) => void = () => {}) {
      open?.close();
      const store = (open = mustOpen(join(dir.path, "sup.db")));
      const dispatcher: Dispatcher = new Dispatcher({
        world: { get: () => undefined, entries: () => new Map([["web", { spec: { notify: ["ops", "nobody"] } }]]).entries() } as never,
        clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now(), roll: () => 0.5 },
        store,
        engine: () => ({
          handle: (event: WorldEvent) => {
            events.push(event);
            onHandle(dispatcher);
          },
          post: (event: WorldEvent) => void events.push(event),
        }),
        tell: (type, message) => void told.push(`${type}: ${message}`),
        notifier: {
          async send({ channel, message }) {
            sent.push(`${channel.name} ${message.notices.map(({ what, unit }) => `${what} ${unit}`).join(", ")}`);
            return answers.shift() ?? { ok: true, detail: "" };
          },
          beat: async () => ({ ok: true, detail: "" }),
        },
        maker: {
          make: (one: Draft, id: number) =>
            ({ key: String(id), host: "h", at: "", page: null, notices: one.notices }) as unknown as Message,
        } as never,
        settings: { notifications: settings([rule(["ops"])]), pageUrl: null, heartbeat: null, ...given },
      });
      return { store, dispatcher };
    },
    [Symbol.dispose]() {
      open?.close();
      dir[Symbol.dispose]();
    },
  };
}

const store = ({ store: to, dispatcher }: ReturnType<ReturnType<typeof scene>["daemon"]>, ...drafts: Draft[]) => {
  const rows = dispatcher.rowsOf(drafts, new Date().toISOString());
  to.record({ outbox: rows });
  return rows;
};

test("the next daemon sends what was pending before what is new", async () => {
  using at = scene();
  store(at.daemon(), draft("ops", "web", "begin"));
  const second = at.daemon({}, (dispatcher) => dispatcher.accept(store({ store: second.store, dispatcher }, draft("ops", "web", "end"))));
  second.dispatcher.start();
  await until(() => at.sent.length === 2, { what: "both messages" });
  expect(at.sent).toEqual(["ops begin web", "ops end web"]);
  expect(second.store.outbox({ limit: 9 }).map(({ id, state }) => `${id} ${state}`)).toEqual(["1 sent", "2 sent"]);
  second.dispatcher.close();
});

test("episodes of the earlier daemon and open alerts reach the world; without channels and episodes nothing does", () => {
  using at = scene();
  const first = at.daemon({ notifications: { channels: {}, rules: [] } });
  first.dispatcher.start();
  expect(at.events).toEqual([]);
  const episode = { id: "1-a", unit: "web", alerts: [1] };
  first.store.record({
    memories: [{ kind: "episode", id: "1-a", memory: JSON.stringify({ version: 1, episode }) }],
    alerts: [
      {
        kind: "opened",
        alert: { id: 1, serviceId: "web", severity: "critical", alertType: "failed", message: "m", createdAt: "2026-05-01T00:00:00.000Z" },
      },
    ],
  });
  const second = at.daemon();
  second.dispatcher.start();
  expect(at.events).toMatchObject([
    {
      type: "notifications",
      stored: [episode],
      open: [{ id: 1, unit: "web", severity: "critical", sinceMs: Date.parse("2026-05-01T00:00:00.000Z") }],
    },
  ]);
  second.dispatcher.close();
});

test("the pending messages of a channel that was removed are dropped", () => {
  using at = scene();
  const daemon = at.daemon({ notifications: settings([rule(["ops", "old"])]) });
  daemon.dispatcher.start();
  daemon.dispatcher.queues.get("old")!.pause();
  daemon.dispatcher.accept(store(daemon, draft("old", "web", "begin")));
  daemon.dispatcher.configure({ notifications: settings([rule(["ops"])]), pageUrl: null, heartbeat: null });
  expect(daemon.store.outbox({ limit: 9 })).toMatchObject([{ state: "dropped", lastError: "the channel no longer exists" }]);
  expect(at.events.at(-1)).toMatchObject({ type: "notifications", settings: { channels: { ops: {} } } });
  daemon.dispatcher.close();
});

test("a failing channel becomes a condition of the daemon, once, and a note; so does a name that no channel has", async () => {
  using at = scene();
  const daemon = at.daemon();
  daemon.dispatcher.start();
  at.answers.push(...Array.from({ length: 2 }, () => ({ ok: false, kind: "permanent", detail: "HTTP 404", retryAfterMs: null }) as const));
  daemon.dispatcher.accept(store(daemon, draft("ops", "web", "begin", "1"), draft("ops", "api", "begin", "2")));
  await until(() => at.told.length === 2, { what: "both to be given up" });
  expect(at.told[0]).toBe("notification-failed: cannot notify ops: HTTP 404; given up: web on h: failed since undefined");
  expect(at.events.filter(({ type }) => type === "observed")).toMatchObject([
    { source: "notifications", conditions: [{ type: "channel-ops", unit: "" }] },
  ]);
  expect(daemon.dispatcher.notes()).toEqual([
    "notifications cannot be sent to ops: HTTP 404",
    "web: `notify` names the channel nobody, which the settings do not have",
  ]);
  daemon.dispatcher.close();
});

test("a silence is remembered by the next daemon", () => {
  using at = scene();
  const first = at.daemon();
  first.dispatcher.start();
  first.dispatcher.silence(3_600_000);
  const second = at.daemon();
  second.dispatcher.start();
  expect(at.events.at(-1)).toMatchObject({ silencedUntilMs: expect.any(Number) });
  expect(second.dispatcher.silencedUntilMs! - Date.now()).toBeGreaterThan(3_500_000);
  second.dispatcher.silence(0);
  expect(second.dispatcher.silencedUntilMs).toBeNull();
  expect(at.told).toEqual(["notifications-silenced: no notifications for 1h", "notifications-silenced: notifications are sent again"]);
  for (const { dispatcher } of [first, second]) dispatcher.close();
});
