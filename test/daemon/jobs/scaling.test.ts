import { describe, expect, test } from "bun:test";
import type { ApiError } from "../../../src/api/contract/errors.ts";
import { makeRig, type Rig } from "../rig.ts";

const WEB = { command: "serve", instances: 2 };

const scale = (rig: Rig, units: number | null, name = "web", dryRun = false) => rig.supervisor.scale(name, { units, wait: false, dryRun });

async function running(units: object = WEB): Promise<Rig> {
  const rig = makeRig({ web: { ...units } });
  await rig.supervisor.act({ action: "start", units: ["web"], wait: false });
  rig.stage.take();
  return rig;
}

describe("more units", () => {
  test("are started if the service runs", async () => {
    const rig = await running();
    const done = await scale(rig, 4);
    expect(done).toMatchObject({ ok: true, value: { outcomes: [{ id: "web@3" }, { id: "web@4" }] } });
    expect(rig.stage.take()).toEqual(["spawn web@3", "spawn web@4"]);
    expect(rig.stage.world.service("web")).toEqual({ name: "web", units: ["web@1", "web@2", "web@3", "web@4"], wanted: 4 });
    expect(rig.told.at(-1)).toEqual(["scaled", "scaled from 2 to 4 units by the operator", "web"]);
  });

  test("are only added if it does not run", async () => {
    const rig = makeRig({ web: WEB });
    const message = "added; `sup start` starts it, because the service does not run";
    expect(await scale(rig, 3)).toMatchObject({ ok: true, value: { outcomes: [{ id: "web@3", result: "done", message }] } });
    expect(rig.stage.states).toBe("web@1 stopped, web@2 stopped, web@3 stopped");
  });

  test("have the settings in use, not those of a changed file", async () => {
    const rig = await running();
    rig.files.set("web", { ...WEB, args: ["--new"] });
    rig.reloader.noticed();
    await scale(rig, 3);
    expect(rig.stage.world.get("web@3")!.spec.exec.args).toEqual([]);
    expect(rig.catalog.onDisk("web@3").changed).toBe(true);
  });
});

test("a service that scales itself keeps to its bounds", async () => {
  const rig = await running({ command: "serve", instances: { min: 2, max: 4, metric: "cpu", target: 70 } });
  const error = { code: "invalid", hint: 'change "min" or "max" of "instances" in its file' };
  for (const units of [1, 5])
    expect(await scale(rig, units)).toMatchObject({
      error: { ...error, message: `cannot scale web to ${units}: it scales itself between 2 and 4 units` },
    });
  expect(await scale(rig, 3)).toMatchObject({ ok: true });
  expect(rig.stage.take()).toEqual(["spawn web@3"]);
});

describe("fewer units", () => {
  test("stop the highest numbers and forget them once they are down", async () => {
    const rig = await running({ ...WEB, instances: 4 });
    rig.stage.stubborn.add("web@3");
    expect(await scale(rig, 2)).toMatchObject({ ok: true, value: { outcomes: [{ id: "web@4" }, { id: "web@3" }] } });
    expect(rig.stage.take()).toEqual(["signal web@4", "signal web@3"]);
    expect(rig.stage.states).toBe("web@1 running, web@2 running, web@3 stopping");
    expect(rig.stage.world.service("web")!.wanted).toBe(2);
    rig.stage.pass(10_000);
    expect(rig.stage.states).toBe("web@1 running, web@2 running");
  });

  test("a unit that is leaving is started again by a larger number", async () => {
    const rig = await running();
    rig.stage.stubborn.add("web@2");
    await scale(rig, 1);
    await scale(rig, 2);
    rig.stage.pass(10_000);
    expect(rig.stage.states).toBe("web@1 running, web@2 running");
    expect(rig.stage.world.get("web@2")!.retired).toBe(false);
  });

  test("a dependency waits for the units that stay", async () => {
    const rig = makeRig({ web: { ...WEB, type: "notify" }, app: { command: "x", dependencies: ["web"] } });
    await rig.supervisor.act({ action: "start", units: ["app"], wait: false });
    rig.stage.ready("web@1");
    expect(rig.stage.phase("app")).toBe("waiting");
    rig.stage.stubborn.add("web@2");
    await scale(rig, 1);
    expect(rig.stage.phase("app")).toBe("running");
  });
});

describe("the number", () => {
  test("is not reset by a reload, not even of a file that asks for another number", async () => {
    const rig = await running();
    await scale(rig, 3);
    rig.reloader.reload(false);
    rig.files.set("web", { ...WEB, instances: 5 });
    rig.reloader.reload(false);
    expect(rig.stage.world.service("web")!.units).toHaveLength(3);
    expect(rig.stage.world.scaleOf("web")).toBe(3);
  });

  test("of the file applies again after --reset", async () => {
    const rig = await running();
    await scale(rig, 3);
    await scale(rig, null);
    expect(rig.stage.world.scaleOf("web")).toBeUndefined();
    expect(rig.stage.states).toBe("web@1 running, web@2 running");
    expect(rig.told.at(-1)![1]).toBe("scaled from 3 to 2 units by the operator (the number in its file)");
  });

  test("is forgotten with the service", async () => {
    const rig = await running();
    await scale(rig, 3);
    rig.files.delete("web");
    rig.reloader.reload(false);
    expect(rig.stage.world.scaleOf("web")).toBeUndefined();
    rig.files.set("web", WEB);
    rig.reloader.noticed();
    expect(rig.stage.world.service("web")!.units).toHaveLength(2);
  });

  test("that it has already changes nothing, but is kept", async () => {
    const rig = await running();
    expect(await scale(rig, 2)).toMatchObject({
      ok: true,
      value: { outcomes: [{ id: "web", result: "unchanged", message: "it has 2 units already", state: "running" }] },
    });
    expect(rig.stage.world.scaleOf("web")).toBe(2);
  });
});

