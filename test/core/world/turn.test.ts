import { describe, expect, test } from "bun:test";
import { emptyTurn, isEmpty, mergeTurn, type Turn } from "../../../src/core/world/types.ts";
import { staged } from "./stage.ts";

const turn = (fill: (turn: Turn) => void): Turn => {
  const one = emptyTurn();
  fill(one);
  return one;
};

describe("a turn has something to store", () => {
  test.each([
    ["a change", (one: Turn) => one.changed.add("web")],
    ["a removal", (one: Turn) => one.removed.add("web")],
    ["an effect", (one: Turn) => one.effects.push({ id: "web", type: "spawn", run: 1 })],
    ["an alert", (one: Turn) => one.alerts.push({ kind: "resolved", id: 1, unit: "web", type: "failed" })],
    ["a job", (one: Turn) => one.jobs.add("j")],
  ])("with %s", (_, fill) => {
    expect(isEmpty(emptyTurn())).toBeTrue();
    expect(isEmpty(turn(fill))).toBeFalse();
  });

  test("not with a refusal or a suspect alone", () => {
    expect(isEmpty(turn((one) => one.suspects.add("web")))).toBeTrue();
    expect(isEmpty(turn((one) => one.refusals.push({ id: "web", why: "no" })))).toBeTrue();
  });
});

test("merged turns keep everything in order, and a unit that was removed later is no longer changed", () => {
  const into = turn((one) => {
    one.changed.add("web").add("db");
    one.jobs.add("first");
    one.bugs.push("a");
  });
  mergeTurn(
    into,
    turn((one) => {
      one.removed.add("web");
      one.suspects.add("");
      one.jobs.add("second");
      one.bugs.push("b");
    }),
  );
  expect([...into.changed]).toEqual(["db"]);
  expect([...into.removed]).toEqual(["web"]);
  expect([...into.suspects]).toEqual([""]);
  expect([...into.jobs]).toEqual(["first", "second"]);
  expect(into.bugs).toEqual(["a", "b"]);
});

test("before everything is resumed no alert is raised, and then all units are judged at once", () => {
  const stage = staged({ web: { critical: true }, db: { critical: true } });
  stage.broken.add("web").add("db");
  stage.start("web", "db");
  expect(stage.alerts).toEqual([]);
  stage.post({ type: "resumed", open: [], lastId: 0 });
  expect(stage.alerts).toMatchObject([
    { kind: "opened", id: 1, condition: { unit: "db", type: "failing" } },
    { kind: "opened", id: 2, condition: { unit: "web", type: "failing" } },
  ]);
});

test("conditions that were observed are replaced by the next observation of the same source only", () => {
  const stage = staged({ web: {} }).start("web");
  stage.post({ type: "resumed", open: [], lastId: 0 });
  const condition = (type: string) => ({ unit: "web", type, severity: "warning", message: type }) as const;
  stage.post({ type: "observed", source: "log", unit: "web", conditions: [condition("log")] });
  stage.post({ type: "observed", source: "forecast", unit: "web", conditions: [condition("memory-predicted")] });
  stage.post({ type: "observed", source: "log", unit: "web", conditions: [] });
  stage.pass(60_000);
  expect(stage.alerts.map((change) => (change.kind === "opened" ? `+${change.condition.type}` : `-${change.type}`))).toEqual([
    "+log",
    "+memory-predicted",
    "-log",
  ]);
});
