import { describe, expect, test } from "bun:test";
import type { Condition } from "../../../src/base/words.ts";
import { makeSpec, type SpecParts } from "../fixtures.ts";
import { CHAIN, NOTIFY, ONESHOT, staged, type Stage } from "./stage.ts";

describe("start order", () => {
  test("is by priority, then by name, among units that dependencies leave free", () => {
    const stage = staged({ c: { priority: 50 }, b: {}, a: {}, d: { priority: 10 } });
    expect(stage.start("a", "b", "c", "d").spawns()).toEqual(["spawn d", "spawn c", "spawn a", "spawn b"]);
    expect(stage.world.ids()).toEqual(["d", "c", "a", "b"]);
  });

  test("puts a dependency before its dependent, whatever the priorities", () => {
    const stage = staged({ db: { priority: 900 }, web: { priority: 1, dependencies: ["db"] } });
    expect(stage.start("web", "db").spawns()).toEqual(["spawn db", "spawn web"]);
  });

  test("is parallel where the graph allows", () => {
    const stage = staged({ a: {}, b: {}, web: { dependencies: ["a", "b"] } });
    stage.slow.add("a").add("b");
    expect(stage.start("web").spawns()).toEqual(["spawn a", "spawn b"]);
    expect(stage.answer("b").spawns()).toEqual([]);
    expect(stage.answer("a").spawns()).toEqual(["spawn web"]);
  });

  test("start_concurrency bounds how many start at once, and the next one is by priority", () => {
    const stage = staged({ a: NOTIFY, b: NOTIFY, c: { ...NOTIFY, priority: 1 }, d: NOTIFY }, 2);
    expect(stage.start("a", "b", "c", "d").spawns()).toEqual(["spawn c", "spawn a"]);
    expect(stage.states).toBe("c starting, a starting, b starting, d starting");
    expect(stage.ready("a").spawns()).toEqual(["spawn b"]);
    expect(stage.exits("c", 1).spawns()).toEqual(["spawn d"]);
  });

  test("a stop frees a place for the next start", () => {
    const stage = staged({ a: NOTIFY, b: NOTIFY }, 1);
    stage.start("a", "b").take();
    expect(stage.stop("a").spawns()).toEqual(["spawn b"]);
  });
});

describe("conditions", () => {
  const chain = (condition: Condition, db: SpecParts): Stage => {
    const stage = staged({ db, web: { dependencies: [{ unit: "db", condition }] } });
    stage.slow.add("db");
    return stage.start("web");
  };

  test("started: once its command was executed", () => {
    const stage = chain("started", NOTIFY);
    expect(stage.phase("web")).toBe("waiting");
    expect(stage.answer("db").phase("db")).toBe("starting");
    expect(stage.phase("web")).toBe("running");
  });

  test("ready: once it is ready", () => {
    const stage = chain("ready", NOTIFY).answer("db");
    expect(stage.phase("web")).toBe("waiting");
    expect(stage.ready("db").phase("web")).toBe("running");
  });

  test("ready of a unit with a check: once the check passed", () => {
    const stage = staged({ db: { check: {} }, web: { dependencies: ["db"] } });
    stage.ill.add("db");
    stage.start("web").pass(3500);
    expect(stage.states).toBe("db starting, web starting");
    stage.ill.delete("db");
    expect(stage.pass(1000).states).toBe("db running, web running");
  });

  test("completed: once it ended, however", () => {
    for (const exit of [0, 1]) {
      const stage = chain("completed", { ...ONESHOT, restart: { autoRestart: false } }).answer("db");
      expect(stage.phase("web")).toBe("waiting");
      expect(stage.exits("db", exit).phase("web")).toBe("running");
    }
  });

  test("completed is not met by a failure that will be tried again", () => {
    const stage = chain("completed", ONESHOT).answer("db").exits("db", 1);
    expect(stage.phase("db")).toBe("backoff");
    expect(stage.phase("web")).toBe("waiting");
  });

  test("succeeded: once it ended well; the default for a oneshot", () => {
    const stage = staged({ migrate: ONESHOT, web: { dependencies: ["migrate"] } }).start("web");
    expect(stage.states).toBe("migrate running, web starting");
    expect(stage.exits("migrate", 1).states).toBe("migrate backoff, web starting");
    expect(stage.pass(1000).exits("migrate", 0).states).toBe("migrate stopped, web running");
  });

  test("succeeded is met by a oneshot that remains after its exit", () => {
    const stage = staged({ net: { ...ONESHOT, remainAfterExit: true }, web: { dependencies: ["net"] } })
      .start("web")
      .exits("net", 0);
    expect(stage.states).toBe("net running, web running");
  });

  test("what a oneshot has done is not done again for another dependent", () => {
    const stage = staged({ migrate: ONESHOT, a: { dependencies: ["migrate"] }, b: { dependencies: ["migrate"] } });
    stage.start("a").exits("migrate", 0).take();
    expect(stage.start("b").spawns()).toEqual(["spawn b"]);
  });

  test("a oneshot that was asked for runs again, and its dependents wait for this run", () => {
    const stage = staged({ zap: ONESHOT, app: { dependencies: ["zap"] } })
      .start("app")
      .exits("zap", 0)
      .stop("app");
    expect(stage.start("app", "zap").states).toBe("app starting, zap running");
    expect(stage.exits("zap", 0).states).toBe("app running, zap stopped");
  });

  test("a service that ended well by itself is not ready: it is started for its dependent", () => {
    const stage = staged(CHAIN).start("db").exits("db", 0);
    expect(stage.states).toBe("db stopped, web stopped");
    expect(stage.start("web").states).toBe("db running, web running");
  });

  test("a oneshot that stays down after it succeeded meets `ready` as well", () => {
    const stage = staged({ job: ONESHOT, web: { dependencies: [{ unit: "job", condition: "ready" }] } })
      .start("job")
      .exits("job", 0);
    expect(stage.start("web").spawns()).toContain("spawn web");
  });
});

