import { describe, expect, test } from "bun:test";
import { makeSpec } from "../fixtures.ts";
import { CHAIN, NOTIFY, ONESHOT, staged } from "./stage.ts";

describe("stop", () => {
  test("of several units runs in reverse, each after its dependents are down", () => {
    const stage = staged({ disk: {}, db: { dependencies: ["disk"] }, web: { dependencies: ["db"] } }).start("web");
    stage.take();
    stage.stubborn.add("web");
    stage.stop("disk", "db", "web");
    expect(stage.take()).toEqual(["signal web"]);
    expect(stage.states).toBe("db stopping, disk stopping, web stopping");
    stage.pass(10_000);
    expect(stage.take()).toEqual(["kill web", "signal db", "signal disk"]);
    expect(stage.states).toBe("db stopped, disk stopped, web stopped");
  });

  test("of a unit with running dependents stops only that unit", () => {
    const stage = staged(CHAIN).start("web");
    expect(stage.world.liveDependents(["db"])).toEqual(["web"]);
    expect(stage.stop("db").states).toBe("db stopped, web running");
  });

  test("with cascade stops the dependents first, near and far", () => {
    const stage = staged({ disk: {}, db: { dependencies: ["disk"] }, web: { dependencies: ["db"] }, cron: {} }).start("web", "cron");
    stage.take();
    expect(stage.cascade("disk").take()).toEqual(["signal web", "signal db", "signal disk"]);
    expect(stage.phase("cron")).toBe("running");
  });

  test("with cascade also ends dependents that are waiting, preparing or in backoff", () => {
    const stage = staged({ db: {}, a: { dependencies: ["db"] }, b: { ...ONESHOT, remainAfterExit: true, dependencies: ["db"] } }).start(
      "a",
      "b",
    );
    stage.exits("a", 1).exits("b", 0);
    expect(stage.states).toBe("a backoff, b running, db running");
    expect(stage.cascade("db").pass(60_000).states).toBe("a stopped, b stopped, db stopped");
    expect(stage.start("db").states).toBe("a stopped, b stopped, db running");
  });

  test("of several units starts none of them on the way", () => {
    const stage = staged({ gone: {}, db: { dependencies: ["gone"] }, web: { dependencies: [{ unit: "db", required: false }] } });
    stage.slow.add("gone");
    stage.start("db", "web").take();
    expect(stage.stop("db", "web").take()).toEqual([]);
    expect(stage.states).toBe("db stopped, gone starting, web stopped");
  });

  test("of all units with start_concurrency starts none of them on the way", () => {
    const stage = staged({ a: NOTIFY, b: NOTIFY, c: NOTIFY }, 1).start("a", "b", "c");
    stage.take();
    expect(stage.stop("a", "b", "c").take()).toEqual(["signal a"]);
    expect(stage.states).toBe("a stopped, b stopped, c stopped");
  });

  test("a start of the dependent lets the dependency's stop be taken back", () => {
    const stage = staged(CHAIN).start("web");
    stage.stubborn.add("web");
    stage.stop("db", "web").start("web");
    expect(stage.unit("db").want).toBe("up");
    expect(stage.states).toBe("db running, web stopping");
    expect(stage.pass(10_000).states).toBe("db running, web running");
    expect(stage.unit("db").run).toBe(1);
  });

  test("a dependency that no longer is one does not hold the stop", () => {
    const stage = staged(CHAIN).start("web");
    stage.stubborn.add("web");
    stage.stop("db", "web");
    expect(stage.states).toBe("db stopping, web stopping");
    expect(stage.load(makeSpec("web")).states).toBe("db stopped, web stopping");
  });
});
