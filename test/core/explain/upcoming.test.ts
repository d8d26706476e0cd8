import { expect, test } from "bun:test";
import { upcomingOf } from "../../../src/core/explain/upcoming.ts";
import { CHAIN, ONESHOT, staged, type Stage } from "../world/stage.ts";

/** Upcoming events of a unit, with the seconds until then. */
const coming = (stage: Stage, id: string): string[] =>
  upcomingOf(stage.world, stage.world.get(id)!, undefined).map(({ text, atMs }) =>
    atMs === null ? text : `${text} in ${(atMs - stage.nowMs) / 1000}`,
  );

test("down: nothing happens automatically", () => {
  const stage = staged({ web: {} });
  expect(coming(stage, "web")).toEqual(["Nothing automatically. `sup start web` starts it."]);
});

test("waiting: for which unit, for which condition, and the state of that unit", () => {
  const stage = staged({ ...CHAIN, web: { dependencies: ["db"] } });
  stage.broken.add("db");
  stage.start("web");
  expect(coming(stage, "web")).toEqual(["Starts when db is ready; its state is backoff."]);
  expect(coming(stage, "db")).toEqual(["Retry 1 of 5 in 1"]);
});

test("waiting for start_concurrency", () => {
  const stage = staged({ a: { check: {} }, b: { check: {} } }, 1);
  stage.ill.add("a");
  stage.start("a", "b");
  expect(coming(stage, "b")).toEqual(["Starts when fewer units are starting (start_concurrency)."]);
});

test("starting: the start timeout and the next probe", () => {
  const stage = staged({ web: { check: {} } });
  stage.ill.add("web");
  stage.start("web").pass(0);
  expect(coming(stage, "web")).toEqual(["The start times out in 60", "Next health check in 1"]);
});

test("running: what the next failure causes, and when the retry counter resets", () => {
  const stage = staged({ web: { restart: { maxRetries: 1 } } }).start("web");
  expect(coming(stage, "web")).toEqual(["If it fails: retry 1 of 1 after 1s."]);
  stage.exits("web", 1).pass(1000);
  expect(coming(stage, "web")).toEqual(["The retry counter (1) resets in 60", "The next failure is fatal: no retries are left."]);
  stage.exits("web", 1);
  expect(coming(stage, "web")).toEqual(["Nothing automatically. `sup start web` starts it."]);
});

test("fatal with fatal_retry_after; stopping", () => {
  const stage = staged({ web: { restart: { maxRetries: 0, fatalRetryAfterMs: 5000 } }, deaf: {}, job: { ...ONESHOT } }).start(
    "web",
    "deaf",
  );
  stage.exits("web", 1);
  expect(coming(stage, "web")).toEqual(["Next attempt (fatal_retry_after) in 5"]);
  stage.stubborn.add("deaf");
  stage.stop("deaf");
  expect(coming(stage, "deaf")).toEqual(["Remaining processes get SIGKILL in 10", "The unit stays stopped afterwards."]);
});

test("waiting for a unit that does not start by itself: the command that starts it", () => {
  const stage = staged({ db: { restart: { maxRetries: 0 } }, web: { dependencies: ["db"] } });
  stage.broken.add("db");
  stage.start("web");
  expect(coming(stage, "web")).toEqual(["Starts when db is ready; its state is fatal. `sup start db` starts it."]);
});
