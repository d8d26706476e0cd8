import { describe, expect, test } from "bun:test";
import { freshLimits, limitWords, sampleLimits, type LimitNews, type LimitState } from "../../../src/core/metrics/limits.ts";
import type { LimitSpec } from "../../../src/spec/spec.ts";

const SPEC: LimitSpec = { maxMemoryMb: 100, maxCpuPercent: null, maxTasks: null, sustained: 3, warnAt: 0.8, action: "warn" };

/** The level changes, as `over@3` for the third sample. */
function changes(values: readonly number[], spec: Partial<LimitSpec> = {}): string[] {
  let state: LimitState = freshLimits(1);
  return values.flatMap((memoryMb, index) => {
    const result = sampleLimits(state, { ...SPEC, ...spec }, { memoryMb, cpuPercent: null, tasks: 1 });
    ({ state } = result);
    return result.news.map(({ level }) => `${level}@${index + 1}`);
  });
}

describe("consecutive samples", () => {
  test.each<[string, number[], Partial<LimitSpec>, string[]]>([
    ["below the limit: no change", [10, 20, 79, 10], {}, []],
    ["the third sample over it is a breach, reported once", [101, 200, 150, 150, 150], {}, ["over@3"]],
    ["one sample below resets the count", [101, 101, 50, 101, 101, 50], {}, []],
    ["oscillation around the limit is `near`, not a breach", [101, 99, 101, 99, 99, 99, 99], {}, ["near@4"]],
    ["a value that passes the limit meanwhile is never called near", [90, 99, 101, 110, 120], {}, ["over@5"]],
    ["as many samples below end the breach", [101, 101, 101, 50, 50, 101, 50, 50, 50], {}, ["over@3", "ok@9"]],
    ["`near` begins at warn_at", [80, 80, 80, 80], {}, ["near@3"]],
    [
      "near, then over, then near again, then ok",
      [90, 90, 90, 101, 101, 101, 90, 90, 90, 1, 1, 1],
      {},
      ["near@3", "over@6", "near@9", "ok@12"],
    ],
    ["with sustained 1 every sample counts", [101, 50, 101], { sustained: 1 }, ["over@1", "ok@2", "over@3"]],
    ["a value equal to the limit is not over it", [100, 100, 100], { sustained: 1 }, ["near@1"]],
    ["with warn_at 1 only the limit itself is near", [99, 100], { sustained: 1, warnAt: 1 }, ["near@2"]],
    ["without a limit nothing changes", [1e9, 1e9, 1e9], { maxMemoryMb: null }, []],
  ])("%s", (_, values, spec, wanted) => {
    expect(changes(values, spec)).toEqual(wanted);
  });

  test("each limit is counted separately; an unknown CPU value is not counted", () => {
    const spec = { ...SPEC, maxCpuPercent: 50, maxTasks: 4, sustained: 2 };
    const over = { memoryMb: 200, cpuPercent: 60, tasks: 5 };
    let { state } = sampleLimits(freshLimits(1), spec, { ...over, cpuPercent: null });
    const second = sampleLimits(state, spec, over);
    expect(second.news.map(({ limit }) => limit)).toEqual(["memory", "tasks"]);
    ({ state } = second);
    expect(sampleLimits(state, spec, over).news.map(({ limit }) => limit)).toEqual(["cpu"]);
  });

  test("limits not in `only` stay unchanged", () => {
    const spec = { ...SPEC, maxTasks: 1, sustained: 1 };
    const { news } = sampleLimits(freshLimits(1), spec, { memoryMb: 200, cpuPercent: null, tasks: 9 }, ["tasks"]);
    expect(news.map(({ limit }) => limit)).toEqual(["tasks"]);
  });
});

test.each<[Omit<LimitNews, "value" | "max">, number, number, string]>([
  [{ limit: "memory", level: "over", was: "ok" }, 612.34, 512, "memory is over its limit: 612.3 MiB of 512 MiB"],
  [{ limit: "cpu", level: "near", was: "ok" }, 81, 100, "CPU is near its limit: 81 % of 100 %"],
  [{ limit: "tasks", level: "near", was: "over" }, 4, 4, "the number of tasks is back below its limit, but near it: 4 of 4"],
  [{ limit: "memory", level: "ok", was: "over" }, 1, 512, "memory is back to normal: 1 MiB of 512 MiB"],
])("%j as a sentence", (news, value, max, words) => {
  expect(limitWords({ ...news, value, max })).toBe(words);
});
