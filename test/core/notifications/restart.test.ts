import { expect, test } from "bun:test";
import type { AlertChange } from "../../../src/core/alerts/alerts.ts";
import type { Draft } from "../../../src/core/notifications/draft.ts";
import { episodeText, parseEpisode, type KnownAlert } from "../../../src/core/notifications/episode.ts";
import { NotificationBook } from "../../../src/core/notifications/notification-book.ts";
import { Services } from "../../../src/core/service/services.ts";
import { emptyTurn } from "../../../src/core/world/types.ts";
import { MessageLedger } from "../../sim/messages.ts";
import { Random } from "../../sim/random.ts";
import { HOUR, MINUTE, rule, settings } from "./fixtures.ts";

const GIVEN = settings(
  [
    rule(["now"], { groupWaitMs: 0 }),
    rule(["soon"], { groupWaitMs: MINUTE, repeatAfterMs: 10 * MINUTE }),
    rule(["digest"], { digestMs: 20 * MINUTE }),
  ],
  { now: { rateLimit: { messages: 3, perMs: 5 * MINUTE } } },
);

/** Alerts come and go at random, and the daemon is killed at random moments, sometimes with a reboot: what was stored with a turn is all that is left. */
function play(seed: number): { drafts: number; restarts: number } {
  const random = new Random(seed);
  const around = { services: new Services(), get: () => undefined };
  const stored = new Map<string, string>();
  const open = new Map<number, KnownAlert>();
  const ledger = new MessageLedger();
  let [book, nowMs, wallMs, lastId, restarts] = [new NotificationBook(around), 0, 1_000_000_000_000, 0, 0];
  const after = (alerts: readonly AlertChange[], outbox: Draft[], episodes: ReadonlySet<string>): void => {
    for (const id of episodes) {
      const episode = book.get(id);
      if (episode === undefined) stored.delete(id);
      else stored.set(id, episodeText(episode));
    }
    const wrong = ledger.take({ ...emptyTurn(), alerts: [...alerts], outbox });
    if (wrong !== null) throw new Error(`seed ${seed}: ${wrong}`);
  };
  const configure = (): void => {
    const [outbox, episodes] = [[] as Draft[], new Set<string>()];
    const known = [...stored].flatMap(([id, text]) => parseEpisode(id, text) ?? []);
    book.configure(GIVEN, [...open.values()], known, { nowMs, wallMs }, { outbox, episodes });
    after([], outbox, episodes);
  };
  const conclude = (alerts: readonly AlertChange[]): void => {
    const [outbox, episodes] = [[] as Draft[], new Set<string>()];
    book.conclude(alerts, nowMs, () => wallMs, { outbox, episodes });
    after(alerts, outbox, episodes);
  };
  const pass = (ms: number): void => {
    const endMs = nowMs + ms;
    for (let dueMs = book.dueMs; dueMs !== null && dueMs <= endMs; dueMs = book.dueMs) {
      wallMs += Math.max(0, dueMs - nowMs);
      nowMs = Math.max(nowMs, dueMs);
      conclude([]);
    }
    wallMs += endMs - nowMs;
    nowMs = endMs;
  };
  const resolve = (id: number): AlertChange => {
    const { unit, type } = open.get(id)!;
    open.delete(id);
    return { kind: "resolved", id, unit, type };
  };
  configure();
  for (let step = 0; step < 60; step++) {
    pass(random.next() * 3 * MINUTE);
    const kind = random.below(10);
    if (kind === 0) {
      restarts++;
      book = new NotificationBook(around);
      if (random.chance(0.3)) nowMs = random.next() * MINUTE; // a reboot
      wallMs += random.next() * MINUTE;
      // Some alerts are resolved before the settings take effect.
      for (const id of [...open.keys()].filter(() => random.chance(0.2))) ledger.take({ ...emptyTurn(), alerts: [resolve(id)] });
      configure();
    } else if (kind <= 5) {
      const id = ++lastId;
      const alert = {
        id,
        unit: `u${random.below(4)}`,
        type: random.pick(["failing", "failed", "memory-limit"]),
        severity: "warning",
        message: "",
      } as const;
      if ([...open.values()].some(({ unit, type }) => unit === alert.unit && type === alert.type)) continue;
      open.set(id, { ...alert, sinceMs: wallMs });
      conclude([{ kind: "opened", id, condition: alert }]);
    } else if (open.size > 0) conclude([resolve([...open.keys()][random.below(open.size)]!)]);
  }
  conclude([...open.keys()].map(resolve));
  pass(3 * HOUR);
  const wrong = ledger.wrongAtRest({ episode: (id) => book.get(id) });
  if (wrong !== null) throw new Error(`seed ${seed}: ${wrong}`);
  expect([seed, [...stored.keys()], book.dueMs]).toEqual([seed, [], null]);
  return { drafts: ledger.count, restarts };
}

test("over crashes and reboots every problem has at most one beginning, and one end for each beginning", () => {
  const played = Array.from({ length: 500 }, (_, seed) => play(seed + 1));
  const sum = (of: "drafts" | "restarts"): number => played.reduce((all, one) => all + one[of], 0);
  expect(sum("restarts")).toBeGreaterThan(1000);
  expect(sum("drafts")).toBeGreaterThan(10_000);
});
