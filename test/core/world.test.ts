import { afterEach, describe, expect, test } from "bun:test";
import type { Condition } from "../../src/base/words.ts";
import { code, makeSpec, type SpecParts } from "./fixtures.ts";
import { Stage } from "./stage.ts";

let stages: Stage[] = [];
afterEach(() => {
  const bugs = stages.flatMap((stage) => stage.bugs);
  stages = [];
  expect(bugs).toEqual([]);
});

/** `{ db: {}, web: { dependencies: ["db"] } }` */
function staged(units: Record<string, SpecParts>, startConcurrency = 0): Stage {
  const stage = new Stage(
    Object.entries(units).map(([id, parts]) => makeSpec(id, parts)),
    startConcurrency,
  );
  stages.push(stage);
  return stage;
}

const CHAIN = { db: {}, web: { dependencies: ["db"] } } satisfies Record<string, SpecParts>;
const NOTIFY = { type: "notify" } as const;
const ONESHOT = { type: "oneshot" } as const;
const spawnsOf = (stage: Stage): string[] => stage.take().filter((act) => act.startsWith("spawn"));

describe("start order", () => {
  test("is by priority, then by name, among units that dependencies leave free", () => {
    const stage = staged({ c: { priority: 50 }, b: {}, a: {}, d: { priority: 10 } });
    expect(spawnsOf(stage.start("a", "b", "c", "d"))).toEqual(["spawn d", "spawn c", "spawn a", "spawn b"]);
    expect(stage.world.ids()).toEqual(["d", "c", "a", "b"]);
  });

  test("puts a dependency before its dependent, whatever the priorities", () => {
    const stage = staged({ db: { priority: 900 }, web: { priority: 1, dependencies: ["db"] } });
    expect(spawnsOf(stage.start("web", "db"))).toEqual(["spawn db", "spawn web"]);
  });

  test("is parallel where the graph allows", () => {
    const stage = staged({ a: {}, b: {}, web: { dependencies: ["a", "b"] } });
    stage.slow.add("a").add("b");
    expect(spawnsOf(stage.start("web"))).toEqual(["spawn a", "spawn b"]);
    expect(spawnsOf(stage.answer("b"))).toEqual([]);
    expect(spawnsOf(stage.answer("a"))).toEqual(["spawn web"]);
  });

  test("start_concurrency bounds how many start at once, and the next one is by priority", () => {
    const stage = staged({ a: NOTIFY, b: NOTIFY, c: { ...NOTIFY, priority: 1 }, d: NOTIFY }, 2);
    expect(spawnsOf(stage.start("a", "b", "c", "d"))).toEqual(["spawn c", "spawn a"]);
    expect(stage.states).toBe("c starting, a starting, b starting, d starting");
    expect(spawnsOf(stage.ready("a"))).toEqual(["spawn b"]);
    expect(spawnsOf(stage.exits("c", 1))).toEqual(["spawn d"]);
  });

  test("a stop frees a place for the next start", () => {
    const stage = staged({ a: NOTIFY, b: NOTIFY }, 1);
    stage.start("a", "b").take();
    expect(spawnsOf(stage.stop("a"))).toEqual(["spawn b"]);
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
    expect([stage.phase("web"), stage.answer("db").phase("db"), stage.phase("web")]).toEqual(["waiting", "starting", "running"]);
  });

  test("ready: once it is ready", () => {
    const stage = chain("ready", NOTIFY).answer("db");
    expect([stage.phase("web"), stage.ready("db").phase("web")]).toEqual(["waiting", "running"]);
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
      expect([stage.phase("web"), stage.exits("db", exit).phase("web")]).toEqual(["waiting", "running"]);
    }
  });

  test("completed is not met by a failure that will be tried again", () => {
    const stage = chain("completed", ONESHOT).answer("db").exits("db", 1);
    expect([stage.phase("db"), stage.phase("web")]).toEqual(["backoff", "waiting"]);
  });

  test("succeeded: once it ended well; the default for a oneshot", () => {
    const stage = staged({ migrate: ONESHOT, web: { dependencies: ["migrate"] } }).start("web");
    expect(stage.states).toBe("migrate running, web starting");
    expect(stage.exits("migrate", 1).states).toBe("migrate backoff, web starting");
    expect(stage.pass(1000).exits("migrate", 0).states).toBe("migrate stopped, web running");
  });

  test("succeeded is met by a oneshot that remains after its exit", () => {
    const stage = staged({ net: { ...ONESHOT, remainAfterExit: true }, web: { dependencies: ["net"] } }).start("web").exits("net", 0);
    expect(stage.states).toBe("net running, web running");
  });

  test("what a oneshot has done is not done again for another dependent", () => {
    const stage = staged({ migrate: ONESHOT, a: { dependencies: ["migrate"] }, b: { dependencies: ["migrate"] } });
    stage.start("a").exits("migrate", 0).take();
    expect(spawnsOf(stage.start("b"))).toEqual(["spawn b"]);
  });

  test("a oneshot that was asked for runs again, and its dependents wait for this run", () => {
    const stage = staged({ zap: ONESHOT, app: { dependencies: ["zap"] } }).start("app").exits("zap", 0).stop("app");
    expect(stage.start("app", "zap").states).toBe("app starting, zap running");
    expect(stage.exits("zap", 0).states).toBe("app running, zap stopped");
  });

  test("a service that ended well by itself is not ready: it is started for its dependent", () => {
    const stage = staged(CHAIN).start("db").exits("db", 0);
    expect(stage.states).toBe("db stopped, web stopped");
    expect(stage.start("web").states).toBe("db running, web running");
  });

  test("a oneshot that stays down after it succeeded meets `ready` as well", () => {
    const stage = staged({ job: ONESHOT, web: { dependencies: [{ unit: "job", condition: "ready" }] } }).start("job").exits("job", 0);
    expect(spawnsOf(stage.start("web"))).toContain("spawn web");
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
    const units = { far: { restart: { maxRetries: 0 } }, db: { dependencies: ["far"] }, web: { dependencies: [{ unit: "db", required: false }] } };
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
    expect([stage.states, stage.world.waitingFor("web")]).toEqual(["web starting", ["db"]]);
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

describe("stop", () => {
  test("of several units runs in reverse, each after its dependents are down", () => {
    const stage = staged({ disk: {}, db: { dependencies: ["disk"] }, web: { dependencies: ["db"] } }).start("web");
    stage.take();
    stage.stubborn.add("web");
    stage.stop("disk", "db", "web");
    expect([stage.take(), stage.states]).toEqual([["signal web"], "db stopping, disk stopping, web stopping"]);
    stage.pass(10_000);
    expect([stage.take(), stage.states]).toEqual([["kill web", "signal db", "signal disk"], "db stopped, disk stopped, web stopped"]);
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
    const stage = staged({ db: {}, a: { dependencies: ["db"] }, b: { ...ONESHOT, remainAfterExit: true, dependencies: ["db"] } }).start("a", "b");
    stage.exits("a", 1).exits("b", 0);
    expect(stage.states).toBe("a backoff, b running, db running");
    expect(stage.cascade("db").pass(60_000).states).toBe("a stopped, b stopped, db stopped");
    expect(stage.start("db").states).toBe("a stopped, b stopped, db running");
  });

  test("of several units starts none of them on the way", () => {
    const stage = staged({ gone: {}, db: { dependencies: ["gone"] }, web: { dependencies: [{ unit: "db", required: false }] } });
    stage.broken.add("gone");
    stage.start("db", "web").take();
    expect(stage.stop("db", "web").take()).toEqual([]);
    expect(stage.states).toBe("db stopped, gone backoff, web stopped");
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
    expect([stage.unit("db").want, stage.states]).toEqual(["up", "db running, web stopping"]);
    expect(stage.pass(10_000).states).toBe("db running, web running");
  });

  test("a dependency that no longer is one does not hold the stop", () => {
    const stage = staged(CHAIN).start("web");
    stage.stubborn.add("web");
    stage.stop("db", "web");
    expect(stage.states).toBe("db stopping, web stopping");
    expect(stage.load(makeSpec("web")).states).toBe("db stopped, web stopping");
  });
});

describe("restart", () => {
  test("of a dependency leaves its dependents alone", () => {
    const stage = staged(CHAIN).start("web").restart("db");
    expect([stage.states, stage.unit("db").run, stage.unit("web").run]).toEqual(["db running, web running", 2, 1]);
  });

  test("restart: true on the edge restarts the dependent too, after the dependency is ready again", () => {
    const stage = staged({ db: NOTIFY, web: { dependencies: [{ unit: "db", restart: true }] } }).start("web").ready("db").restart("db");
    expect(stage.states).toBe("db starting, web starting");
    expect([stage.ready("db").states, stage.unit("web").run, stage.unit("web").reason]).toEqual(["db running, web running", 2, "dependency"]);
  });

  test("restart: true also when the dependency crashes and comes back", () => {
    const stage = staged({ db: {}, web: { dependencies: [{ unit: "db", restart: true }] } }).start("web").exits("db", 1);
    expect([stage.phase("web"), stage.unit("web").ledger.retries]).toEqual(["waiting", 0]);
    expect([stage.pass(1000).states, stage.unit("web").run]).toEqual(["db running, web running", 2]);
  });

  test("restart: true with the condition `started`, when the dependency was not ready yet", () => {
    const edge = { unit: "db", restart: true, condition: "started" } as const;
    const stage = staged({ db: NOTIFY, web: { dependencies: [edge] } }).start("web").restart("db");
    expect([stage.unit("db").run, stage.unit("web").run]).toEqual([2, 2]);
  });

  test("restart: true with a oneshot that remains", () => {
    const stage = staged({ net: { ...ONESHOT, remainAfterExit: true }, web: { dependencies: [{ unit: "net", restart: true }] } });
    stage.start("web").exits("net", 0).restart("net");
    expect(stage.states).toBe("net running, web starting");
    expect([stage.exits("net", 0).states, stage.unit("web").run]).toEqual(["net running, web running", 2]);
  });

  test("restart: true does not restart a dependent that is stopped, or when the dependency is only stopped", () => {
    const stage = staged({ db: {}, web: { dependencies: [{ unit: "db", restart: true }] } }).start("db").restart("db");
    expect(stage.states).toBe("db running, web stopped");
    expect(stage.start("web").stop("db").unit("web").run).toBe(1);
  });

  test("of several units that are down starts each of them once, and counts no restart", () => {
    const stage = staged({ app: { dependencies: ["db"] }, db: NOTIFY }).restart("app", "db");
    expect(stage.take()).toEqual(["spawn db"]);
    expect([stage.ready("db").take(), stage.unit("db").restarts]).toEqual([["spawn app"], 0]);
  });

  test("of several units: the dependent comes back after its dependency", () => {
    const stage = staged({ db: NOTIFY, web: { dependencies: ["db"] } }).start("web").ready("db").restart("db", "web");
    expect([stage.states, stage.ready("db").states]).toEqual(["db starting, web starting", "db running, web running"]);
    expect([stage.unit("db").run, stage.unit("web").run]).toEqual([2, 2]);
  });
});

describe("load and unload", () => {
  test("unload stops the unit and forgets it once it is down", () => {
    const stage = staged(CHAIN).start("web");
    stage.stubborn.add("web");
    stage.unload("web");
    expect([stage.phase("web"), stage.world.get("web")?.retired]).toEqual(["stopping", true]);
    stage.pass(10_000);
    expect([stage.world.get("web"), [...stage.world.dependentsOf("db")], stage.states]).toEqual([undefined, [], "db running"]);
  });

  test("unload of a unit that is down forgets it at once", () => {
    const turn = staged(CHAIN).handle({ type: "unload", id: "web" });
    expect([...turn.removed]).toEqual(["web"]);
  });

  test("a unit whose file is gone is not started any more, and says why", () => {
    const stage = staged({ web: {} }).start("web");
    stage.stubborn.add("web");
    stage.unload("web");
    for (const action of ["start", "restart"] as const) {
      const turn = stage.handle({ type: "request", action, ids: ["web"], cause: "operator" });
      expect(turn.refusals).toEqual([{ id: "web", why: "its unit file is gone" }]);
    }
    stage.pass(10_000);
    expect(stage.world.get("web")).toBeUndefined();
  });

  test("a file that comes back while the unit stops: the unit stays", () => {
    const stage = staged({ web: {} }).start("web");
    stage.stubborn.add("web");
    stage.unload("web").load(makeSpec("web")).pass(10_000);
    expect(stage.states).toBe("web stopped");
  });

  test("a changed spec leaves the process alone", () => {
    const stage = staged({ web: {} }).start("web");
    stage.take();
    expect([stage.load(makeSpec("web", { description: "new" })).take(), stage.unit("web").run]).toEqual([[], 1]);
  });

  test("a changed spec of a unit that waits for READY=1 does not make it ready", () => {
    const stage = staged({ web: NOTIFY }).start("web").load(makeSpec("web", { ...NOTIFY, description: "new" }));
    expect(stage.phase("web")).toBe("starting");
  });

  test("a new check of a running unit is probed, without asking for readiness again", () => {
    const stage = staged({ web: {} }).start("web").load(makeSpec("web", { check: { failureThreshold: 1 } }));
    expect([stage.phase("web"), stage.world.get("web")?.check?.health]).toEqual(["running", "unknown"]);
    stage.pass(0);
    expect(stage.world.get("web")?.check?.health).toBe("healthy");
    stage.ill.add("web");
    expect(stage.pass(30_000).phase("web")).toBe("backoff");
  });

  test("a probe of the old check that is still under way says nothing about the new one", () => {
    const stage = staged({ web: { check: {} } }).start("web");
    const [old] = stage.world.handle({ type: "tick" }, { nowMs: 0, roll: 0 }).effects;
    stage.ready("web").load(makeSpec("web", { check: { failureThreshold: 1 } }));
    const [fresh] = stage.world.handle({ type: "tick" }, { nowMs: 0, roll: 0 }).effects;
    if (old?.type !== "probe" || fresh?.type !== "probe") throw new Error("no probes");
    const bad = { atMs: 0, kind: "bad", detail: "", responseMs: 1, fallback: false } as const;
    stage.post({ type: "probed", id: "web", run: 1, seq: old.seq, result: bad });
    expect([stage.phase("web"), stage.world.get("web")?.check?.probing]).toEqual(["running", true]);
    stage.post({ type: "probed", id: "web", run: 1, seq: fresh.seq, result: bad });
    expect(stage.phase("web")).toBe("backoff");
  });

  test("a check that is taken away makes a unit ready that waited for it", () => {
    const stage = staged({ web: { check: {} } });
    stage.ill.add("web");
    expect(stage.start("web").load(makeSpec("web")).phase("web")).toBe("running");
    expect(stage.world.get("web")?.check).toBeNull();
  });

  test("an unchanged check goes on counting", () => {
    const stage = staged({ web: { check: {} } }).start("web").pass(0);
    stage.ill.add("web");
    stage.pass(30_000).load(makeSpec("web", { check: {}, priority: 1 }));
    expect(stage.world.get("web")?.check?.failures).toBe(1);
  });

  test("a dependency that is taken away lets a waiting unit start", () => {
    const stage = staged({ web: { dependencies: ["gone"] } }).start("web").load(makeSpec("web"));
    expect(stage.states).toBe("web running");
  });

  test("a restored unit keeps its deadline", () => {
    const stage = staged({ web: {} }).start("web").exits("web", 1);
    const { spec, unit } = stage.world.get("web")!;
    const next = staged({});
    next.post({ type: "restore", spec, unit, check: null });
    expect([next.world.nextDueMs(), next.pass(1000).phase("web"), next.unit("web").run]).toEqual([1000, "running", 2]);
  });
});

describe("health", () => {
  test("lost health restarts the unit and uses up a retry", () => {
    const stage = staged({ web: { check: {} } }).start("web").pass(0);
    stage.ill.add("web");
    stage.pass(90_000);
    expect([stage.phase("web"), stage.unit("web").reason, stage.unit("web").ledger.retries]).toEqual(["backoff", "health", 1]);
    stage.ill.delete("web");
    expect(stage.pass(1000).world.get("web")).toMatchObject({ unit: { phase: "running", run: 2 }, check: { health: "healthy", run: 2 } });
  });

  test("with action none it only says so", () => {
    const stage = staged({ web: { check: { action: "none", failureThreshold: 1 } } }).start("web").pass(0);
    stage.ill.add("web");
    stage.pass(300_000);
    expect([stage.unit("web").run, stage.phase("web"), stage.world.get("web")?.check?.health]).toEqual([1, "running", "unhealthy"]);
  });

  test("a bad check cannot loop for ever", () => {
    const stage = staged({ web: { check: { failureThreshold: 1, intervalMs: 1000 }, restart: { maxRetries: 2 } } }).start("web").pass(0);
    for (let i = 0; i < 10 && stage.phase("web") !== "fatal"; i++) {
      stage.ill.add("web");
      stage.pass(1000);
      stage.ill.delete("web");
      stage.pass(4000);
    }
    expect([stage.phase("web"), stage.unit("web").run]).toEqual(["fatal", 3]);
  });

  test("a unit that stops is not probed, and its health is left as it was", () => {
    const stage = staged({ web: { check: { intervalMs: 1000, failureThreshold: 1 } } }).start("web").pass(0);
    stage.stubborn.add("web");
    stage.ill.add("web");
    stage.stop("web").take();
    expect(stage.pass(9999).take()).toEqual([]);
    expect(stage.world.get("web")?.check?.health).toBe("healthy");
  });

  test("the late result of a probe of a unit that stops changes nothing", () => {
    const stage = staged({ web: { check: { failureThreshold: 1 } } }).start("web").pass(0);
    stage.stubborn.add("web");
    stage.nowMs = 30_000;
    const turn = stage.world.handle({ type: "tick" }, { nowMs: 30_000, roll: 0 });
    const [probe] = turn.effects;
    if (probe?.type !== "probe") throw new Error("no probe");
    stage.stop("web");
    const result = { atMs: 30_000, kind: "bad", detail: "", responseMs: 1, fallback: false } as const;
    stage.post({ type: "probed", id: "web", run: probe.run, seq: probe.seq, result });
    expect(stage.world.get("web")?.check).toMatchObject({ health: "healthy", dueMs: null });
  });
});

describe("requests", () => {
  const ACTIONS = ["start", "stop", "restart", "reset"] as const;
  const MOMENTS = {
    "at once": () => {},
    "while it stops": (stage: Stage) => stage.stubborn.add("db").add("web"),
    "before it is executed": (stage: Stage) => stage.slow.add("db"),
  } as const;

  /** The last of them that wishes something. */
  const wishOf = (...actions: ReadonlyArray<(typeof ACTIONS)[number]>): "up" | "down" => {
    const wish = actions.findLast((action) => action !== "reset");
    return wish === undefined || wish === "stop" ? "down" : "up";
  };

  const cases = Object.keys(MOMENTS).flatMap((moment) =>
    ["down", "up", "backoff"].flatMap((from) =>
      ["db", "web"].flatMap((id) => ACTIONS.flatMap((first) => ACTIONS.map((second) => ({ moment, from, id, first, second })))),
    ),
  );

  test("every pair of requests, in every order and at every moment, ends as the last one says", () => {
    for (const { moment, from, id, first, second } of cases) {
      const stage = staged(CHAIN);
      if (from !== "down") stage.start(id);
      if (from === "backoff") stage.exits(id, 1);
      MOMENTS[moment as keyof typeof MOMENTS](stage);
      stage.request(first, [id]).request(second, [id]);
      stage.slow.clear();
      if (stage.phase("db") === "starting") stage.answer("db");
      stage.pass(120_000);
      const wish = from === "down" ? wishOf(first, second) : wishOf("start", first, second);
      const where = `${from}, ${moment}: ${first} ${id}, ${second} ${id}`;
      expect(`${where}: ${stage.phase(id)}`).toBe(`${where}: ${wish === "up" ? "running" : "idle"}`);
    }
    expect(cases).toHaveLength(288);
  });

  test("an unknown unit is left out", () => {
    expect(staged({ web: {} }).start("nobody", "web").states).toBe("web running");
  });

  test("a reload of a unit that is down is refused", () => {
    const turn = staged({ web: {} }).handle({ type: "request", action: "reload", ids: ["web"], cause: "operator" });
    expect(turn.refusals).toEqual([{ id: "web", why: "it is not running" }]);
  });

  test("facts about a unit that is gone are dropped", () => {
    const stage = staged({ web: {} });
    stage.fact("gone", { type: "exited", run: 1, exit: code(0) });
    expect(stage.states).toBe("web stopped");
  });
});
