import { expect, test } from "bun:test";
import { playHistory } from "./history.ts";

/**
 * Whole lives of three to eight units under an outside that does everything wrong it can, then one that behaves. A
 * failure names its seed: `SUP_SIM_SEED=n` plays that history alone, `SUP_SIM_RUNS=n` plays more of them.
 */
const seed = process.env.SUP_SIM_SEED;
const runs = Number(process.env.SUP_SIM_RUNS ?? 300);
const seeds = seed === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(seed)];

test(
  "histories keep the rules at every step, and end as they were asked to",
  () => {
    let events = 0;
    let launches = 0;
    for (const one of seeds) {
      const told = playHistory(one);
      events += told.events;
      launches += told.launches;
    }
    console.log(`sim: ${seeds.length} histories, ${events} events, ${launches} launches`);
    expect(launches).toBeGreaterThan(seeds.length);
  },
  { timeout: Math.max(30_000, runs * 100) },
);

test("the same seed plays the same history", () => {
  expect(playHistory(42)).toEqual(playHistory(42));
});
