import { describe, expect, test } from "bun:test";
import type { Measurement } from "../../../src/core/world/types.ts";
import type { LimitSpec } from "../../../src/spec/spec.ts";
import { staged, type Stage } from "./stage.ts";

const limits = (more: Partial<LimitSpec> = {}): LimitSpec => ({
  maxMemoryMb: 100,
  maxCpuPercent: null,
  maxTasks: null,
  sustained: 2,
  warnAt: 0.8,
  action: "warn",
  ...more,
});

const scene = (more: Partial<LimitSpec> = {}): Stage => staged({ web: { limits: limits(more) } }).start("web");

/** One sample of the memory of web; what it led to, as `type: message` of the history. */
function sample(stage: Stage, memoryMb: number, more: Partial<Measurement> = {}): string[] {
  const measurement = { run: stage.unit("web").run, sample: { memoryMb, cpuPercent: null, tasks: 1 }, unenforced: () => null, ...more };
  const turn = stage.handle({ type: "measured", samples: new Map([["web", measurement]]) });
  stage.post({ type: "tick" }); // and all that follows
  return turn.effects.flatMap((effect) => (effect.type === "record" ? [`${effect.event.type}: ${effect.event.message}`] : []));
}

describe("samples", () => {
  test("over a limit are a breach after so many in a row, which is reported once", () => {
    const stage = scene();
    expect(sample(stage, 101)).toEqual([]);
    expect(sample(stage, 102)).toEqual(["limit-exceeded: memory is over its limit: 102 MiB of 100 MiB"]);
    expect(sample(stage, 103)).toEqual([]);
    expect(stage.phase("web")).toBe("running");
  });

  test("change the unit for subscribers only when it begins or ceases to exceed a limit", () => {
    const stage = scene();
    const isChanged = (memoryMb: number): boolean => {
      const measurement = { run: 1, sample: { memoryMb, cpuPercent: null, tasks: 1 }, unenforced: () => null };
      return stage.handle({ type: "measured", samples: new Map([["web", measurement]]) }).changed.has("web");
    };
    expect([101, 102, 103, 50, 50, 50].map(isChanged)).toEqual([false, true, false, false, true, false]);
  });

  test("of an earlier run count for nothing", () => {
    const stage = scene();
    sample(stage, 101);
    stage.restart("web");
    expect(sample(stage, 102, { run: 1 })).toEqual([]);
    expect(stage.world.get("web")!.limits).toMatchObject({ run: 1 });
    expect(sample(stage, 102)).toEqual([]);
    expect(stage.world.get("web")!.limits).toMatchObject({ run: 2 });
  });

  test("restart the unit where it says so, and that uses up a retry", () => {
    const stage = scene({ action: "restart", sustained: 1 });
    expect(sample(stage, 150)[0]).toBe("limit-exceeded: memory is over its limit: 150 MiB of 100 MiB; restarting the unit");
    expect(stage.unit("web")).toMatchObject({ phase: "backoff", reason: "resources", ledger: { retries: 1 } });
  });

  test("with action enforce restart it only for memory that the kernel does not limit", () => {
    const held = scene({ action: "enforce", sustained: 1 });
    sample(held, 150);
    expect(held.phase("web")).toBe("running");
    const free = scene({ action: "enforce", sustained: 3 });
    sample(free, 150, { sustained: 1, unenforced: () => "there is no cgroup" });
    expect(free.phase("web")).toBe("backoff");
  });

  test("raise an alert in the same turn, which is resolved when the run ends and a calm has passed", () => {
    const stage = scene({ sustained: 1 });
    stage.post({ type: "resumed", open: [], lastId: 7 });
    sample(stage, 150);
    expect(stage.alerts).toMatchObject([{ kind: "opened", id: 8, condition: { unit: "web", type: "memory-limit" } }]);
    sample(stage, 10);
    stage.pass(60_000);
    expect(stage.alerts).toMatchObject([{ kind: "opened" }, { kind: "resolved", id: 8, unit: "web", type: "memory-limit" }]);
  });
});
