/** Services with `instances.min` 0: the first connection starts them, and they stop when nobody is connected. */
import { describe, expect, test } from "bun:test";
import type { Turn } from "../../../src/core/world/types.ts";
import type { ScalingSpec } from "../../../src/spec/spec.ts";
import { makeSpec, type SpecParts } from "../fixtures.ts";
import { type Stage, staged } from "./stage.ts";

const IDLE_MS = 60_000;
const SCALING: ScalingSpec = {
  ...{ min: 0, max: 3, tolerance: 0.1, upAfterMs: 0, downAfterMs: 0, idleAfterMs: IDLE_MS, metrics: [{ metric: "queue", target: 10 }] },
  ...{ maxStepUp: { count: 4, percent: 100 }, maxStepDown: { count: 0, percent: 100 } },
};
const WEB: SpecParts = {
  ...{ service: "web", instance: 1, instances: 1, scaling: SCALING },
  sockets: [{ name: "http", listen: "127.0.0.1:80", reusePort: false, nonBlocking: false }],
};

/** A daemon that has just started, with `web` enabled. */
function booted(parts: SpecParts = {}, others: Record<string, SpecParts> = {}): Stage {
  const stage = staged({ "web@1": { ...WEB, ...parts }, ...others }).post({ type: "resumed", open: [], lastId: 0 });
  return stage.request("start", ["web@1", ...Object.keys(others)], "boot");
}

const connect = (stage: Stage): Stage => stage.post({ type: "connected", service: "web" });
const awake = (parts: SpecParts = {}): Stage => {
  const stage = connect(booted(parts));
  stage.take();
  return stage;
};

/** A round of samples with this number of connections, and a posted number. Returns the messages of the events. */
function sample(stage: Stage, connections: number, queue: number | null = null): string[] {
  const units = new Map(
    [...stage.world.entries()].map(([id, { unit }]) => [id, { run: unit.run, values: queue === null ? {} : { queue } }]),
  );
  const readings = { units, earlierRuns: () => 0, connections: new Map([["web", connections]]) };
  const turn = stage.handle({ type: "measured", samples: new Map(), readings });
  stage.post({ type: "tick" });
  return messages(turn);
}

const messages = (turn: Turn): string[] =>
  turn.effects.flatMap((effect) => (effect.type === "record" && effect.event.type === "scaled" ? [effect.event.message] : []));

const stateOf = (stage: Stage): string | null => stage.world.onDemand.stateOf("web");

describe("at boot", () => {
  test("no unit starts, and the sockets stay open", () => {
    const stage = booted();
    expect(stage.take()).toEqual([]);
    expect(stage.states).toBe("web@1 stopped");
    expect(stateOf(stage)).toBe("asleep");
    expect(stage.world.onDemand.listens("web")).toBe(true);
    expect(stage.world.scalingOf("web", 0)).toMatchObject({ blockedBy: "asleep", current: 0, onDemand: { state: "asleep" } });
  });

  test("a service that is not enabled does not sleep: a connection does not start it", () => {
    const stage = staged({ "web@1": WEB }).post({ type: "resumed", open: [], lastId: 0 });
    expect(stateOf(stage)).toBe("down");
    expect(stage.world.onDemand.listens("web")).toBe(false);
    connect(stage);
    expect(stage.take()).toEqual([]);
  });

  test("units that depend on a sleeping service start, and do not start it", () => {
    const stage = booted({}, { app: { dependencies: ["web"] }, late: { dependencies: [{ unit: "web", condition: "completed" }] } });
    expect(stage.take()).toEqual(["spawn app"]);
    expect(stage.states).toBe("app running, late starting, web@1 stopped");
  });
});

