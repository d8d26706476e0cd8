import { describe, expect, test } from "bun:test";
import { JobBook } from "../../../src/core/jobs/job-book.ts";
import { jobText, parseJob, type Job } from "../../../src/core/jobs/job.ts";
import { Deadlines } from "../../../src/core/world/deadlines.ts";
import { emptyTurn } from "../../../src/core/world/types.ts";
import { hook } from "../fixtures.ts";
import { parseSdNotify } from "../../../src/core/unit/sd-notify.ts";
import { CHAIN, NOTIFY, ONESHOT, staged, type Stage } from "../world/stage.ts";

type Action = "start" | "stop" | "restart" | "reload";

/** Requests the action as a job; answers how to read it. */
function job(stage: Stage, action: Action, ids: readonly string[], more: { readonly cascade?: boolean } = {}): () => string[] {
  const id = nameOf(action, ids);
  stage.post({ type: "request", action, ids, cause: "operator", ...more, job: { id, warnings: [] } });
  return () => words(stage.world.job(id)!);
}

const nameOf = (action: Action, ids: readonly string[]): string => `${action} ${ids.join(" ")}`;

const words = (one: Job): string[] =>
  one.units.map(({ id, outcome }) => (outcome === null ? `${id} pending` : `${id} ${outcome.result}: ${outcome.message}`));

