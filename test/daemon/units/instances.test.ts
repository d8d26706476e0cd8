import { expect, test } from "bun:test";
import { MAX_INSTANCES } from "../../../src/daemon/units/instances.ts";
import { makeRig } from "../rig.ts";

const TEMPLATE = { "t@": { command: "serve" } };
const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `t@${1000 + from + i}`);

test("an instance is created once", () => {
  const { instances, stage } = makeRig(TEMPLATE);
  expect(instances.ensure(["t@a", "t@b"])).toEqual({ ok: true, value: ["t@a", "t@b"] });
  stage.start("t@a");
  expect(instances.ensure(["t@a"])).toEqual({ ok: true, value: [] });
  expect(stage.states).toBe("t@a running, t@b stopped");
});

test("the instances that an instance depends on are created with it, before it", () => {
  const rig = makeRig({ "db@": { command: "serve" }, "web@": { command: "serve", dependencies: ["db@1"] } });
  // The loader creates the dependencies of files. Here db@1 was removed meanwhile.
  rig.catalog.drop("db@1");
  rig.stage.unload("db@1");
  expect(rig.instances.ensure(["web@1"])).toEqual({ ok: true, value: ["db@1", "web@1"] });
  rig.stage.start("web@1");
  expect(rig.stage.states).toBe("db@1 running, web@1 running");
});

test("a template that depends on its own instance does not recurse for ever", () => {
  const { instances } = makeRig({ "t@": { command: "serve", dependencies: ["t@a"] } });
  expect(instances.missing(["t@b"])).toContain("t@b");
});

test("names that are no instances, or of no template, are left alone", () => {
  const { instances } = makeRig(TEMPLATE);
  expect(["web", "t@", "u@x", "t@ß", "t@a/b"].map((name) => instances.creatable(name))).toEqual([null, null, null, null, null]);
  expect(instances.creatable("t@x.unit.json")).toBe("t@x");
});

test(`a template has at most ${MAX_INSTANCES} instances in use; one more is refused with what to do`, () => {
  const { instances, stage } = makeRig({ ...TEMPLATE, "u@": { command: "serve" } });
  const full = names(MAX_INSTANCES);
  expect(instances.ensure(full).ok).toBe(true);
  stage.start(...full);
  const refused = instances.ensure(["u@1", "t@more"]);
  expect(refused).toEqual({
    ok: false,
    error: {
      code: "conflict",
      message: `cannot create an instance of t@: it has 256 instances in use, which is the limit`,
      hint: "stop and disable instances that you no longer need; `sup list 't@*'` lists them",
    },
  });
  expect(stage.world.get("u@1")).toBeUndefined();
  expect(instances.ensure(["u@1"]).ok).toBe(true);
});

test("at the limit idle instances make room: stopped ones that are not enabled and that nothing needs", () => {
  const { instances, stage, enablements, catalog } = makeRig({ ...TEMPLATE, web: { command: "serve", dependencies: ["t@1002"] } });
  instances.ensure(names(MAX_INSTANCES));
  stage.start("t@1000");
  enablements.set("t@1001", true);
  expect(instances.ensure(["t@new"]).ok).toBe(true);
  const kept = ["t@1000", "t@1001", "t@1002", "t@1003", "t@new"].filter((id) => stage.world.get(id) !== undefined);
  expect(kept).toEqual(["t@1000", "t@1001", "t@1002", "t@new"]);
  expect(catalog.get("t@1003")).toBeUndefined();
});

test("a failed instance is not idle: its failure is still to be seen", () => {
  const { instances, stage } = makeRig({ "t@": { command: "serve", auto_restart: false } });
  const full = names(MAX_INSTANCES);
  instances.ensure(full);
  stage.start(...full);
  for (const id of full) stage.exits(id, 1);
  expect(instances.ensure(["t@new"]).ok).toBe(false);
});

test("more new instances than the limit are refused at once", () => {
  const { instances, stage } = makeRig(TEMPLATE);
  expect(instances.ensure(names(MAX_INSTANCES + 1)).ok).toBe(false);
  expect(stage.world.ids()).toEqual([]);
});
