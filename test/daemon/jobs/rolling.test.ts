import { describe, expect, test } from "bun:test";
import { makeRig, type Rig } from "../rig.ts";

const WEB = { command: "serve", instances: 2, type: "notify", rolling: { min_healthy_time: 1 } };

async function running(units: object = WEB): Promise<Rig> {
  const rig = makeRig({ web: { ...units }, db: { command: "x" } });
  rig.stage.post({ type: "resumed", open: [], lastId: 0 });
  await rig.supervisor.act({ action: "start", units: ["web"], wait: false });
  for (const id of rig.stage.world.service("web")!.units) rig.stage.ready(id);
  rig.stage.take();
  return rig;
}

const roll = (rig: Rig, name = "web", dryRun = false) => rig.supervisor.rollingRestart(name, dryRun);

/** Lets the new unit become ready, and be it for long enough. */
const proven = ({ stage }: Rig, id: string): void => void stage.ready(id).pass(1000);

test("a rolling restart adds a unit, restarts the others one after the other, and removes the additional unit", async () => {
  const rig = await running({ ...WEB, port: 80 });
  expect(await roll(rig)).toMatchObject({ ok: true, value: { generation: 1, state: "running", total: 2, restarted: 0 } });
  expect(rig.stage.take()).toEqual(["spawn web@3"]);
  expect(rig.stage.world.get("web@3")).toMatchObject({ spec: { port: 82, instance: 3 }, unit: { generation: 1 } });
  proven(rig, "web@3");
  expect(rig.stage.take()).toEqual(["signal web@1", "spawn web@1"]);
  expect(await rig.supervisor.rollout("web")).toMatchObject({
    value: { units: [{ phase: "starting" }, { phase: "old" }, { phase: "new" }] },
  });
  proven(rig, "web@1");
  expect(rig.stage.take()).toEqual(["signal web@2", "spawn web@2"]);
  proven(rig, "web@2");
  expect(rig.stage.take()).toEqual(["signal web@3"]);
  expect(await rig.supervisor.rollout("web")).toMatchObject({ value: { state: "done", active: false, restarted: 2 } });
  expect(rig.stage.states).toBe("db stopped, web@1 running, web@2 running");
  expect(rig.stage.world.scaleOf("web")).toBeUndefined();
});

test("a dry run changes nothing", async () => {
  const rig = await running();
  const steps = ["start web@3, an additional unit", "restart web@1", "restart web@2", "stop and remove web@3"];
  expect(await roll(rig, "web", true)).toMatchObject({ ok: true, value: { steps } });
  expect(rig.stage.take()).toEqual([]);
  expect(await rig.supervisor.rollout("web")).toEqual({ ok: true, value: null });
  expect(await rig.supervisor.rollout("nobody")).toMatchObject({ ok: false, error: { code: "no-such-unit" } });
});

test("a reload during a rollout leaves the additional unit alone, and one of a changed file supersedes it", async () => {
  const rig = await running();
  await roll(rig);
  rig.stage.take();
  expect(rig.reloader.reload(false).units).toEqual([]);
  rig.files.set("web", { ...WEB, args: ["--new"] });
  expect(rig.reloader.reload(false).units.map(({ id, message }) => `${id}: ${message}`)).toContain(
    "web@1: its file has changed (args): a rolling restart applies the change",
  );
  expect(await rig.supervisor.rollout("web")).toMatchObject({ value: { generation: 2, state: "running" } });
  expect(rig.stage.world.get("web@3")!.spec.exec.args).toEqual(["--new"]);
});

describe("a plain unit with sockets", () => {
  const PLAIN = { command: "serve", type: "notify", rolling: { min_healthy_time: 1 }, sockets: [{ name: "http", listen: "127.0.0.1:80" }] };

  test("restarts while an additional unit serves, and keeps its name", async () => {
    const rig = await running(PLAIN);
    const steps = ["start web@2, an additional unit", "restart web", "stop and remove web@2"];
    expect(await roll(rig, "web", true)).toMatchObject({ ok: true, value: { steps } });
    await roll(rig);
    expect(rig.stage.take()).toEqual(["spawn web@2"]);
    expect(rig.stage.world.service("web")).toEqual({ name: "web", units: ["web", "web@2"], wanted: 1 });
    expect(rig.reloader.reload(false).units).toEqual([]);
    expect(rig.catalog.onDisk("web@2").changed).toBe(false);
    proven(rig, "web@2");
    expect(rig.stage.take()).toEqual(["signal web", "spawn web"]);
    proven(rig, "web");
    expect(rig.stage.take()).toEqual(["signal web@2"]);
    expect(rig.stage.states).toBe("db stopped, web running");
    expect(rig.catalog.get("web@2")).toBeUndefined();
  });

  test("with a changed file: the additional unit of the rollout before gets the new settings", async () => {
    const rig = await running(PLAIN);
    await roll(rig);
    rig.files.set("web", { ...PLAIN, args: ["--new"] });
    expect(rig.reloader.reload(false).units.map(({ id, action }) => `${id} ${action}`)).toEqual(["web restart"]);
    expect(rig.stage.world.get("web@2")!.spec.exec.args).toEqual(["--new"]);
    expect(rig.catalog.get("web@2")!.effective.args).toEqual(["--new"]);
    proven(rig, "web@2");
    proven(rig, "web");
    expect(await rig.supervisor.rollout("web")).toMatchObject({ value: { generation: 2, state: "done" } });
  });
});

test("the number of units cannot change meanwhile", async () => {
  const rig = await running();
  await roll(rig);
  const scale = () => rig.supervisor.scale("web", { units: 3, wait: false, dryRun: false });
  expect(await scale()).toMatchObject({ ok: false, error: { code: "conflict", message: "cannot scale web: its rollout 1 is running" } });
  rig.stage.exits("web@3", 1);
  expect(await rig.supervisor.rollout("web")).toMatchObject({ value: { state: "failed", failure: "web@3: exit code 1" } });
  expect(await scale()).toMatchObject({ ok: true });
});

test("the operator can pause, resume and cancel it", async () => {
  const rig = await running();
  const control = async (action: "pause" | "resume" | "cancel") => {
    const done = await rig.supervisor.controlRollout("web", action);
    return done.ok ? done.value.state : done.error.message;
  };
  expect(await control("pause")).toBe("there was no rollout of web since the machine booted");
  await roll(rig);
  expect(await control("resume")).toBe("cannot resume rollout 1 of web: it is running");
  expect(await control("pause")).toBe("paused");
  expect(await control("resume")).toBe("running");
  expect(await control("cancel")).toBe("cancelled");
  expect(await control("cancel")).toBe("cannot cancel rollout 1 of web: it is cancelled");
  expect(rig.stage.states).toBe("db stopped, web@1 running, web@2 running");
});

describe("refused", () => {
  test.each([
    ["db", 'cannot restart db one unit after the other: its unit file has no "rolling"'],
    ["web@1", "cannot restart web@1 one unit after the other: it is one unit of web"],
    ["nobody", "there is no unit nobody"],
  ])("%s", async (name, message) => {
    expect(await roll(await running(), name)).toMatchObject({ ok: false, error: { message } });
  });

  test("a service that does not run", async () => {
    expect(await roll(makeRig({ web: WEB }))).toMatchObject({
      ok: false,
      error: { message: "cannot restart web: none of its units runs" },
    });
  });
});

test("where no further port exists, one unit at a time is unavailable instead", async () => {
  const rig = await running({ ...WEB, port: 65_534 });
  await roll(rig);
  expect(rig.stage.take()).toEqual(["signal web@1", "spawn web@1"]);
});
