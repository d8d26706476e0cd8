import { expect, test } from "bun:test";
import { errorLines } from "../../../src/core/explain/error-lines.ts";
import { figuresOf, type RunSample } from "../../../src/core/explain/run-figures.ts";

const sample = (second: number, memoryMb: number | null, more: Partial<RunSample> = {}): RunSample => ({
  ...{ atMs: second * 1000, cpuPercent: null, memoryMb, responseTimeMs: null },
  ...more,
});

test("figures of a run are means, and the slope of its memory", () => {
  const rows = Array.from({ length: 61 }, (_, n) => sample(n * 10, 100 + n, { cpuPercent: n % 2 === 0 ? 1 : 3 }));
  const figures = figuresOf([...rows, sample(620, null, { responseTimeMs: 5 }), sample(630, null, { responseTimeMs: 15 })]);
  expect(figures.memoryMb).toBe(130);
  expect(figures.memoryMbPerHour).toBeCloseTo(360, 5);
  expect(figures.cpuPercent).toBeCloseTo(1.98, 2);
  expect(figures.responseMs).toBe(10);
});

test("without measurements a figure is null, and a slope needs a minute", () => {
  expect(figuresOf([])).toEqual({ memoryMb: null, memoryMbPerHour: null, cpuPercent: null, responseMs: null });
  expect(figuresOf(Array.from({ length: 20 }, (_, n) => sample(n, n))).memoryMbPerHour).toBeNull();
});

test("lines about errors are recognised, and a search in a large log yields now and then", () => {
  const pattern = errorLines();
  for (const line of [
    "ERROR: x",
    "fatal: no table",
    "panic: y",
    "java.lang.NullPointerException",
    "Traceback (most recent call last):",
    "level=critical",
  ])
    expect(pattern.test(line)).toBe(true);
  expect(pattern.test("listening on :80")).toBe(false);
  const yields = Array.from({ length: 100 }, () => [...pattern.search("x".repeat(10_000))].length).reduce((sum, count) => sum + count, 0);
  expect(yields).toBe(4);
});
