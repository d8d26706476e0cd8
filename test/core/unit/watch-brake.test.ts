import { expect, test } from "bun:test";
import {
  calmMs,
  changed,
  isOther,
  loopMessage,
  RELEASED,
  restartAt,
  restarted,
  type WatchBrake,
} from "../../../src/core/unit/watch-brake.ts";
import { Random } from "../../sim/random.ts";

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
  expect(loopMessage({ ...RELEASED, inARow: 4, lastMs: 0 }, "/srv/cache")).toBeNull();
  expect(loopMessage({ ...RELEASED, inARow: 5, lastMs: 0 }, "/srv/cache")).toMatch(
    /^\/srv\/cache changed after each of 5 restarts in a row: .*4s apart now.*watch\.ignore/,
  );
});

/** Plays changes and restarts. A change comes where `next` says, given the time of the last start. The delay of each restart after its change. */
function holds(
  next: (startedMs: number, n: number) => number,
  count: number,
  path = "/srv/cache/x",
): { readonly holds: number[]; readonly brake: WatchBrake } {
  let brake: WatchBrake = RELEASED;
  let startedMs = 0;
  const found: number[] = [];
  for (let n = 0; n < count; n++) {
    const nowMs = next(startedMs, n);
    brake = changed(brake, { path, nowMs, startedMs });
    const at = restartAt(brake, nowMs);
    brake = restarted(brake, at);
    found.push(at - nowMs);
    startedMs = at;
  }
  return { holds: found, brake };
}

test.each([10_500, 20_000, 30_000, 60_000])(
  "a unit that writes %p ms after each start is tested once, then its restarts wait longer and longer",
  (afterMs) => {
    const { holds: found, brake } = holds((startedMs, n) => startedMs + afterMs + (n % 3) * 200, 12);
    expect(found.slice(0, 4)).toEqual([0, 0, 0, 0]);
    expect(found[4]).toBeGreaterThanOrEqual(2500);
    expect(found[4]).toBeLessThan(afterMs / 3);
    for (let n = 5; n < 12; n++) expect(found[n]).toBeGreaterThanOrEqual(Math.min(300_000, 0.9 * afterMs * 2 ** (n - 5)));
    expect(loopMessage(brake, "/srv/cache/x")).toMatch(
      /^\/srv\/cache\/x changes about \d+\w* after each start, also when the restart was held back: .*watch\.ignore/,
    );
  },
);

test("somebody who saves every 20 s by a clock of his own waits once for a quarter of that, and never again", () => {
  let saveMs = 0;
  const { holds: found, brake } = holds(() => (saveMs += 20_000), 60);
  expect(found.filter((ms) => ms > 0)).toEqual([5000]);
  expect(loopMessage(brake, "/srv/cache/x")).toBeNull();
});

test("a person who saves about every 20 s never waits", () => {
  const random = new Random(7);
  let saveMs = 0;
  const { holds: found } = holds(() => (saveMs += 12_000 + random.below(16_000)), 1000);
  expect(found.filter((ms) => ms > 0)).toEqual([]);
});

test("changes in another directory, and while the unit is stopped, neither continue nor end the pattern of the first", () => {
  const { brake } = holds((startedMs) => startedMs + 20_000, 6);
  expect(loopMessage(brake, "")).not.toBeNull();
  expect(changed(brake, { path: "/srv/cache/y", nowMs: 1e6, startedMs: null })).toBe(brake);
  expect(isOther(brake, "/srv/cache/y")).toBe(false);
  expect(isOther(brake, "/srv/src/y")).toBe(true);
  const startedMs = brake.lastMs!;
  const after = changed(brake, { path: "/srv/src/y", nowMs: startedMs + 20_000, startedMs });
  expect(restartAt(after, startedMs + 20_000)).toBe(startedMs + 20_000);
  expect(loopMessage(after, "")).toBeNull();
});
