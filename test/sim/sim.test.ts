import { expect, test } from "bun:test";
import { playHistory } from "./history.ts";

/**
 * Simulates three to eight units in an unreliable environment that later becomes reliable. A failure names its seed:
 * `SUP_SIM_SEED=n` plays only that history, `SUP_SIM_RUNS=n` changes their number.
 */
const seed = process.env.SUP_SIM_SEED;
const runs = Number(process.env.SUP_SIM_RUNS ?? 300);
const seeds = seed === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(seed)];

test(
  "histories obey the rules at every step and end as requested",
  () => {
    let events = 0;
    let launches = 0;
    let messages = 0;
    for (const one of seeds) {
      const played = playHistory(one);
      events += played.events;
      launches += played.launches;
      messages += played.messages;
    }
    console.log(`sim: ${seeds.length} histories, ${events} events, ${launches} launches, ${messages} messages`);
    expect(launches).toBeGreaterThan(seeds.length);
    if (seed === undefined) expect(messages).toBeGreaterThan(seeds.length);
  },
  { timeout: Math.max(30_000, runs * 100) },
);

test("the same seed plays the same history", () => {
  expect(playHistory(42)).toEqual(playHistory(42));
});
