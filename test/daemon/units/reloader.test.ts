import { expect, test } from "bun:test";
import { MASK, makeRig, type Rig } from "../rig.ts";

const SERVE = { command: "serve" };

/** `web changed restart`, one a unit. */
const rowsOf = ({ reloader }: Rig, dryRun: boolean): string[] =>
  reloader.reload(dryRun).units.map(({ id, change, action }) => `${id} ${change} ${action}`);

/** `type id` of the recorded events. */
const recorded = ({ told }: Rig): string[] => told.splice(0).map(([type, , id]) => `${type} ${id}`);

test("the first load starts nothing and records nothing", () => {
  const rig = makeRig({ web: { ...SERVE, enabled: true }, "t@": SERVE });
  expect(rig.stage.states).toBe("web stopped");
  expect(recorded(rig)).toEqual([]);
});

test("instances that the operator has enabled are loaded with their template", () => {
  const rig = makeRig({});
  rig.files.set("t@", SERVE);
  rig.enablements.set("t@a", true).set("t@b", false);
  rig.reloader.noticed();
  expect(rig.stage.states).toBe("t@a running");
});

test("a new file is loaded as soon as it is found, and started if it is enabled", () => {
  const rig = makeRig({});
  rig.files.set("on", { ...SERVE, enabled: true }).set("off", SERVE);
  rig.reloader.noticed();
  expect(rig.stage.states).toBe("off stopped, on running");
  expect(recorded(rig)).toEqual(["loaded on", "loaded off"]);
});

test("what the operator said about enabling wins over the file", () => {
  const rig = makeRig({});
  rig.enablements.set("on", false).set("off", true);
  rig.files.set("on", { ...SERVE, enabled: true }).set("off", SERVE);
  rig.reloader.noticed();
  expect(rig.stage.states).toBe("off running, on stopped");
});

test("a scheduled unit does not start when its file is found", () => {
  const rig = makeRig({});
  rig.files.set("nightly", { ...SERVE, type: "oneshot", enabled: true, schedule: { every: 60 } });
  rig.reloader.noticed();
  expect(rig.stage.states).toBe("nightly stopped");
  expect(rig.reloader.isScheduleActive("nightly")).toBe(true);
});

for (const [what, enabled, word, active] of [
  ["a unit whose file says nothing", undefined, undefined, true],
  ["a unit whose file disables it", false, undefined, false],
  ["a unit that the operator disabled", undefined, false, false],
  ["a unit that the operator enabled against its file", false, true, true],
] as const) {
  test(`the schedule of ${what} is ${active ? "active" : "not active"}`, () => {
    const rig = makeRig({ job: { ...SERVE, type: "oneshot", ...(enabled === undefined ? {} : { enabled }), schedule: { every: 60 } } });
    if (word !== undefined) rig.enablements.set("job", word);
    expect(rig.reloader.isScheduleActive("job")).toBe(active);
  });
}

test("a changed file is only marked until the reload, and marked once", () => {
  const rig = makeRig({ web: SERVE });
  rig.stage.start("web").take();
  rig.files.set("web", { ...SERVE, args: ["--fast"] });
  rig.reloader.noticed();
  rig.reloader.noticed();
  expect(recorded(rig)).toEqual(["changed web"]);
  expect(rig.announced).toEqual(["web"]);
  expect(rig.stage.world.get("web")!.spec.exec.args).toEqual([]);
  expect(rig.stage.take()).toEqual([]);
});

test("a file with errors is reported, and the unit keeps running with the last good version", () => {
  const rig = makeRig({ web: SERVE });
  rig.stage.start("web");
  rig.files.set("web", "{ nonsense");
  rig.reloader.noticed();
  expect(rig.told).toEqual([["changed", "its unit file has errors now", "web"]]);
  expect(rowsOf(rig, false)).toEqual(["web broken keep"]);
  expect(rig.told.at(-1)![0]).toBe("load-failed");
  expect(rig.stage.states).toBe("web running");
});