describe("a job", () => {
  test("is pending until its units are there, and has an outcome for each in the order of the request", () => {
    const stage = staged({ a: NOTIFY, b: {} });
    const read = job(stage, "start", ["a", "b"]);
    expect(read()).toEqual(["a pending", "b done: running (pid 101) in 0ms"]);
    stage.pass(1500).ready("a");
    expect(read()).toEqual(["a done: running (pid 101) in 1.5s", "b done: running (pid 101) in 0ms"]);
  });

  test("leaves alone what is as it should be", () => {
    const stage = staged({ a: {}, b: {} }).start("a");
    expect(job(stage, "start", ["a"])()).toEqual(["a unchanged: already running"]);
    expect(job(stage, "stop", ["b"])()).toEqual(["b unchanged: already stopped"]);
  });

  test("a start fails at the unit's first failure, though the unit is tried again", () => {
    const stage = staged({ web: {} });
    stage.broken.add("web");
    expect(job(stage, "start", ["web"])()).toEqual(["web failed: no such file"]);
    expect(stage.phase("web")).toBe("backoff");
  });

  test("a restart waits for the next run", () => {
    const stage = staged({ web: {} }).start("web");
    stage.stubborn.add("web");
    const read = job(stage, "restart", ["web"]);
    expect(read()).toEqual(["web pending"]);
    stage.pass(10_000);
    expect(read()).toEqual(["web done: running (pid 102) in 10s"]);
  });

  test("a start of what waits for a unit that is down fails at once, also when it is asked for again", () => {
    const stage = staged({ app: { dependencies: ["gone"] } });
    const why = "app failed: it needs gone, which is not loaded; it will start when that one is up";
    for (const id of ["first", "second"]) {
      stage.post({ type: "request", action: "start", ids: ["app"], cause: "operator", job: { id, warnings: [] } });
      expect(words(stage.world.job(id)!)).toEqual([why]);
    }
  });

  test("a start fails when what it waits for gives up meanwhile", () => {
    const stage = staged(CHAIN);
    stage.broken.add("db");
    const read = job(stage, "start", ["web"]);
    expect(read()).toEqual(["web pending"]);
    stage.pass(600_000);
    expect(read()).toEqual(["web failed: it needs db, which is fatal; it will start when that one is up"]);
  });

  test("a reload of what cannot reload, or must not now, fails with the reason", () => {
    const reload = { kind: "command", command: "reread", args: [], timeoutMs: 1000 } as const;
    const stage = staged({ plain: {}, web: { reload } });
    expect(job(stage, "reload", ["plain", "web"])()).toEqual([
      "plain failed: it cannot reload: its unit file has no `reload`; use restart",
      expect.stringMatching(/^web failed: cannot reload: /),
    ]);
    stage.start("web");
    expect(job(stage, "reload", ["web"])()[0]).toStartWith("web done: configuration reloaded in ");
  });

  test("a reload that fails, or that the end of the run interrupts, is a failed job", () => {
    const stage = staged({ web: { ...NOTIFY, reload: { kind: "signal", signal: 1 }, startTimeoutMs: 5000 } })
      .start("web")
      .ready("web");
    const says = (text: string): void =>
      void stage.fact("web", { type: "notified", run: stage.unit("web").run, notice: parseSdNotify(text) });
    says("READY=1");
    const read = job(stage, "reload", ["web"]);
    says("RELOADING=1");
    expect(read()).toEqual(["web pending"]);
    stage.pass(5000);
    expect(read()[0]).toStartWith("web failed: the service announced a reload (RELOADING=1) but did not send READY=1 within 5s");
    stage.post({ type: "request", action: "reload", ids: ["web"], cause: "operator", job: { id: "again", warnings: [] } });
    stage.exits("web", 1);
    expect(words(stage.world.job("again")!)).toEqual(["web failed: the reload did not finish: it is stopping now"]);
  });

  test("a restart that pre_restart prevents has failed, and the unit goes on running", () => {
    const stage = staged({ web: { preRestart: [hook()] } }).start("web");
    stage.broken.add("web");
    expect(job(stage, "restart", ["web"])()).toEqual(["web failed: not restarted, it goes on running: exit code 1"]);
    expect(stage.phase("web")).toBe("running");
    expect(stage.unit("web").run).toBe(1);
    stage.broken.delete("web");
    stage.post({ type: "request", action: "restart", ids: ["web"], cause: "operator", job: { id: "again", warnings: [] } });
    expect(words(stage.world.job("again")!)).toEqual(["web done: running (pid 102) in 0ms"]);
  });

  test("a stop with its dependents has an outcome for each of them", () => {
    const stage = staged(CHAIN).start("web");
    expect(job(stage, "stop", ["db"], { cascade: true })()).toEqual(["web done: stopped in 0ms", "db done: stopped in 0ms"]);
  });

  test("a stop with its dependents names each unit that it stops, dependents first, and no other", () => {
    const stage = staged({
      db: {},
      web: { dependencies: ["db"] },
      app: { dependencies: ["db", "web"] },
      done: { ...ONESHOT, dependencies: ["db"] },
      stays: { ...ONESHOT, remainAfterExit: true, dependencies: ["db"] },
      waits: { dependencies: ["gone", "db"] },
      failed: { dependencies: ["db"], restart: { autoRestart: false } },
    }).start("app", "done", "stays", "waits", "failed");
    stage.exits("done", 0).exits("stays", 0).exits("failed", 1);
    const read = job(stage, "stop", ["db"], { cascade: true });
    const named = read().map((line) => line.split(" ")[0]!);
    expect(named.toSorted()).toEqual(["app", "db", "stays", "waits", "web"]);
    expect(named.at(-1)).toBe("db");
    expect(named.indexOf("app")).toBeLessThan(named.indexOf("web"));
    expect(stage.states).toBe("app stopped, db stopped, done stopped, failed failed, stays stopped, waits stopped, web stopped");
  });

  test("a oneshot is done when it has succeeded", () => {
    const stage = staged({ migrate: ONESHOT });
    const read = job(stage, "start", ["migrate"]);
    expect(read()).toEqual(["migrate pending"]);
    stage.exits("migrate", 0);
    expect(read()[0]).toStartWith("migrate done: finished");
  });

  test("a start fails when the unit is told to stop before it is ready, and waits for its dependents", () => {
    const stage = staged({ db: NOTIFY, app: { dependencies: [{ unit: "db", condition: "started" }] } }).start("app");
    const read = job(stage, "start", ["db"]);
    expect(read()).toEqual(["db pending"]);
    stage.stubborn.add("app");
    stage.stop("db", "app").ready("db");
    expect(read()).toEqual(["db failed: it was told to stop meanwhile"]);
  });

  test("a pending job is not compared again while nothing of it changes", () => {
    const stage = staged({ web: NOTIFY, other: {} });
    job(stage, "start", ["web"]);
    const before = stage.world.job("start web");
    stage.start("other");
    expect(stage.world.job("start web")).toBe(before!);
  });

  test("a unit that is removed meanwhile ends its part of the job", () => {
    const stage = staged({ web: NOTIFY });
    const read = job(stage, "start", ["web"]);
    stage.unload("web");
    expect(read()).toEqual(["web failed: it was removed"]);
  });
});

