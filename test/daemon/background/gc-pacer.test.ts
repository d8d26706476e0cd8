import { expect, test } from "bun:test";
import { GcPacer } from "../../../src/daemon/background/gc-pacer.ts";

const MB = 1_000_000;
const EVERY_MS = 5000;

/** What it says to these sizes of the heap, with so much of a core used all the time. */
const looks = (heaps: readonly number[], use: number, everyMs = EVERY_MS): boolean[] => {
  const thrift = new GcPacer();
  return heaps.map((mb, n) => thrift.look({ nowMs: n * everyMs, heapBytes: mb * MB, cpuMs: n * everyMs * use }));
};

test("a heap that has grown by much is collected, one that stays as it is never", () => {
  expect(looks([20, 24, 31, 36], 0.9)).toEqual([false, false, false, true]);
  for (const use of [0, 0.9]) expect(looks(Array.from({ length: 1000 }, () => 20), use).includes(true)).toBe(false); // prettier-ignore
});

test("at rest a little is enough", () => {
  expect(looks([20, 23, 26, 26], 0.1)).toEqual([false, false, true, true]);
  expect(looks([20, 23, 26, 26], 0.3)).toEqual([false, false, false, false]);
});

test("what stays after collections is taken for what is alive, in time, however often it looks", () => {
  for (const everyMs of [1000, EVERY_MS]) {
    const inSeconds = (seconds: number): number => (seconds * 1000) / everyMs;
    const asked = looks(Array.from({ length: inSeconds(1000) }, (_, n) => (n === 0 ? 20 : 60)), 0.9, everyMs); // prettier-ignore
    expect(asked.slice(1, inSeconds(45))).not.toContain(false);
    expect(asked.slice(inSeconds(500))).not.toContain(true);
  }
});

test("collections take a hundredth of the time at most", () => {
  const thrift = new GcPacer();
  const look = (nowMs: number, mb: number): boolean => thrift.look({ nowMs, heapBytes: mb * MB, cpuMs: nowMs });
  look(0, 20);
  expect(look(5000, 90)).toBe(true);
  thrift.took(100, 5100);
  expect(look(10_000, 90)).toBe(false);
  expect(look(15_099, 90)).toBe(false);
  expect(look(15_100, 90)).toBe(true);
});
