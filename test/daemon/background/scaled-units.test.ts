import { expect, test } from "bun:test";
import { POSTED_VALID_MS, readScaledUnits } from "../../../src/daemon/background/scaled-units.ts";
import { makeSpec } from "../../core/fixtures.ts";
import { Stage } from "../../core/world/stage.ts";

const SCALING = {
  ...{ min: 1, max: 2, metrics: [], tolerance: 0, upAfterMs: 0, downAfterMs: 0 },
  ...{ maxStepUp: { count: 1, percent: 0 }, maxStepDown: { count: 1, percent: 0 } },
};

test("values of the present run: samples and recently posted numbers; other units have none", () => {
  const stage = new Stage([makeSpec("web@1", { service: "web", instance: 1, scaling: SCALING }), makeSpec("db")]);
  stage.nowMs = 1000;
  stage.start("web@1", "db");
  const samples = new Map(["web@1", "db"].map((id) => [id, { cpuPercent: 5, memoryMb: 9 }]));
  const since: number[] = [];
  const sampler = {
    reportedSince: (_: string, sinceMs: number) => {
      since.push(sinceMs);
      return { queue: 3, cpu: 99 };
    },
  };
  const read = (run: number, nowMs: number, sampled = samples as never) =>
    readScaledUnits(stage.world.entries(), sampled, new Map([["web@1", run]]), sampler, nowMs);
  expect([...read(1, 2000)]).toEqual([["web@1", { run: 1, values: { queue: 3, cpu: 5, memory: 9 } }]]);
  expect(read(0, 2000).get("web@1")!.values).toEqual({ queue: 3, cpu: 99 });
  expect(read(1, 500_000, new Map([["web@1", { cpuPercent: null, memoryMb: 9 }]]) as never).get("web@1")!.values).toMatchObject({
    cpu: 99,
  });
  expect(since).toEqual([1000, 1000, 500_000 - POSTED_VALID_MS]); // the start of the run, or a minute ago
});
