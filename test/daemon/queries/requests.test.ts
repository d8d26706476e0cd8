import { expect, test } from "bun:test";
import type { Action } from "../../../src/api/contract/shapes.ts";
import { makeRig, type Rig } from "../rig.ts";

const UNITS = { web: { command: "serve" }, "t@": { command: "serve", groups: ["team"] } };

const act = (rig: Rig, action: Action, units: string[], more: object = {}) => rig.supervisor.act({ action, units, wait: false, ...more });

for (const [action, state] of [
  ["start", "running"],
  ["restart", "running"],
  ["enable", "stopped"],
] as const) {
  test(`${action} creates the instance that it names`, async () => {
    const rig = makeRig(UNITS);
    const done = await act(rig, action, ["t@x"]);
    expect(done).toMatchObject({ ok: true, value: { outcomes: [{ id: "t@x" }] } });
    expect(rig.stage.states).toBe(`t@x ${state}, web stopped`);
    expect(rig.enablements.get("t@x")).toBe(action === "enable" ? true : undefined);
  });
}

for (const action of ["stop", "kill", "disable", "reset-failed", "reload"] as const) {
  test(`${action} of an instance that does not exist is an error and creates nothing`, async () => {
    const rig = makeRig(UNITS);
    expect(await act(rig, action, ["t@x"])).toMatchObject({ ok: false, error: { code: "no-such-unit" } });
    expect(rig.stage.states).toBe("web stopped");
    expect(rig.enablements.size).toBe(0);
  });
}

test("nothing is created when another name of the request is unknown", async () => {
  const rig = makeRig(UNITS);
  expect(await act(rig, "start", ["t@x", "nobody"])).toMatchObject({ ok: false, error: { message: "there is no unit nobody" } });
  expect(rig.stage.states).toBe("web stopped");
});

test("a name that no instance can have is an error", async () => {
  const rig = makeRig(UNITS);
  expect(await act(rig, "start", ["t@../../etc"])).toMatchObject({ ok: false, error: { code: "no-such-unit" } });
  expect(rig.stage.states).toBe("web stopped");
});

test("globs and groups select existing instances only", async () => {
  const rig = makeRig(UNITS);
  expect(await act(rig, "start", ["t@*"])).toMatchObject({ ok: false, error: { message: "no unit matches t@*" } });
  await act(rig, "start", ["t@x"]);
  expect(await act(rig, "start", ["t@*"])).toMatchObject({ ok: true, value: { outcomes: [{ id: "t@x", result: "unchanged" }] } });
  expect(await act(rig, "stop", ["@team"])).toMatchObject({ ok: true, value: { outcomes: [{ id: "t@x" }] } });
});

test("a dry run of start creates nothing and lists what would be created and started", async () => {
  const rig = makeRig({
    db: { command: "serve" },
    "u@": { command: "serve" },
    "t@": { command: "serve", dependencies: ["db", "u@1"] },
  });
  const plan = await act(rig, "start", ["t@x"], { dry_run: true });
  expect(plan.ok ? plan.value.outcomes.map(({ id, result, message }) => `${id} ${result}: ${message}`) : plan.error.message).toEqual([
    "u@1 planned: would be started, because it is needed",
    "db planned: would be started, because it is needed",
    "t@x planned: would be created and started",
  ]);
  expect(rig.stage.world.get("t@x")).toBeUndefined();
});

test("a dry run of enable and restart creates nothing either", async () => {
  const rig = makeRig(UNITS);
  const enable = await act(rig, "enable", ["web", "t@x"], { dry_run: true });
  expect(enable.ok && enable.value.outcomes.map(({ id, message }) => `${id}: ${message}`)).toEqual([
    "web: would get enable",
    "t@x: would be created and enabled",
  ]);
  const restart = await act(rig, "restart", ["t@x"], { dry_run: true });
  expect(restart.ok && restart.value.outcomes).toMatchObject([{ id: "t@x", message: "would be created and started" }]);
  expect(rig.stage.states).toBe("web stopped");
});

test("an action of an agent is in the history of each unit, before its outcome; a dry run is not", async () => {
  const rig = makeRig({ web: { command: "serve" }, db: { command: "serve" } });
  await act(rig, "start", ["web", "db"], { agent: "night shift", dry_run: true });
  expect(rig.told).toEqual([]);
  await act(rig, "start", ["web", "db"], { agent: "night shift" });
  await act(rig, "stop", ["web"]);
  expect(rig.told).toEqual([
    ["agent-action", "start requested by agent night shift", "db"],
    ["agent-action", "start requested by agent night shift", "web"],
  ]);
});

test("a unit whose file was written a moment ago is found", async () => {
  for (const action of ["start", "restart", "enable"] as const) {
    const rig = makeRig(UNITS);
    rig.files.set("fresh", { command: "serve" });
    expect(await act(rig, action, ["fresh"])).toMatchObject({ ok: true, value: { outcomes: [{ id: "fresh" }] } });
  }
});
