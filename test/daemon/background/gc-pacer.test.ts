import { expect, test } from "bun:test";
import { GcPacer } from "../../../src/daemon/background/gc-pacer.ts";

const MB = 1_000_000;
const EVERY_MS = 5000;

/** Whether a collection is due for each of these heap sizes, with a constant share of a core in use. */
const decisions = (heaps: readonly number[], use: number, everyMs = EVERY_MS): boolean[] => {
  const pacer = new GcPacer();
  return heaps.map((mb, n) => pacer.read({ nowMs: n * everyMs, heapBytes: mb * MB, cpuMs: n * everyMs * use }) === "collect");
};

test("a heap that has grown much is collected, a constant one never", () => {
  expect(decisions([20, 24, 31, 36], 0.9)).toEqual([false, false, false, true]);
  for (const use of [0, 0.9]) expect(decisions(Array.from({ length: 1000 }, () => 20), use).includes(true)).toBe(false); // prettier-ignore
});

test("while the daemon is idle, a little growth is enough", () => {
  expect(decisions([20, 20, 23, 26, 26], 0.1)).toEqual([false, false, false, true, true]);
  expect(decisions([20, 23, 26, 26], 0.3)).toEqual([false, false, false, false]);
});

test("memory that collections do not free counts as live after a while, whatever the interval of readings", () => {
  for (const everyMs of [1000, EVERY_MS]) {
    const inSeconds = (seconds: number): number => (seconds * 1000) / everyMs;
    const due = decisions(Array.from({ length: inSeconds(1000) }, (_, n) => (n === 0 ? 20 : 60)), 0.9, everyMs); // prettier-ignore
    expect(due.slice(1, inSeconds(45))).not.toContain(false);
    expect(due.slice(inSeconds(500))).not.toContain(true);
  }
});

test("collections take at most 1 % of the time", () => {
  const pacer = new GcPacer();
  const read = (nowMs: number, mb: number): boolean => pacer.read({ nowMs, heapBytes: mb * MB, cpuMs: nowMs }) === "collect";
  read(0, 20);
  expect(read(5000, 90)).toBe(true);
  pacer.collected(100, 5100);
  expect(read(10_000, 90)).toBe(false);
  expect(read(15_099, 90)).toBe(false);
  expect(read(15_100, 90)).toBe(true);
});

test("the daemon shrinks once, when it is idle after the start", () => {
  const pacer = new GcPacer();
  const [busy, idle] = [4500, 50]; // ms of CPU time in an interval
  let cpuMs = 0;
  const advice = [busy, busy, busy, idle, idle, busy, idle].map((used, n) =>
    pacer.read({ nowMs: n * EVERY_MS, heapBytes: 20 * MB, cpuMs: (cpuMs += used) }),
  );
  expect(advice).toEqual([null, null, null, "shrink", null, null, null]);
});