test("a reload restarts running units whose change needs it, applies other changes at once, and leaves the rest alone", () => {
  const rig = makeRig({ restart: SERVE, live: SERVE, same: SERVE, down: SERVE });
  rig.stage.start("restart", "live", "same").take();
  rig.files
    .set("restart", { ...SERVE, args: ["--fast"] })
    .set("live", { ...SERVE, description: "new" })
    .set("down", { ...SERVE, args: ["x"] });
  expect(rowsOf(rig, false)).toEqual(["down changed apply", "live changed apply", "restart changed restart"]);
  expect(rig.stage.take().filter((act) => act.startsWith("spawn"))).toEqual(["spawn restart"]);
  expect(rig.stage.world.get("live")!.spec.description).toBe("new");
  expect(rig.stage.states).toBe("down stopped, live running, restart running, same running");
  expect(rig.logCalls).toEqual(["refresh live", "refresh restart"]);
});

test("a reload loads added units, starts the enabled ones, and stops and removes units without a file", () => {
  const rig = makeRig({ old: SERVE, idle: SERVE });
  rig.stage.start("old");
  rig.files.set("new", { ...SERVE, enabled: true }).delete("old");
  rig.files.delete("idle");
  expect(rowsOf(rig, false).toSorted()).toEqual(["idle removed apply", "new added start", "old removed stop"]);
  expect(rig.stage.states).toBe("new running");
  expect(rig.catalog.get("old")).toBeUndefined();
});

test("a dry run answers the same plan and changes nothing", () => {
  const rig = makeRig({ web: SERVE, old: SERVE });
  rig.stage.start("web", "old").take();
  rig.files
    .set("web", { ...SERVE, args: ["--fast"] })
    .set("new", SERVE)
    .delete("old");
  const plan = rowsOf(rig, true);
  expect(plan.toSorted()).toEqual(["new added load", "old removed stop", "web changed restart"]);
  expect(recorded(rig)).toEqual([]);
  expect(rig.stage.take()).toEqual([]);
  expect(rig.stage.states).toBe("old running, web running");
  expect(rowsOf(rig, false)).toEqual(plan);
});

test("a changed template changes its instances at the reload, and new instances only from then on", () => {
  const rig = makeRig({ "t@": SERVE });
  rig.reloader.makeInstance("t@a");
  rig.stage.start("t@a").take();
  rig.files.set("t@", { ...SERVE, args: ["--fast"] });
  rig.reloader.noticed();
  rig.reloader.makeInstance("t@b");
  expect(rig.stage.world.get("t@b")!.spec.exec.args).toEqual([]);
  expect(rowsOf(rig, false)).toEqual(["t@a changed restart", "t@b changed apply"]);
  rig.reloader.makeInstance("t@c");
  expect(["t@a", "t@b", "t@c"].map((id) => rig.stage.world.get(id)!.spec.exec.args)).toEqual([["--fast"], ["--fast"], ["--fast"]]);
});

test("an instance of an unknown template cannot be loaded", () => {
  const rig = makeRig({ web: SERVE });
  expect(rig.reloader.makeInstance("t@a")).toBe(false);
  expect(rig.reloader.makeInstance("web@")).toBe(false);
  expect(rig.stage.states).toBe("web stopped");
});

test("a unit that is down is forgotten as soon as its file is masked; one that runs is stopped by the next reload", async () => {
  const rig = makeRig({ down: SERVE, up: { ...SERVE, enabled: true }, "t@": SERVE });
  rig.reloader.reload(false);
  await rig.supervisor.act({ action: "start", units: ["up"], wait: false });
  recorded(rig);
  for (const id of ["down", "up", "t@"]) rig.files.set(id, MASK);
  rig.reloader.noticed();
  expect(recorded(rig)).toEqual(["masked down", "changed up"]);
  expect(rig.stage.states).toBe("up running");
  expect((await rig.supervisor.status()).masked).toEqual(["down", "up", "t@"].map((id) => ({ id, file: `/units/${id}.unit.json` })));

  for (const action of ["start", "restart", "enable"] as const) {
    const up = await rig.supervisor.act({ action, units: ["up"], wait: false });
    expect(up).toMatchObject({ ok: true, value: { outcomes: [{ id: "up", result: "failed", code: "conflict" }] } });
    for (const id of ["down", "t@1"])
      expect(await rig.supervisor.act({ action, units: [id] })).toMatchObject({
        ok: false,
        error: { code: "conflict", message: expect.stringContaining(`${id} is masked`) },
      });
  }
  expect(rowsOf(rig, false)).toEqual(["up masked stop"]);
  expect(rowsOf(rig, false)).toEqual([]);
});
