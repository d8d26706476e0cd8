import { describe, expect, test } from "bun:test";
import { DEFAULT_ROLLING } from "../../../src/core/service/rolling-policy.ts";
import { parseService, serviceText } from "../../../src/core/service/service-memory.ts";
import type { Reading, Turn } from "../../../src/core/world/types.ts";
import type { ScalingSpec } from "../../../src/spec/spec.ts";
import type { SpecParts } from "../fixtures.ts";
import { NOTIFY, type Stage, staged } from "./stage.ts";

const SCALING: ScalingSpec = {
  ...{ min: 1, max: 4, tolerance: 0.1, upAfterMs: 0, downAfterMs: 60_000, idleAfterMs: 0 },
  metrics: [{ metric: "queue", target: 10 }],
  ...{ maxStepUp: { count: 4, percent: 100 }, maxStepDown: { count: 0, percent: 100 } },
};

const unitsOf = (count: number, parts: SpecParts = {}): Record<string, SpecParts> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `web@${index + 1}`,
      { service: "web", instance: index + 1, instances: count, port: 8000 + index, scaling: SCALING, ...parts },
    ]),
  );

function running(count: number, parts: SpecParts = {}, others: Record<string, SpecParts> = {}): Stage {
  const stage = staged({ ...unitsOf(count, parts), ...others }).post({ type: "resumed", open: [], lastId: 0 });
  stage.start(...Object.keys(unitsOf(count))).take();
  return stage;
}

/** A round of samples in which each unit has posted this number; null means none. Returns the messages of the events. */
function queue(stage: Stage, value: number | null, earlierRuns = 0): string[] {
  const units = new Map<string, Reading>();
  for (const [id, { unit }] of stage.world.entries()) units.set(id, { run: unit.run, values: value === null ? {} : { queue: value } });
  const turn = stage.handle({ type: "measured", samples: new Map(), readings: { units, earlierRuns: () => earlierRuns } });
  stage.post({ type: "tick" }); // and all that follows
  return messages(turn);
}

const messages = (turn: Turn): string[] =>
  turn.effects.flatMap((effect) =>
    effect.type === "record" && effect.event.type === "scaled" ? [`${effect.id} ${effect.event.message}`] : [],
  );

describe("a round of samples", () => {
  test("adds units with their own ports, and starts them", () => {
    const stage = running(1);
    expect(queue(stage, 25)).toEqual(["web scaled from 1 to 3 units (queue: 25 per unit, target 10)"]);
    expect(stage.take()).toEqual(["spawn web@2", "spawn web@3"]);
    expect(stage.states).toBe("web@1 running, web@2 running, web@3 running");
    expect(stage.world.get("web@3")!.spec).toMatchObject({ port: 8002, instance: 3, name: "web@3" });
    expect(stage.world.service("web")!.wanted).toBe(3);
    expect(stage.world.scaleOf("web")).toBe(3);
  });

  test("continues the numbers of earlier runs of a new unit", () => {
    const stage = running(1);
    queue(stage, 20, 7);
    expect(stage.unit("web@2").run).toBe(8);
  });

  test("removes those with the highest numbers after the window", () => {
    const stage = running(3);
    expect(queue(stage, 3)).toEqual([]);
    stage.pass(59_000);
    expect(queue(stage, 3)).toEqual([]);
    stage.pass(1000);
    expect(queue(stage, 3)).toEqual(["web scaled from 3 to 1 unit (queue: 3 per unit, target 10)"]);
    expect(stage.take()).toEqual(["signal web@3", "signal web@2"]);
    expect(stage.world.ids()).toEqual(["web@1"]);
  });

  test("starts a unit again that is still leaving", () => {
    const stage = running(2, { scaling: { ...SCALING, downAfterMs: 0 } });
    stage.stubborn.add("web@2");
    queue(stage, 1);
    expect(stage.world.get("web@2")!.retired).toBe(true);
    queue(stage, 20);
    stage.pass(10_000);
    expect(stage.states).toBe("web@1 running, web@2 running");
    expect(stage.world.get("web@2")!.retired).toBe(false);
  });

  test("changes nothing without a value, and writes nothing", () => {
    const stage = running(2);
    const turn = stage.handle({ type: "measured", samples: new Map(), readings: { units: new Map(), earlierRuns: () => 0 } });
    expect([turn.services.size, turn.effects.length]).toEqual([0, 0]);
  });

  test("does not count the value of an earlier run", () => {
    const stage = running(1);
    const units = new Map<string, Reading>([["web@1", { run: stage.unit("web@1").run - 1, values: { queue: 40 } }]]);
    stage.post({ type: "measured", samples: new Map(), readings: { units, earlierRuns: () => 0 } });
    expect(stage.world.ids()).toEqual(["web@1"]);
  });

  test("corrects a number outside of the bounds", () => {
    const stage = running(6);
    expect(queue(stage, 10)).toEqual(["web scaled from 6 to 4 units, because the bounds are 1 to 4"]);
  });

  test("without readings, such as a sample of the memory alone, decides nothing", () => {
    const stage = running(6);
    stage.post({ type: "measured", samples: new Map() });
    expect(stage.world.ids()).toHaveLength(6);
  });

  test("scales by the time of the last health probe", () => {
    const metrics = [{ metric: "response_time", target: 0.5 }]; // the stage's probes take 1 ms
    const stage = running(1, { check: {}, scaling: { ...SCALING, metrics } }).pass(0);
    expect(queue(stage, null)).toEqual(["web scaled from 1 to 2 units (response_time: 1 per unit, target 0.5)"]);
  });
});

