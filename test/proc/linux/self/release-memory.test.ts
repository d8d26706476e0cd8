import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { releaseStartupMemory } from "../../../../src/linux/self/release-memory.ts";

const fileMb = (): number => Number(/RssFile:\s+(\d+)/.exec(readFileSync("/proc/self/status", "latin1"))![1]) / 1024;
const startMb = fileMb();

test("the pages of the executable are given back, and everything still runs afterwards", () => {
  const work = (n: number): string => JSON.stringify(Array.from({ length: n }, (_, i) => ({ i, text: `x${i}` }))).slice(-20);
  const result = work(1000);
  const before = fileMb();
  releaseStartupMemory();
  expect(fileMb()).toBeLessThan(before * 0.8);
  expect(work(1000)).toBe(result);
  expect(Bun.gzipSync(result).length).toBeGreaterThan(0);
});

const [major, minor] = release().split(".").map(Number) as [number, number];

test.skipIf(major < 6 || (major === 6 && minor < 7))(
  "afterwards, only pages that are used are mapped again, without their neighbours",
  () => {
    const inspect = (): number => Bun.inspect(Array.from({ length: 1000 }, (_, i) => ({ [`key${i}`]: new Date(i) }))).length;
    inspect();
    releaseStartupMemory();
    inspect();
    expect(fileMb()).toBeLessThan(startMb * 0.25);
  },
);