describe("required: false", () => {
  const soft = (): Stage => staged({ db: NOTIFY, web: { dependencies: [{ unit: "db", required: false }] } });

  test("does not start the other one, and does not wait for it", () => {
    expect(soft().start("web").states).toBe("db stopped, web running");
  });

  test("orders when both start", () => {
    const stage = soft().start("web", "db");
    expect(stage.states).toBe("db starting, web starting");
    expect(stage.ready("db").states).toBe("db running, web running");
  });

  test("goes on when the other one gives up, or is told to stop", () => {
    const stage = staged({ db: { restart: { maxRetries: 0 } }, web: { dependencies: [{ unit: "db", required: false }] } });
    stage.broken.add("db");
    expect(stage.start("web", "db").states).toBe("db fatal, web running");
    const other = soft().start("web", "db");
    expect(other.stop("db").states).toBe("db stopped, web running");
  });

  test("one that keeps failing holds nothing up", () => {
    const stage = soft();
    stage.broken.add("db");
    expect(stage.start("web", "db").states).toBe("db backoff, web running");
  });

  test("one that waits for what is not coming holds nothing up", () => {
    const units = {
      far: { restart: { maxRetries: 0 } },
      db: { dependencies: ["far"] },
      web: { dependencies: [{ unit: "db", required: false }] },
    };
    const stage = staged(units);
    stage.slow.add("far");
    expect(stage.start("web", "db").states).toBe("db starting, far starting, web starting");
    stage.slow.delete("far");
    stage.answer("far").exits("far", 1);
    expect(stage.states).toBe("db running, far fatal, web running");
    const gone = staged({ db: { dependencies: ["gone"] }, web: { dependencies: [{ unit: "db", required: false }] } });
    expect(gone.start("web", "db").states).toBe("db starting, web running");
  });

  test("a unit that does not exist holds nothing up", () => {
    expect(staged({ web: { dependencies: [{ unit: "gone", required: false }] } }).start("web").states).toBe("web running");
  });

  test("stop is in reverse over it too", () => {
    const stage = soft().start("web", "db").ready("db");
    stage.take();
    expect(stage.stop("db", "web").take()).toEqual(["signal web", "signal db"]);
  });
});

describe("what a start brings with it", () => {
  test("all that it needs, near and far, by the cause `dependency`", () => {
    const stage = staged({ disk: {}, db: { dependencies: ["disk"] }, web: { dependencies: ["db"] } }).start("web");
    expect(stage.take()).toEqual(["spawn disk", "spawn db", "spawn web"]);
    expect(["disk", "db", "web"].map((id) => stage.unit(id).cause)).toEqual(["dependency", "dependency", "operator"]);
  });

  test("a dependency that failed for good", () => {
    const stage = staged({ db: { restart: { maxRetries: 0 } }, web: { dependencies: ["db"] } });
    stage.broken.add("db");
    expect(stage.start("web").states).toBe("db fatal, web starting");
    stage.broken.delete("db");
    expect(stage.start("web").states).toBe("db running, web running");
  });

  test("a dependency that is just being stopped is started again after it", () => {
    const stage = staged(CHAIN).start("db");
    stage.stubborn.add("db");
    stage.stop("db").start("web");
    expect(stage.states).toBe("db stopping, web starting");
    expect(stage.pass(10_000).states).toBe("db running, web running");
  });

  test("a dependency in backoff keeps its delay", () => {
    const stage = staged(CHAIN).start("db").exits("db", 1).start("web");
    expect(stage.states).toBe("db backoff, web starting");
    expect(stage.pass(1000).states).toBe("db running, web running");
  });

  test("an automatic restart brings nothing with it: the operator's stop of the dependency stands", () => {
    const stage = staged(CHAIN).start("web").stop("db").exits("web", 1).pass(60_000);
    expect(stage.states).toBe("db stopped, web starting");
    expect(stage.world.waitingFor("web")).toEqual(["db"]);
    expect(stage.start("db").states).toBe("db running, web running");
  });

  test("a unit that is missing holds its dependent up, and its loading and start lets it go", () => {
    const stage = staged({ web: { dependencies: ["db"] } }).start("web");
    expect(stage.states).toBe("web starting");
    expect(stage.world.waitingFor("web")).toEqual(["db"]);
    expect(stage.load(makeSpec("db")).start("db").states).toBe("db running, web running");
  });

  test("a waiting dependent starts by itself when its dependency recovers", () => {
    const stage = staged({ db: { restart: { maxRetries: 0, fatalRetryAfterMs: 5000 } }, web: { dependencies: ["db"] } });
    stage.broken.add("db");
    expect(stage.start("web").states).toBe("db fatal, web starting");
    stage.broken.delete("db");
    expect(stage.pass(5000).states).toBe("db running, web running");
  });
});
