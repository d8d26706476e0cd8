import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { systemClock } from "../../../../src/adapters/clock.ts";

const uptimeMs = (): number => Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]) * 1000;

test("the monotonic clock counts milliseconds since boot", () => {
  const before = uptimeMs();
  const now = systemClock().monotonicMs();
  expect(now).toBeGreaterThanOrEqual(before - 10);
  expect(now).toBeLessThanOrEqual(uptimeMs() + 10);
});

test("a wake happens once, not early, and a new one replaces the previous one", async () => {
  const clock = systemClock();
  const called: string[] = [];
  const { promise, resolve } = Promise.withResolvers<number>();
  const at = clock.monotonicMs() + 30;
  clock.wakeAt(clock.monotonicMs() + 5, () => called.push("replaced"));
  clock.wakeAt(at, () => {
    called.push("kept");
    resolve(clock.monotonicMs());
  });
  expect(await promise).toBeGreaterThanOrEqual(at);
  expect(called).toEqual(["kept"]);
});

test("a wake in the past happens soon, but not during the call; null cancels it", async () => {
  const clock = systemClock();
  let called = 0;
  clock.wakeAt(0, () => called++);
  expect(called).toBe(0);
  clock.wakeAt(null, () => {});
  await new Promise<void>((resolve) => clock.wakeAt(clock.monotonicMs() + 5, resolve));
  expect(called).toBe(0);
});
