import type { Point } from "../../src/core/trend.ts";

/** A small generator with a seed (mulberry32), so that a series can be made again. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** `count` points a minute apart: the value at each minute, and noise of that deviation. */
export function series(count: number, value: (minute: number) => number, noise = 0, seed = 1): Point[] {
  const random = randomOf(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: count }, (_, i) => ({ atMs: i * 60_000, value: value(i) + noise * normal() }));
}
