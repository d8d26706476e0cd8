import { expect, test } from "bun:test";
import { calmMs, loopMessage, RELEASED, restartAt, restarted, type WatchBrake } from "../../../src/core/unit/watch-brake.ts";

/** Delays of the restarts for changes that come `everyMs` after each restart, in milliseconds after the restart before. */
function delays(everyMs: number, count: number): number[] {
  let brake: WatchBrake = RELEASED;
  let nowMs = 0;
  const found: number[] = [];
  for (let n = 0; n < count; n++) {
    const before = brake.lastMs ?? 0;
    nowMs = restartAt(brake, nowMs + everyMs);
    brake = restarted(brake, nowMs);
    found.push(nowMs - before);
  }
  return found;
}

test("three restarts in a row are immediate, then each waits twice as long as the one before, a minute at most", () => {
  expect(delays(100, 12)).toEqual([100, 100, 100, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test("changes that are far apart are never delayed", () => {
  expect(delays(10_001, 20)).toEqual(Array.from({ length: 20 }, () => 10_001));
});

test("the row ends after ten seconds without a change, or after twice the delay", () => {
  let brake: WatchBrake = RELEASED;
  for (let n = 0; n < 9; n++) brake = restarted(brake, restartAt(brake, brake.lastMs ?? 0));
  expect(calmMs(brake)).toBe(120_000);
  const lastMs = brake.lastMs!;
  expect(restartAt(brake, lastMs + 120_000)).toBe(lastMs + 120_000);
  expect(restarted(brake, lastMs + 120_000).inARow).toBe(10);
  expect(restarted(brake, lastMs + 120_001).inARow).toBe(1);
  expect(calmMs(RELEASED)).toBe(10_000);
});

test("the fifth restart in a row is reported with the file and what to do", () => {
  expect(loopMessage({ inARow: 4, lastMs: 0 }, "/srv/cache")).toBeNull();
  expect(loopMessage({ inARow: 5, lastMs: 0 }, "/srv/cache")).toMatch(
    /^\/srv\/cache changed after each of 5 restarts in a row: .*4s apart now.*watch\.ignore/,
  );
});
