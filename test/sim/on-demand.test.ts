import { expect, test } from "bun:test";
import { playOnDemand } from "./on-demand.ts";

const seed = process.env.SUP_SIM_SEED;
const runs = Number(process.env.SUP_SIM_RUNS ?? 300);
const seeds = seed === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(seed)];

test(
  "a connection always starts a sleeping service, only idle services sleep, and failures never loop",
  () => {
    let wakes = 0;
    for (const one of seeds) {
      try {
        wakes += playOnDemand(one);
      } catch (error) {
        throw new Error(`seed ${one}: ${(error as Error).message}`);
      }
    }
    console.log(`sim: ${seeds.length} histories of services on demand: ${wakes} starts by a connection`);
    if (seed === undefined) expect(wakes).toBeGreaterThan(seeds.length);
  },
  { timeout: Math.max(30_000, runs * 100) },
);
