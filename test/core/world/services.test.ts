import { describe, expect, test } from "bun:test";
import { makeSpec } from "../fixtures.ts";
import { NOTIFY, staged } from "./stage.ts";

/** `web@1`, `web@2`, … of the service web. */
const three = (parts = {}) => Object.fromEntries([1, 2, 3].map((n) => [`web@${n}`, { service: "web", ...NOTIFY, ...parts }]));
const WEB = ["web@1", "web@2", "web@3"];

describe("a service", () => {
  test("is made of its units; a plain unit is a service of one", () => {
    const { world } = staged({ ...three(), db: {} });
    expect(world.service("web")).toEqual({ name: "web", units: WEB, wanted: 3 });
    expect(world.service("db")).toEqual({ name: "db", units: ["db"], wanted: 1 });
    expect(world.service("web@1")).toBeUndefined();
    expect(world.unitsOf("web@1")).toEqual(["web@1"]);
    expect([...world.services()].map(({ name }) => name)).toEqual(["web", "db"]);
  });

  test("is gone with its last unit", () => {
    const stage = staged(three()).unload("web@1").unload("web@2");
    expect(stage.world.service("web")).toEqual({ name: "web", units: ["web@3"], wanted: 1 });
    expect(stage.unload("web@3").world.service("web")).toBeUndefined();
    expect(stage.world.unitsOf("web@3")).toEqual([]);
  });
});

describe("a dependency on a service", () => {
  test("starts all of its units", () => {
    const stage = staged({ ...three(), app: { dependencies: ["web"] } });
    expect(stage.start("app").spawns()).toEqual(["spawn web@1", "spawn web@2", "spawn web@3"]);
  });

  test("is met when all of them are ready", () => {
    const stage = staged({ ...three(), app: { dependencies: ["web"] } }).start("app");
    stage.ready("web@1").ready("web@2").take();
    expect(stage.world.waitingFor("app")).toEqual(["web"]);
    expect(stage.ready("web@3").spawns()).toEqual(["spawn app"]);
  });

  test("is met by a quorum", () => {
    const stage = staged({ ...three(), app: { dependencies: [{ unit: "web", quorum: 1 }] } }).start("app");
    expect(stage.ready("web@2").spawns()).toContain("spawn app");
  });

  test("restarts the dependent when the quorum is lost, not when a unit of many goes", () => {
    const stage = staged({ ...three(), app: { dependencies: [{ unit: "web", quorum: 2, restart: true }] } }).start("app");
    for (const id of WEB) stage.ready(id);
    stage.take();
    stage.exits("web@1", 1);
    expect(stage.take()).not.toContain("signal app");
    stage.exits("web@2", 1);
    expect(stage.take()).toContain("signal app");
  });

  test("keeps its units up until the dependent has stopped", () => {
    const stage = staged({ ...three(), app: { dependencies: [{ unit: "web", quorum: 1 }] } }).start("app");
    for (const id of WEB) stage.ready(id);
    stage.stubborn.add("app");
    stage.take();
    stage.stop("app", ...WEB);
    expect(stage.take()).toEqual(["signal app"]);
    stage.pass(10_000);
    expect(stage.take()).toEqual(["kill app", "signal web@1", "signal web@2", "signal web@3"]);
  });

  test("on one unit of it is a dependency on that unit alone", () => {
    const stage = staged({ ...three(), app: { dependencies: ["web@2"] } });
    expect(stage.start("app").spawns()).toEqual(["spawn web@2"]);
    expect(stage.world.liveDependents(["web@2"])).toEqual([]);
    stage.ready("web@2");
    expect(stage.phase("app")).toBe("running");
    expect(stage.world.liveDependents(["web@2"])).toEqual(["app"]);
    expect(stage.world.liveDependents(["web@1"])).toEqual([]);
    expect([...stage.world.dependentsOf("web@2")]).toEqual(["app"]);
    expect([...stage.world.dependentsOf("web@1")]).toEqual([]);
  });

  test("waits until a unit that was removed is back", () => {
    const stage = staged({ ...three(), app: { dependencies: [{ unit: "web", quorum: 3 }] } });
    stage.unload("web@3").start("app");
    for (const id of ["web@1", "web@2"]) stage.ready(id);
    expect(stage.phase("app")).toBe("waiting");
    stage
      .load(makeSpec("web@3", { service: "web", ...NOTIFY }))
      .start("web@3")
      .ready("web@3");
    expect(stage.phase("app")).toBe("running");
  });
});
