import type { Turn, World } from "../../src/core/world/world.ts";
import { rule, settings } from "../core/notifications/fixtures.ts";

/** One channel that hears at once, one that collects, and one that collects everything. */
export const SIM_NOTIFICATIONS = settings(
  [rule(["now"], { groupWaitMs: 0 }), rule(["soon"], { groupWaitMs: 5000 }), rule(["digest"], { digestMs: 60_000 })],
  Object.fromEntries(["now", "soon", "digest"].map((name) => [name, { rateLimit: { messages: 1000, perMs: 1000 } }])),
);

/** What each channel was told about each episode: exactly one beginning and one end, in this order. */
export class MessageLedger {
  readonly #told = new Map<string, "begun" | "over">();
  /** Alerts that are open, by id. */
  readonly #open = new Set<number>();

  count = 0;

  /** Returns the first broken rule, or null. */
  take(turn: Turn): string | null {
    for (const change of turn.alerts) {
      if (change.kind === "opened") this.#open.add(change.id);
      else this.#open.delete(change.id);
    }
    for (const { channel, notices } of turn.outbox) {
      this.count++;
      for (const { episode, what, unit } of notices) {
        const key = `${channel} ${episode}`;
        const before = this.#told.get(key);
        const name = `${channel} hears "${what}" about ${unit} (${episode})`;
        if (what === "begin" || what === "past") {
          if (before !== undefined) return `${name}, which it heard of before`;
        } else if (before !== "begun") return `${name}, ${before === undefined ? "of whose beginning it never heard" : "which is over"}`;
        this.#told.set(key, what === "end" || what === "past" ? "over" : "begun");
      }
    }
    return null;
  }

  /** Nothing has happened for long: every end was told, and every problem that lasts, unless another unit explains it. */
  wrongAtRest(world: Pick<World, "episode">): string | null {
    for (const [key, state] of this.#told) {
      const [channel, episode] = key.split(" ") as [string, string];
      const known = world.episode(episode);
      if (state === "begun" && known === undefined) return `${channel} never hears of the end of ${episode}`;
      if (known !== undefined && known.endedMs !== null) return `${episode} is over and not forgotten`;
      if (known !== undefined && !known.alerts.some((alert) => this.#open.has(alert))) return `${episode} goes on without an alert`;
    }
    return null;
  }
}
