import { expect, test } from "bun:test";
import { GcPacer } from "../../../src/daemon/background/gc-pacer.ts";

const MB = 1_000_000;
const EVERY_MS = 5000;

/** The answers of a new pacer to these heap sizes, while the daemon uses this share of one core. */
const answers = (heaps: readonly number[], use: number, everyMs = EVERY_MS): boolean[] => {
  const pacer = new GcPacer();
  return heaps.map((mb, n) => pacer.look({ nowMs: n * everyMs, heapBytes: mb * MB, cpuMs: n * everyMs * use }));
};

test("a heap that has grown a lot is collected, a constant one never", () => {
  expect(answers([20, 24, 31, 36], 0.9)).toEqual([false, false, false, true]);
  for (const use of [0, 0.9]) expect(answers(Array.from({ length: 1000 }, () => 20), use).includes(true)).toBe(false); // prettier-ignore
});

test("an idle daemon collects after a smaller growth", () => {
  expect(answers([20, 23, 26, 26], 0.1)).toEqual([false, false, true, true]);
  expect(answers([20, 23, 26, 26], 0.3)).toEqual([false, false, false, false]);
});

test("memory that survives collections counts as live after a while, whatever the sampling interval", () => {
  for (const everyMs of [1000, EVERY_MS]) {
    const inSeconds = (seconds: number): number => (seconds * 1000) / everyMs;
    const collected = answers(Array.from({ length: inSeconds(1000) }, (_, n) => (n === 0 ? 20 : 60)), 0.9, everyMs); // prettier-ignore
    expect(collected.slice(1, inSeconds(45))).not.toContain(false);
    expect(collected.slice(inSeconds(500))).not.toContain(true);
  }
});

test("collections take at most 1 % of the time", () => {
  const pacer = new GcPacer();
  const look = (nowMs: number, mb: number): boolean => pacer.look({ nowMs, heapBytes: mb * MB, cpuMs: nowMs });
  look(0, 20);
  expect(look(5000, 90)).toBe(true);
  pacer.took(100, 5100);
  expect(look(10_000, 90)).toBe(false);
  expect(look(15_099, 90)).toBe(false);
  expect(look(15_100, 90)).toBe(true);
});