describe("a job is a record", () => {
  test("that another world goes on with", () => {
    const stage = staged({ web: NOTIFY });
    job(stage, "start", ["web"]);
    const { spec, unit, check } = stage.world.get("web")!;
    const next = staged({});
    next.nowMs = 2000;
    next.post({ type: "restore", spec, unit, check });
    next.post({ type: "restoreJob", job: parseJob("start web", jobText(stage.world.job("start web")!))! });
    expect(words(next.world.job("start web")!)).toEqual(["web pending"]);
    next.ready("web");
    expect(words(next.world.job("start web")!)).toEqual(["web done: running (pid 101) in 2s"]);
  });

  test("that is damaged or of another version counts for nothing", () => {
    const { world } = staged({ web: {} });
    expect(world.job("a")).toBeUndefined();
    const text = jobText({ id: "a", action: "start", createdMs: 0, endedMs: null, warnings: [], units: [] });
    expect(parseJob("a", text)).not.toBeNull();
    expect(parseJob("b", text)).toBeNull();
    expect(parseJob("a", text.replace('"version":1', '"version":2'))).toBeNull();
    expect(parseJob("a", "{")).toBeNull();
  });

  test("that is kept for ten minutes after its end, and longer while it is pending", () => {
    const stage = staged({ web: {}, slow: NOTIFY });
    job(stage, "start", ["web"]);
    job(stage, "start", ["slow"]);
    stage.pass(599_999);
    expect(stage.world.job("start web")).toBeDefined();
    stage.pass(1);
    expect(stage.world.job("start web")).toBeUndefined();
  });

  test("of which the oldest go first when there are very many, and pending ones never", () => {
    const stage = staged({ web: {}, slow: NOTIFY }).start("web");
    const pending = job(stage, "start", ["slow"]);
    for (let n = 0; n < 300; n++)
      stage.post({ type: "request", action: "start", ids: ["web"], cause: "operator", job: { id: `j${n}`, warnings: [] } });
    expect(stage.world.job("j99")).toBeUndefined();
    expect(stage.world.job("j100")).toBeDefined();
    expect(pending()).toEqual(["slow pending"]);
  });

  test("of which one that ends after very many others is there for whoever waits for it", () => {
    const stage = staged({ web: {}, slow: NOTIFY }).start("web");
    const read = job(stage, "start", ["slow"]);
    for (let n = 0; n < 300; n++)
      stage.post({ type: "request", action: "start", ids: ["web"], cause: "operator", job: { id: `j${n}`, warnings: [] } });
    stage.ready("slow");
    expect(read()).toEqual(["slow done: running (pid 101) in 0ms"]);
  });
});

test("the dependencies of waiting units are searched only in a turn that can put a goal out of reach", () => {
  const stage = staged({ db: NOTIFY, a: { dependencies: ["db"] }, b: { dependencies: ["db"] } }).start("a", "b");
  const searched: string[] = [];
  const culprits = () => (id: string) => {
    searched.push(id);
    return null;
  };
  const book = new JobBook({
    get: (id) => stage.world.get(id),
    wishes: { culprits, cascade: (ids) => [...ids] },
    deadlines: new Deadlines(),
  });
  const env = { nowMs: 0, roll: 0 };
  /** Ends a turn that changed these units, and returns for which units it searched. */
  const endTurn = (...changed: string[]): string[] => {
    searched.length = 0;
    book.follow({ env, turn: { ...emptyTurn(), changed: new Set(changed) } });
    return [...searched];
  };
  book.create(
    { type: "request", action: "start", ids: ["a", "b"], cause: "operator", job: { id: "j", warnings: [] } },
    { env, turn: emptyTurn() },
  );
  expect(endTurn()).toEqual(["a", "b"]);
  expect(stage.phase("db")).toBe("starting");
  expect(endTurn("db")).toEqual([]);
  stage.exits("db", 1);
  stage.stop("db");
  expect(stage.phase("db")).toBe("idle");
  expect(endTurn("db")).toEqual(["a", "b"]);
});

test("a restart whose pre_restart commands end between a stop and a start ends: it was not restarted", () => {
  const stage = staged({ db: { preRestart: [hook()] }, web: { dependencies: ["db"] } }).start("web");
  stage.stubborn.add("web"); // so db waits for it before it stops
  const request = (action: Action, ids: readonly string[]) => ({ type: "request", action, ids, cause: "operator" }) as const;
  stage.handle({ ...request("restart", ["db"]), job: { id: "j", warnings: [] } });
  stage.handle(request("stop", ["db", "web"]));
  stage.post(request("start", ["db"]));
  expect(stage.states).toBe("db running, web stopping");
  expect(words(stage.world.job("j")!)).toEqual(["db failed: not restarted, it goes on running: another request came in between"]);
});
