import { expect, test } from "bun:test";
import { enforcementWords } from "../../../src/core/metrics/enforcement.ts";
import type { Limit } from "../../../src/core/metrics/limits.ts";
import type { LimitSpec } from "../../../src/spec/spec.ts";

const limits = (more: Partial<LimitSpec>): LimitSpec => ({
  maxMemoryMb: 100,
  maxCpuPercent: null,
  maxTasks: null,
  sustained: 2,
  warnAt: 0.8,
  action: "warn",
  ...more,
});

test("the description names each limit that is set and who enforces it", () => {
  const spec = limits({ maxCpuPercent: 150, maxTasks: 10, action: "enforce" });
  const words = enforcementWords(spec, (limit: Limit) => (limit === "cpu" ? null : "there are no cgroups"));
  expect(words.map((line) => line.split(":")[0])).toEqual(["Memory, at most 100 MiB", "CPU, at most 150 %", "Tasks, at most 10"]);
  expect(words[0]).toContain("there are no cgroups");
  expect(words[1]).toContain("cpu.max");
  expect(words[2]).toContain("there are no cgroups");
});

test.each([
  [1, "warn", "1 sample above this causes a warning"],
  [2, "warn", "2 consecutive samples above this cause a warning"],
  [1, "restart", "1 sample above this restarts the unit"],
  [2, "restart", "2 consecutive samples above this restart the unit"],
] as const)("%p sample(s) in a row, action %s: %s", (sustained, action, expected) => {
  expect(enforcementWords(limits({ sustained, action }), () => null)).toEqual([expect.stringContaining(expected)]);
});

test("enforced without the kernel, memory restarts the unit and the other limits only warn", () => {
  const spec = limits({ maxTasks: 10, action: "enforce", sustained: 3 });
  const [memory, tasks] = enforcementWords(spec, () => "there are no cgroups");
  expect(memory).toContain("checked every second");
  expect(tasks).toContain("3 consecutive samples above this cause a warning");
});
