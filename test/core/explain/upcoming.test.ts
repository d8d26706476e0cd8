import { expect, test } from "bun:test";
import { upcomingOf } from "../../../src/core/explain/upcoming.ts";
import { CHAIN, ONESHOT, staged, type Stage } from "../world/stage.ts";

/** What comes next for a unit, with the seconds until then. */
const coming = (stage: Stage, id: string): string[] =>
  upcomingOf(stage.world, stage.world.get(id)!, undefined).map(({ text, atMs }) =>
    atMs === null ? text : `${text} in ${(atMs - stage.nowMs) / 1000}`,
  );

test("down: nothing by itself", () => {
  const stage = staged({ web: {} });
  expect(coming(stage, "web")).toEqual(["Nothing by itself. `sup start web` starts it."]);
});

test("waiting: for whom, for what, and how that one is", () => {
  const stage = staged({ ...CHAIN, web: { dependencies: ["db"] } });
  stage.broken.add("db");
  stage.start("web");
  expect(coming(stage, "web")).toEqual(["It starts when db is ready; it is backoff now."]);
  expect(coming(stage, "db")).toEqual(["Retry 1 of 5 comes in 1"]);
});

test("waiting for a place", () => {
  const stage = staged({ a: { check: {} }, b: { check: {} } }, 1);
  stage.ill.add("a");
  stage.start("a", "b");
  expect(coming(stage, "b")).toEqual(["It starts when it is its turn (start_concurrency)."]);
});

test("starting: until when, and the next probe", () => {
  const stage = staged({ web: { check: {} } });
  stage.ill.add("web");
  stage.start("web").pass(0);
  expect(coming(stage, "web")).toEqual(["Unless it is ready before, its start fails in 60", "Its health is asked next in 1"]);
});

test("running: what a failure would lead to, and when failures are forgiven", () => {
  const stage = staged({ web: { restart: { maxRetries: 1 } } }).start("web");
  expect(coming(stage, "web")).toEqual(["If it fails, retry 1 of 1 comes after 1s."]);
  stage.exits("web", 1).pass(1000);
  expect(coming(stage, "web")).toEqual([
    "Its count of retries (1) returns to 0 in 60",
    "If it fails before, it is given up: no retry is left.",
  ]);
  stage.exits("web", 1);
  expect(coming(stage, "web")).toEqual(["Nothing by itself. `sup start web` starts it."]);
});

test("fatal with a retry to come; stopping", () => {
  const stage = staged({ web: { restart: { maxRetries: 0, fatalRetryAfterMs: 5000 } }, deaf: {}, job: { ...ONESHOT } }).start(
    "web",
    "deaf",
  );
  stage.exits("web", 1);
  expect(coming(stage, "web")).toEqual(["It is tried again in 5"]);
  stage.stubborn.add("deaf");
  stage.stop("deaf");
  expect(coming(stage, "deaf")).toEqual(["What is left of it gets SIGKILL in 10", "Then it stays stopped."]);
});
