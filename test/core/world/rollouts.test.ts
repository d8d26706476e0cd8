import { describe, expect, test } from "bun:test";
import { DEFAULT_ROLLING } from "../../../src/core/service/rolling-policy.ts";
import type { RollingSpec } from "../../../src/spec/spec.ts";
import { type SpecParts } from "../fixtures.ts";
import { NOTIFY, type Stage, staged } from "./stage.ts";

const POLICY: RollingSpec = { ...DEFAULT_ROLLING, minHealthyMs: 1000 };
const two = (parts: SpecParts = {}) =>
  Object.fromEntries([1, 2].map((instance) => [`web@${instance}`, { service: "web", instance, instances: 2, ...NOTIFY, ...parts }]));

/** A service whose two units are ready, with others beside it. */
function running(others: Record<string, SpecParts> = {}, parts: SpecParts = {}): Stage {
  const stage = staged({ ...two(parts), ...others }).post({ type: "resumed", open: [], lastId: 0 });
  stage.start("web@1", "web@2").ready("web@1").ready("web@2");
  stage.take();
  return stage;
}

const roll = (stage: Stage, policy = POLICY): Stage =>
  stage.post({ type: "rollout", service: "web", policy, earlierRuns: policy.maxSurge.count === 0 ? {} : { "web@3": 7 } });
const proven = (stage: Stage, id: string): Stage => stage.ready(id).pass(1000);

describe("the additional unit", () => {
  test("continues the numbers of its earlier runs, and does not count for a dependency on all units", () => {
    const stage = roll(running({ app: { dependencies: ["web"] } }));
    expect(stage.unit("web@3").run).toBe(8);
    expect(stage.world.service("web")).toEqual({ name: "web", units: ["web@1", "web@2", "web@3"], wanted: 2 });
    expect(stage.start("app").phase("app")).toBe("running");
  });

  test("keeps the quorum, so that dependents with `restart` are not restarted", () => {
    const stage = running({ app: { ...NOTIFY, dependencies: [{ unit: "web", restart: true }] } });
    stage.start("app").ready("app").take();
    roll(stage);
    for (const id of ["web@3", "web@1", "web@2"]) proven(stage, id);
    expect(stage.take()).not.toContain("signal app");
    expect(stage.world.recordOf("web")!.rollout!.state).toBe("done");
    expect(stage.world.service("web")).toEqual({ name: "web", units: ["web@1", "web@2"], wanted: 2 });
  });

  test("is started again by a newer rollout while it still leaves", () => {
    const stage = roll(running());
    stage.stubborn.add("web@3");
    stage.post({ type: "rolloutControl", service: "web", action: "cancel" });
    expect(stage.world.get("web@3")!.retired).toBe(true);
    roll(stage).pass(10_000);
    expect(stage.world.get("web@3")).toMatchObject({ retired: false, unit: { phase: "starting", generation: 2 } });
    expect(stage.world.service("web")!.wanted).toBe(2);
  });
});

test("the id of an additional unit that has left can become that of a member", () => {
  const stage = roll(running());
  for (const id of ["web@3", "web@1", "web@2"]) proven(stage, id);
  expect(stage.world.ids()).toEqual(["web@1", "web@2"]);
  stage.post({ type: "scaled", service: "web", scale: 4 });
  for (const instance of [3, 4]) stage.load({ ...stage.world.get("web@1")!.spec, id: `web@${instance}`, instance });
  expect(stage.world.service("web")!.wanted).toBe(4);
  expect(stage.world.scaleOf("web")).toBe(4);
});

describe("a rollout fails", () => {
  test("if the restart is refused by pre_restart, and the unit runs on", () => {
    const stage = running({}, { preRestart: [{ command: "test", args: [], timeoutMs: 1000 }] });
    stage.broken.add("web@1");
    roll(stage, { ...POLICY, maxSurge: { count: 0, percent: null }, maxUnavailable: { count: 1, percent: null } });
    expect(stage.world.recordOf("web")!.rollout).toMatchObject({ state: "failed", failure: expect.stringContaining("web@1") });
    expect(stage.states).toBe("web@1 running, web@2 running");
  });

  test("if the new unit is not ready in time", () => {
    const stage = roll(running({}, { startTimeoutMs: null }), { ...POLICY, progressDeadlineMs: 30_000 });
    stage.pass(30_000);
    expect(stage.world.recordOf("web")!.rollout).toMatchObject({ state: "failed", failure: "web@3 did not become healthy within 30 s" });
    expect(stage.states).toBe("web@1 running, web@2 running");
  });
});

describe("a rollout drains the units that it stops", () => {
  const DRAINED: RollingSpec = { ...POLICY, drain: { signal: 10, timeoutMs: 20_000 } };

  test("the stop signal follows when the time is over, and the new run starts after the exit", () => {
    const stage = running({}, { rolling: DRAINED });
    stage.stubborn.add("web@1");
    proven(roll(stage, DRAINED), "web@3");
    expect([stage.phase("web@1"), stage.unit("web@1").due?.why, stage.sent]).toEqual(["stopping", "drain-timeout", [10]]);
    stage.pass(19_000);
    expect(stage.sent).toEqual([10]);
    stage.stubborn.clear();
    stage.pass(1000);
    expect([stage.phase("web@1"), stage.unit("web@1").generation, stage.sent]).toEqual(["starting", 1, [10, 15]]);
  });

  test("its exit ends the wait, and additional units are drained before they leave", () => {
    const stage = roll(running({}, { rolling: DRAINED }), DRAINED);
    for (const id of ["web@3", "web@1", "web@2"]) proven(stage, id);
    expect(stage.world.recordOf("web")!.rollout!.state).toBe("done");
    expect([stage.sent, stage.states]).toEqual([[10, 10, 10], "web@1 running, web@2 running"]);
  });

  test("a stop by the operator ends the drain", () => {
    const stage = running({}, { rolling: DRAINED });
    stage.stubborn.add("web@1");
    proven(roll(stage, DRAINED), "web@3");
    stage.stubborn.clear();
    stage.stop("web@1");
    expect([stage.sent, stage.phase("web@1"), stage.unit("web@1").last?.by]).toEqual([[10, 15, 10], "idle", "stop"]);
  });

  test("other stops and restarts, and units that are not ready, are not drained", () => {
    const stage = running({}, { rolling: DRAINED });
    stage.restart("web@1").ready("web@1").stop("web@2");
    roll(stage, DRAINED);
    stage.post({ type: "rolloutControl", service: "web", action: "cancel" });
    expect([stage.sent, stage.states]).toEqual([[15, 15, 15], "web@1 running, web@2 stopped"]);
  });
});

test("units that were added later get the number of the last rollout", () => {
  const stage = roll(running());
  for (const id of ["web@3", "web@1", "web@2"]) proven(stage, id);
  stage.load({ ...stage.world.get("web@1")!.spec, id: "web@3", instance: 3 });
  expect(stage.unit("web@3").generation).toBe(1);
});

test("a rollout of a service that is gone is forgotten", () => {
  const stage = roll(running());
  for (const id of ["web@1", "web@2", "web@3"]) stage.unload(id);
  stage.post({ type: "forgetService", service: "web" });
  expect(stage.world.recordOf("web")).toBeUndefined();
  expect(stage.pass(1_000_000).states).toBe("");
});
