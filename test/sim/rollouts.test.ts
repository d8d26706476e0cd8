import { expect, test } from "bun:test";
import { playRollouts } from "./rollouts.ts";

const seed = process.env.SUP_SIM_SEED;
const runs = Number(process.env.SUP_SIM_RUNS ?? 300);
const seeds = seed === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(seed)];

test(
  "rollouts obey their policy at every step, and every one ends",
  () => {
    const states = new Map<string, number>();
    for (const one of seeds) {
      let played;
      try {
        played = playRollouts(one);
      } catch (error) {
        throw new Error(`seed ${one}: ${(error as Error).message}`);
      }
      for (const state of played.states) states.set(state, (states.get(state) ?? 0) + 1);
    }
    console.log(`sim: ${seeds.length} histories of rollouts: ${[...states].map(([state, count]) => `${count} ${state}`).join(", ")}`);
    if (seed === undefined) expect([...states.keys()].toSorted()).toEqual(["cancelled", "done", "failed"]);
  },
  { timeout: Math.max(30_000, runs * 100) },
);