describe("a connection", () => {
  test("starts the service, which then counts as awake", () => {
    const stage = booted();
    expect(messages(stage.handle({ type: "connected", service: "web" }))).toEqual(["scaled from 0 to 1 unit: a client connected"]);
    stage.post({ type: "tick" });
    expect(stage.take()).toEqual(["spawn web@1"]);
    expect(stateOf(stage)).toBe("awake");
    connect(stage);
    expect(stage.take()).toEqual([]);
  });

  test("starts all units that the file asks for, but not a unit that an operator stopped", () => {
    const unit2 = { ...WEB, instance: 2, instances: 3 };
    const stage = booted({ instances: 3 }, { "web@2": unit2, "web@3": { ...unit2, instance: 3 } });
    stage.stop("web@2");
    connect(stage);
    expect(stage.take()).toEqual(["spawn web@1", "spawn web@3"]);
    expect(stage.world.recordOf("web")?.onDemand).toBe(true);
  });

  test("starts nothing after `sup stop`", () => {
    const stage = booted().stop("web@1");
    expect(stateOf(stage)).toBe("down");
    expect(stage.unit("web@1").reason).toBe("operator");
    connect(stage);
    expect(stage.take()).toEqual([]);
  });

  test("a service whose sockets cannot be opened is started, so that its start reports the cause and is retried", () => {
    const stage = booted();
    const turn = stage.handle({ type: "connected", service: "web", failed: true });
    expect(messages(turn)).toEqual(["scaled from 0 to 1 unit: its sockets could not be opened"]);
    expect(stage.take()).toEqual(["spawn web@1"]);
  });
});

describe("without connections", () => {
  test("the service stops after idle_after, and sleeps again", () => {
    const stage = awake();
    expect(sample(stage, 1)).toEqual([]);
    stage.pass(IDLE_MS);
    expect(sample(stage, 0)).toEqual([]); // there may have been a connection since the last sample
    stage.pass(IDLE_MS - 1);
    expect(sample(stage, 0)).toEqual([]);
    stage.pass(1);
    expect(sample(stage, 0)).toEqual(["scaled from 1 to 0 units (no connection for 1m)"]);
    expect(stage.take()).toEqual(["signal web@1"]);
    expect(stage.states).toBe("web@1 stopped");
    expect(stateOf(stage)).toBe("asleep");
    connect(stage);
    expect(stage.take()).toEqual(["spawn web@1"]);
  });

  test("it is not stopped a second time while it stops", () => {
    const stage = awake();
    stage.stubborn.add("web@1");
    sample(stage, 0);
    stage.pass(IDLE_MS);
    expect(sample(stage, 0)).toHaveLength(1);
    stage.pass(5000);
    expect(sample(stage, 0)).toEqual([]);
    expect(stage.states).toBe("web@1 stopping");
    connect(stage);
    expect(stage.pass(10_000).states).toBe("web@1 stopped");
  });

  test("a connection that begins and ends between two samples counts", () => {
    const stage = awake();
    sample(stage, 0);
    stage.pass(IDLE_MS - 1);
    connect(stage);
    stage.pass(10);
    expect(sample(stage, 0)).toEqual([]);
    stage.pass(IDLE_MS);
    expect(sample(stage, 0)).toHaveLength(1);
  });

  test("health probes are no activity", () => {
    const stage = awake({ check: { intervalMs: 1e9 } });
    stage.post({ type: "tick" }); // the first probe
    sample(stage, 0);
    stage.pass(IDLE_MS);
    stage.world.handle({ type: "probeNow", id: "web@1" }, { nowMs: stage.nowMs, roll: 0.5 });
    connect(stage); // the watch of the listener notices the probe
    expect(sample(stage, 1)).toHaveLength(1);
  });

  test("metrics add and remove units meanwhile, but never the last one", () => {
    const stage = awake();
    expect(sample(stage, 5, 25)).toEqual(["scaled from 1 to 3 units (queue: 25 per unit, target 10)"]);
    expect(stage.states).toBe("web@1 running, web@2 running, web@3 running");
    stage.pass(16_000);
    expect(sample(stage, 5, 0)).toEqual(["scaled from 3 to 1 unit (queue: 0 per unit, target 10)"]);
    stage.pass(16_000);
    expect(sample(stage, 5, 0)).toEqual([]);
    stage.pass(16_000);
    sample(stage, 5, 25);
    stage.take();
    sample(stage, 0, 25);
    stage.pass(IDLE_MS);
    expect(sample(stage, 0, 25)).toEqual(["scaled from 3 to 0 units (no connection for 1m)"]);
    expect(stage.world.ids()).toEqual(["web@1"]);
    expect(stage.world.scaleOf("web")).toBe(1);
  });

  test("a service that an operator started by hand stays, also after `sup restart`", () => {
    const stage = booted().start("web@1").restart("web@1");
    expect(stateOf(stage)).toBe("manual");
    sample(stage, 0);
    stage.pass(10 * IDLE_MS);
    expect(sample(stage, 0)).toEqual([]);
    expect(stage.states).toBe("web@1 running");
    stage.request("stop", ["web@1"], "scaling"); // `sup scale web 0`
    expect(stateOf(stage)).toBe("asleep");
  });

  test("a restart of a service that a connection started changes nothing about it", () => {
    const stage = awake().restart("web@1");
    expect(stateOf(stage)).toBe("awake");
    stage.stop("web@1");
    expect(stateOf(stage)).toBe("down");
    expect(stage.world.recordOf("web")).toBeUndefined();
  });

  test("the next daemon counts from its start, because the idle time is not stored", () => {
    const stage = awake();
    sample(stage, 0);
    stage.pass(IDLE_MS - 1);
    const { spec, unit } = stage.world.get("web@1")!;
    const next = staged({ "web@1": WEB });
    next.nowMs = stage.nowMs;
    next.post({ type: "restoreService", service: "web", memory: stage.world.recordOf("web")! });
    next.post({ type: "restore", spec, unit, check: null }).post({ type: "resumed", open: [], lastId: 0 });
    next.pass(1);
    expect(sample(next, 0)).toEqual([]);
    expect(next.world.scalingOf("web", next.nowMs)).toMatchObject({ onDemand: { state: "awake", idleMs: 0 } });
    next.pass(IDLE_MS);
    expect(sample(next, 0)).toHaveLength(1);
  });
});

