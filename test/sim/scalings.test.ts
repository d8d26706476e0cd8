import { expect, test } from "bun:test";
import { playScalings } from "./scalings.ts";

const seed = process.env.SUP_SIM_SEED;
const runs = Number(process.env.SUP_SIM_RUNS ?? 300);
const seeds = seed === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(seed)];

test(
  "services scale themselves within their rules, never during a rollout, and settle",
  () => {
    let changes = 0;
    for (const one of seeds) {
      try {
        changes += playScalings(one);
      } catch (error) {
        throw new Error(`seed ${one}: ${(error as Error).message}`);
      }
    }
    console.log(`sim: ${seeds.length} histories of automatic scaling: ${changes} changes`);
    if (seed === undefined) expect(changes).toBeGreaterThan(seeds.length);
  },
  { timeout: Math.max(30_000, runs * 100) },
);
