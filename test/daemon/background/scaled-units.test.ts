import { describe, expect, test } from "bun:test";
import { Sampler } from "../../../src/daemon/background/sampler.ts";
import { POSTED_VALID_MS, readScaledUnits } from "../../../src/daemon/background/scaled-units.ts";
import { makeSpec } from "../../core/fixtures.ts";
import { Stage } from "../../core/world/stage.ts";

const SCALING = {
  ...{ min: 1, max: 2, metrics: [], tolerance: 0, upAfterMs: 0, downAfterMs: 0, idleAfterMs: 0 },
  ...{ maxStepUp: { count: 1, percent: 0 }, maxStepDown: { count: 1, percent: 0 } },
};

/** A unit that scales and has run since 1000 ms, and one that does not scale. `values` are the values at that time, by unit. */
function scene() {
  const stage = new Stage([makeSpec("web@1", { service: "web", instance: 1, scaling: SCALING }), makeSpec("db")]);
  const clock = { monotonicMs: () => stage.nowMs };
  const sampler = new Sampler({ clock } as never);
  const post = (atMs: number, metrics: Record<string, number>): void => {
    stage.nowMs = atMs;
    sampler.report("web@1", metrics, 10);
  };
  stage.nowMs = 1000;
  stage.start("web@1", "db");
  const values = (atMs: number, run = 1, cpuPercent: number | null = 5) => {
    const samples = new Map(["web@1", "db"].map((id) => [id, { cpuPercent, memoryMb: 9 }]));
    const sources = { samples, runs: new Map([["web@1", run]]), sampler, usage: { connections: () => new Map<number, number>() } };
    return [...readScaledUnits([...stage.world.entries()], sources, atMs)];
  };
  return { post, values };
}

test("samples and posted numbers of units whose service scales itself; a measured value wins over a posted one of its name", () => {
  const { post, values } = scene();
  post(2000, { queue: 3, cpu: 99 });
  expect(values(3000)).toEqual([["web@1", { run: 1, values: { queue: 3, cpu: 5, memory: 9 } }]]);
});

test("the sample of an earlier run does not count, and CPU time that is not known yet is absent", () => {
  const { values } = scene();
  expect(values(2000, 0)).toEqual([["web@1", { run: 1, values: {} }]]);
  expect(values(2000, 1, null)).toEqual([["web@1", { run: 1, values: { memory: 9 } }]]);
});

test("a posted number counts for a minute, and not if an earlier run has posted it", () => {
  const { post, values } = scene();
  post(999, { old: 1 });
  post(2000, { queue: 3 });
  expect(Object.keys(values(2000 + POSTED_VALID_MS)[0]![1].values)).toEqual(["queue", "memory", "cpu"]);
  expect(Object.keys(values(2001 + POSTED_VALID_MS)[0]![1].values)).toEqual(["memory", "cpu"]);
});

describe("connections", () => {
  const scaling = { ...SCALING, metrics: [{ metric: "connections", target: 10 }] };
  const counts = new Map([
    [8000, 6],
    [8001, 2],
    [9000, 9],
  ]);
  const read = (more: object): Array<number | undefined> => {
    const web = (instance: number) => makeSpec(`web@${instance}`, { service: "web", instance, scaling, port: 7999 + instance, ...more });
    const stage = new Stage([web(1), web(2), web(3), makeSpec("db")]);
    stage.start("web@1", "web@2");
    const sources = { samples: new Map(), runs: new Map(), sampler: { reportedSince: () => ({}) }, usage: { connections: () => counts } };
    const values = readScaledUnits([...stage.world.entries()], sources, 0);
    return ["web@1", "web@2"].map((id) => values.get(id)!.values.connections);
  };

  test("are those on the port of each unit", () => {
    expect(read({})).toEqual([6, 2]);
  });

  test("on shared sockets are divided among the units that serve", () => {
    const socket = (name: string, listen: string) => ({ name, listen, reusePort: false, nonBlocking: false });
    const sockets = [socket("a", "127.0.0.1:8000"), socket("b", "[::1]:8000"), socket("c", "*:9000"), socket("d", "/run/d.sock")];
    expect(read({ sockets })).toEqual([7.5, 7.5]);
  });
});