describe("nothing happens", () => {
  test("while the service is stopped", () => {
    const stage = running(2).stop("web@1", "web@2");
    expect(queue(stage, 40)).toEqual([]);
    expect(stage.world.scalingOf("web", 0)).toMatchObject({ blockedBy: "stopped", current: 2, decision: null });
    stage.start("web@1", "web@2");
    expect(queue(stage, 20)).toHaveLength(1);
  });

  test("during a rolling restart, also while it is paused", () => {
    const stage = running(2, NOTIFY).ready("web@1").ready("web@2");
    stage.post({ type: "rollout", service: "web", policy: DEFAULT_ROLLING, earlierRuns: { "web@3": 0 } });
    expect(queue(stage, 40)).toEqual([]);
    stage.post({ type: "rolloutControl", service: "web", action: "pause" });
    expect(queue(stage, 40)).toEqual([]);
    expect(stage.world.scalingOf("web", 0)).toMatchObject({ blockedBy: "rollout" });
    stage.post({ type: "rolloutControl", service: "web", action: "cancel" });
    stage.pass(1000);
    expect(stage.world.ids()).toEqual(["web@1", "web@2"]);
    expect(queue(stage, 20)).toHaveLength(1);
  });

  test("to services that do not scale themselves", () => {
    const stage = running(2, { scaling: null });
    expect(queue(stage, 40)).toEqual([]);
    expect(stage.world.scalingOf("web", 0)).toBeNull();
  });

  test("to dependents with `restart` when units are added or removed", () => {
    const app = { app: { dependencies: [{ unit: "web", restart: true }] } };
    const stage = running(1, { ...NOTIFY, scaling: { ...SCALING, downAfterMs: 0 } }, app)
      .ready("web@1")
      .start("app");
    const { run } = stage.unit("app");
    queue(stage, 20);
    expect(stage.phase("web@2")).toBe("starting");
    stage.ready("web@2");
    queue(stage, 1);
    stage.pass(1000);
    expect([stage.phase("app"), stage.unit("app").run]).toEqual(["running", run]);
  });
});

test("a unit that the operator has stopped stays stopped, and does not count", () => {
  const stage = running(3).stop("web@2");
  queue(stage, 14);
  expect([stage.phase("web@2"), stage.world.ids().length]).toEqual(["idle", 3]);
});

test("the record restores the window and the number", () => {
  const stage = running(2, { scaling: { ...SCALING, downAfterMs: 60_000 } });
  queue(stage, 20);
  stage.pass(30_000);
  queue(stage, 5);
  const memory = parseService(serviceText(stage.world.recordOf("web")!))!;
  expect(memory).toEqual(stage.world.recordOf("web")!);
  const next = running(4);
  next.nowMs = stage.nowMs;
  next.post({ type: "restoreService", service: "web", memory });
  const at = (ms: number, one: Stage): string[] => {
    one.pass(ms);
    return queue(one, 5);
  };
  expect(at(29_000, next)).toEqual(at(29_000, stage));
  expect(at(31_000, next)).toEqual(["web scaled from 4 to 2 units (queue: 5 per unit, target 10)"]);
});

test("what would happen now follows the time and the state of the units", () => {
  const stage = running(2);
  expect(stage.world.scalingOf("web", 0)).toMatchObject({ blockedBy: "no sample" });
  queue(stage, 4);
  expect(stage.world.scalingOf("web", 0)).toMatchObject({ current: 2, decision: { count: 2, needed: 1, heldBy: "window" } });
  expect(stage.world.scalingOf("web", 60_000)).toMatchObject({ current: 2 });
  expect(stage.world.ids()).toHaveLength(2); // nothing is decided by asking
});