test("a dry run changes nothing and says what would happen", async () => {
  const rig = await running();
  expect(await scale(rig, 3, "web", true)).toMatchObject({ ok: true, value: { outcomes: [{ id: "web@3", message: "would be started" }] } });
  expect(await scale(rig, 1, "web", true)).toMatchObject({
    ok: true,
    value: { outcomes: [{ id: "web@2", result: "planned", message: "would be stopped and removed" }] },
  });
  expect(rig.stage.world.scaleOf("web")).toBeUndefined();
  expect(rig.stage.take()).toEqual([]);
});

describe("refused", () => {
  const UNITS = {
    web: { ...WEB, port: 65_000 },
    db: { command: "x" },
    job: { command: "x", type: "oneshot" },
    "t@": { command: "x" },
  };

  test.each<[name: string, units: number, code: ApiError["code"], message: string]>([
    ["web", 257, "invalid", "cannot scale web to 257: a service has at most 256 units"],
    ["web", 0, "invalid", "cannot scale web to 0: a service has at least 1 unit"],
    ["web@1", 2, "conflict", "cannot scale web@1: it is one unit of web"],
    ["db", 2, "conflict", 'cannot scale db: its unit file has no "instances"'],
    ["job", 2, "conflict", "cannot scale job: it is a oneshot, which runs to completion"],
    ["t@", 2, "conflict", "cannot scale t@: its template decides nothing about the number of instances"],
    ["nobody", 2, "no-such-unit", "there is no unit nobody"],
  ])("%s to %d", async (name, units, code, message) => {
    const rig = makeRig(UNITS);
    const done = await scale(rig, units, name);
    expect(done).toMatchObject({ ok: false, error: { code, message } });
    if (!done.ok && code === "conflict") expect(done.error.hint).toBeString();
  });

  test("a number whose last port does not exist", async () => {
    const rig = makeRig({ web: { ...WEB, port: 65_500 } });
    expect(await scale(rig, 36)).toMatchObject({ ok: true });
    expect(await scale(rig, 37)).toMatchObject({
      ok: false,
      error: { message: "cannot scale web to 37: unit 37 would get the port 65536, and 65535 is the last one" },
    });
  });
});

describe("scale to zero", () => {
  const ZERO = {
    web: {
      ...{ command: "serve", sockets: [{ name: "http", listen: "127.0.0.1:80" }] },
      instances: { min: 0, max: 3, start: 2, metric: "cpu", target: 70 },
    },
  };
  const messages = async (rig: Rig, units: number, more: object = {}): Promise<string[]> => {
    const done = await rig.supervisor.scale("web", { units, wait: false, dryRun: false, ...more });
    return done.ok
      ? done.value.outcomes.map(({ id, result, message }) => `${id} ${result}: ${message.replace(/ in \d+ms/, "")}`)
      : [done.error.message];
  };
  const SLEEPS = "the first connection starts it";

  test("stops what runs; a stopped service sleeps too, and a sleeping one is unchanged", async () => {
    const rig = makeRig(ZERO);
    expect(await messages(rig, 0)).toEqual([`web@1 done: scaled to 0; ${SLEEPS}`, `web@2 done: scaled to 0; ${SLEEPS}`]);
    expect(rig.stage.world.onDemand.stateOf("web")).toBe("asleep");
    expect(await messages(rig, 0)).toEqual([
      `web@1 unchanged: it is scaled to 0 already; ${SLEEPS}`,
      `web@2 unchanged: it is scaled to 0 already; ${SLEEPS}`,
    ]);
    rig.stage.start("web@1", "web@2");
    expect(await messages(rig, 0, { dryRun: true })).toEqual([
      `web@1 planned: would be stopped; ${SLEEPS}`,
      `web@2 planned: would be stopped; ${SLEEPS}`,
    ]);
    await messages(rig, 0);
    expect(rig.stage.states).toBe("web@1 stopped, web@2 stopped");
    expect(rig.told.at(-1)).toEqual(["scaled", "scaled from 2 to 0 units by the operator", "web"]);
  });

  test("returns to the number in the file, and a larger number starts all units by hand", async () => {
    const rig = makeRig(ZERO);
    await messages(rig, 0);
    await messages(rig, 3);
    expect(rig.stage.states).toBe("web@1 running, web@2 running, web@3 running");
    expect(rig.told.at(-1)![1]).toBe("scaled from 0 to 3 units by the operator");
    expect(rig.stage.world.onDemand.stateOf("web")).toBe("manual");
    await messages(rig, 0);
    expect(rig.stage.states).toBe("web@1 stopped, web@2 stopped");
    await messages(rig, 1);
    await messages(rig, 0);
    expect(rig.stage.states).toBe("web@1 stopped, web@2 stopped");
  });

  test("a service with a minimum has no such number", async () => {
    const rig = makeRig({ web: { command: "serve", instances: { min: 1, max: 3, metric: "cpu", target: 70 } } });
    expect(await messages(rig, 0)).toEqual(["cannot scale web to 0: a service has at least 1 unit"]);
  });
});
