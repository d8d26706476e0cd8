import type { Point } from "../../../src/core/metrics/trend.ts";
import { randomOf } from "../../sim/random.ts";

/** `count` points a minute apart: the value at each minute, and noise of that deviation. */
export function series(count: number, value: (minute: number) => number, noise = 0, seed = 1): Point[] {
  const random = randomOf(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: count }, (_, i) => ({ atMs: i * 60_000, value: value(i) + noise * normal() }));
}
