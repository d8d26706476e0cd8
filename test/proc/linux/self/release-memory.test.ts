import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { releaseStartupMemory } from "../../../../src/linux/self/release-memory.ts";

const fileMb = (): number => Number(/RssFile:\s+(\d+)/.exec(readFileSync("/proc/self/status", "latin1"))![1]) / 1024;

test("the pages of the executable are given back, and everything still runs afterwards", () => {
  const work = (n: number): string => JSON.stringify(Array.from({ length: n }, (_, i) => ({ i, text: `x${i}` }))).slice(-20);
  const result = work(1000);
  const before = fileMb();
  releaseStartupMemory();
  expect(fileMb()).toBeLessThan(before * 0.8);
  expect(work(1000)).toBe(result);
  expect(Bun.gzipSync(result).length).toBeGreaterThan(0);
});
