import { describe, expect, test } from "bun:test";
import { freshLimits, limitWords, sampleLimits, type LimitNews, type LimitState } from "../../../src/core/metrics/limits.ts";
import type { LimitSpec } from "../../../src/spec/spec.ts";

const SPEC: LimitSpec = { maxMemoryMb: 100, maxCpuPercent: null, maxTasks: null, sustained: 3, warnAt: 0.8, action: "warn" };

/** The levels told, as `over@3` for the third sample. */
function told(values: readonly number[], spec: Partial<LimitSpec> = {}): string[] {
  let state: LimitState = freshLimits(1);
  return values.flatMap((memoryMb, index) => {
    const result = sampleLimits(state, { ...SPEC, ...spec }, { memoryMb, cpuPercent: null, tasks: 1 });
    ({ state } = result);
    return result.news.map(({ level }) => `${level}@${index + 1}`);
  });
}

describe("samples in a row", () => {
  test.each<[string, number[], Partial<LimitSpec>, string[]]>([
    ["under it: nothing", [10, 20, 79, 10], {}, []],
    ["the third over it is a breach, told once", [101, 200, 150, 150, 150], {}, ["over@3"]],
    ["one below begins the count anew", [101, 101, 50, 101, 101, 50], {}, []],
    ["up and down around the limit is no breach, only near", [101, 99, 101, 99, 99, 99, 99], {}, ["near@3"]],
    ["as many below end it", [101, 101, 101, 50, 50, 101, 50, 50, 50], {}, ["over@3", "ok@9"]],
    ["near is told from warn_at on", [80, 80, 80, 80], {}, ["near@3"]],
    [
      "near, then over, then near again, then well",
      [90, 90, 90, 101, 101, 101, 90, 90, 90, 1, 1, 1],
      {},
      ["near@3", "over@6", "near@9", "ok@12"],
    ],
    ["sustained 1 is at once", [101, 50, 101], { sustained: 1 }, ["over@1", "ok@2", "over@3"]],
    ["exactly the limit is not over it", [100, 100, 100], { sustained: 1 }, ["near@1"]],
    ["warn_at 1 is near at the limit only", [99, 100], { sustained: 1, warnAt: 1 }, ["near@2"]],
    ["no limit, no news", [1e9, 1e9, 1e9], { maxMemoryMb: null }, []],
  ])("%s", (_, values, spec, wanted) => {
    expect(told(values, spec)).toEqual(wanted);
  });

  test("each limit for itself; a CPU that is not known yet counts for nothing", () => {
    const spec = { ...SPEC, maxCpuPercent: 50, maxTasks: 4, sustained: 2 };
    const over = { memoryMb: 200, cpuPercent: 60, tasks: 5 };
    let { state } = sampleLimits(freshLimits(1), spec, { ...over, cpuPercent: null });
    const second = sampleLimits(state, spec, over);
    expect(second.news.map(({ limit }) => limit)).toEqual(["memory", "tasks"]);
    ({ state } = second);
    expect(sampleLimits(state, spec, over).news.map(({ limit }) => limit)).toEqual(["cpu"]);
  });

  test("`only` leaves the others as they were", () => {
    const spec = { ...SPEC, maxTasks: 1, sustained: 1 };
    const { news } = sampleLimits(freshLimits(1), spec, { memoryMb: 200, cpuPercent: null, tasks: 9 }, ["tasks"]);
    expect(news.map(({ limit }) => limit)).toEqual(["tasks"]);
  });
});

test.each<[Omit<LimitNews, "value" | "max">, number, number, string]>([
  [{ limit: "memory", level: "over", was: "ok" }, 612.34, 512, "memory is over its limit: 612.3 MiB of 512 MiB"],
  [{ limit: "cpu", level: "near", was: "ok" }, 81, 100, "CPU is near its limit: 81 % of 100 %"],
  [{ limit: "tasks", level: "near", was: "over" }, 4, 4, "the number of tasks is only near its limit again: 4 of 4"],
  [{ limit: "memory", level: "ok", was: "over" }, 1, 512, "memory is well below its limit again: 1 MiB of 512 MiB"],
])("%j in words", (news, value, max, words) => {
  expect(limitWords({ ...news, value, max })).toBe(words);
});