describe("a start that fails", () => {
  const RETRIES: SpecParts = { restart: { ...makeSpec("x").restart, maxRetries: 2, retryDelayMs: 1000 } };

  test("is retried with the back-off, and connections start nothing meanwhile or after the last retry", () => {
    const stage = booted(RETRIES);
    stage.broken.add("web@1");
    connect(stage);
    for (let second = 0; second < 100; second++) {
      connect(stage);
      stage.pass(1000);
    }
    expect(stage.states).toBe("web@1 fatal");
    expect(stage.take().filter((act) => act.startsWith("spawn"))).toHaveLength(3);
    expect(stage.world.onDemand.listens("web")).toBe(false);
  });

  test("`sup reset-failed` lets it sleep again", () => {
    const stage = booted(RETRIES);
    stage.broken.add("web@1");
    connect(stage).pass(100_000).reset("web@1");
    stage.broken.clear();
    expect(stateOf(stage)).toBe("asleep");
    stage.take();
    connect(stage);
    expect(stage.take()).toEqual(["spawn web@1"]);
  });
});

describe("a service that ends by itself", () => {
  test("sleeps again at once after a long run", () => {
    const stage = awake();
    stage.pass(2000).exits("web@1", 0);
    expect(stateOf(stage)).toBe("asleep");
  });

  test("sleeps again after a growing delay if its runs are short, because it may leave the connection unanswered", () => {
    const stage = booted({ restart: { ...makeSpec("x").restart, retryDelayMs: 1000, backoffMultiplier: 2, maxBackoffMs: 8000 } });
    const starts: number[] = [];
    while (stage.nowMs < 60_000) {
      connect(stage); // the connection stays in the backlog, so that the listener stays readable
      if (stage.take().includes("spawn web@1")) {
        starts.push(stage.nowMs / 1000);
        stage.exits("web@1", 0);
        expect(stage.world.onDemand.listens("web")).toBe(true);
      }
      stage.pass(500);
    }
    expect(starts).toEqual([0, 1, 3, 7, 15, 23, 31, 39, 47, 55]);
  });
});

test("`sup stop` of a service that has ended by itself and is about to sleep keeps it down", () => {
  const stage = awake().exits("web@1", 0);
  expect(stateOf(stage)).toBe("down");
  stage.stop("web@1").pass(60_000);
  expect(stateOf(stage)).toBe("down");
  expect(stage.unit("web@1").reason).toBe("operator");
});

describe("a changed file", () => {
  test("with a higher minimum starts a sleeping service", () => {
    const stage = booted();
    stage.load(makeSpec("web@1", { ...WEB, scaling: { ...SCALING, min: 1 } }));
    expect(stage.take()).toEqual(["spawn web@1"]);
  });
});
