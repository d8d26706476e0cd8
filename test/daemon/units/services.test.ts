import { describe, expect, test } from "bun:test";
import { MASK, makeRig, type Rig } from "../rig.ts";

const WEB = { command: "serve", instances: 3 };

const rowsOf = ({ reloader }: Rig, dryRun = false): string[] =>
  reloader.reload(dryRun).units.map(({ id, change, action }) => `${id} ${change} ${action}`);

const running = (rig: Rig): Rig => {
  rig.stage.start("web@1", "web@2", "web@3").take();
  return rig;
};

test("a file with instances is loaded as its units, and they start if the service is enabled", () => {
  const rig = makeRig();
  rig.files.set("web", { ...WEB, enabled: true });
  rig.reloader.noticed();
  expect(rig.stage.states).toBe("web@1 running, web@2 running, web@3 running");
  expect(rig.stage.world.service("web")).toEqual({ name: "web", units: ["web@1", "web@2", "web@3"], wanted: 3 });
});

test("units stand in the order of their numbers", () => {
  const rig = makeRig({ web: { ...WEB, instances: 11 } });
  expect(rig.stage.world.ids()).toEqual(Array.from({ length: 11 }, (_, i) => `web@${i + 1}`));
  expect(rig.stage.world.service("web")!.units.at(-1)).toBe("web@11");
});

describe("a service that scales itself", () => {
  const SCALING = { min: 1, max: 4, metric: "queue", target: 10, down_after: 0 };
  const measure = ({ stage }: Rig, queue: number): void => {
    const units = new Map([...stage.world.entries()].map(([id, { unit }]) => [id, { run: unit.run, values: { queue } }]));
    stage.post({ type: "measured", samples: new Map(), readings: { units, earlierRuns: () => 0 } });
  };
  const started = (): Rig => {
    const rig = makeRig({ web: { ...WEB, instances: SCALING } });
    rig.stage.start("web@1").take();
    return rig;
  };

  test("puts added units into use, and a reload of the unchanged file keeps them", () => {
    const rig = started();
    measure(rig, 30);
    expect(rig.stage.world.ids()).toEqual(["web@1", "web@2", "web@3"]);
    expect(rig.catalog.get("web@3")!.effective).toMatchObject({ name: "web@3" });
    expect(rig.catalog.onDisk("web@3").changed).toBe(false);
    rig.reloader.noticed();
    expect(rowsOf(rig)).toEqual([]);
    expect(rig.stage.world.ids()).toEqual(["web@1", "web@2", "web@3"]);
  });

  test("drops removed units while they still stop", () => {
    const rig = started();
    measure(rig, 30);
    rig.stage.stubborn.add("web@3");
    measure(rig, 5);
    expect(rig.stage.states).toBe("web@1 running, web@2 running, web@3 stopping");
    expect([rig.catalog.get("web@2")?.spec.id, rig.catalog.get("web@3")]).toEqual(["web@2", undefined]);
    rig.reloader.noticed();
    expect(rowsOf(rig)).toEqual([]);
    rig.stage.pass(10_000);
    expect(rig.stage.states).toBe("web@1 running, web@2 running");
  });

  test("keeps its number when the file changes to other bounds, until the next sample", () => {
    const rig = started();
    measure(rig, 30);
    rig.files.set("web", { ...WEB, instances: { ...SCALING, max: 2 } });
    expect(rowsOf(rig)).toEqual(["web@1 changed apply", "web@2 changed apply", "web@3 changed apply"]);
    measure(rig, 10);
    expect(rig.stage.world.ids()).toEqual(["web@1", "web@2"]);
  });

  test("is explained", async () => {
    const rig = started();
    measure(rig, 5);
    const found = await rig.supervisor.explain("web@1");
    expect(found.ok && found.value.scaling!.at(-1)).toBe("Now: nothing.");
    expect(found.ok && found.value.service).toBe("web");
    const service = await rig.supervisor.service("web");
    expect(service.ok && service.value.scaling).toEqual({ min: 1, max: 4, metrics: [{ metric: "queue", target: 10 }] });
  });
});

test("a changed number is only marked until the reload", () => {
  const rig = running(makeRig({ web: WEB }));
  rig.files.set("web", { ...WEB, instances: 4 });
  rig.reloader.noticed();
  expect(rig.stage.world.service("web")!.units).toHaveLength(3);
  expect(rig.catalog.onDisk("web@1")).toEqual({ changed: true, removed: false, problems: [] });
});

test("a reload starts added units of a service that runs, whether it is enabled or not, and stops surplus ones", () => {
  const rig = running(makeRig({ web: WEB }));
  rig.files.set("web", { ...WEB, instances: 4 });
  expect(rowsOf(rig)).toEqual(["web@1 changed apply", "web@2 changed apply", "web@3 changed apply", "web@4 added start"]);
  expect(rig.stage.take()).toEqual(["spawn web@4"]);
  rig.files.set("web", { ...WEB, instances: 1 });
  expect(rowsOf(rig)).toEqual(["web@1 changed apply", "web@2 removed stop", "web@3 removed stop", "web@4 removed stop"]);
  expect(rig.stage.states).toBe("web@1 running");
  expect(rig.told.map(([, message]) => message)).toContain("its file no longer asks for this unit: it will be stopped and forgotten");
});

test("added units of an enabled service that the operator stopped stay stopped", () => {
  const rig = makeRig({ web: { ...WEB, enabled: true } });
  rig.files.set("web", { ...WEB, enabled: true, instances: 4 });
  expect(rowsOf(rig)).toContain("web@4 added load");
  expect(rig.stage.states).toBe("web@1 stopped, web@2 stopped, web@3 stopped, web@4 stopped");
});

test("a change that needs a restart restarts all units, and each keeps its own port", () => {
  const rig = running(makeRig({ web: { ...WEB, port: 80 } }));
  rig.files.set("web", { ...WEB, port: 90 });
  expect(rowsOf(rig)).toEqual(["web@1 changed restart", "web@2 changed restart", "web@3 changed restart"]);
  expect(["web@1", "web@2", "web@3"].map((id) => rig.stage.world.get(id)!.spec.port)).toEqual([90, 91, 92]);
});

test("a plain unit that becomes a service of several is replaced at the reload, and runs on", () => {
  const rig = makeRig({ web: { command: "serve" } });
  rig.stage.start("web").take();
  rig.files.set("web", WEB);
  rig.reloader.noticed();
  expect(rig.stage.states).toBe("web running");
  expect(rig.catalog.onDisk("web")).toEqual({ changed: true, removed: false, problems: [] });
  expect(rowsOf(rig)).toEqual(["web removed stop", "web@1 added start", "web@2 added start", "web@3 added start"]);
  expect(rig.stage.states).toBe("web@1 running, web@2 running, web@3 running");
  rig.files.set("web", { command: "serve" });
  rig.reloader.noticed();
  expect(rowsOf(rig)).toEqual(["web added start", "web@1 removed stop", "web@2 removed stop", "web@3 removed stop"]);
  expect(rig.stage.states).toBe("web running");
});

test("a file with errors leaves the units as they are, and is reported once", () => {
  const rig = running(makeRig({ web: WEB }));
  rig.files.set("web", "{ nonsense");
  rig.reloader.noticed();
  expect(rig.catalog.onDisk("web@2").problems).toHaveLength(1);
  expect(rig.catalog.broken).toEqual([]);
  expect(rowsOf(rig)).toEqual(["web@1 broken keep", "web@2 broken keep", "web@3 broken keep"]);
  expect(rig.stage.states).toBe("web@1 running, web@2 running, web@3 running");
  expect(rig.catalog.service("web")!.spec.instances).toBe(3);
});

test("a template that appears beside the service is an error of the service, which runs on", () => {
  const rig = running(makeRig({ web: WEB }));
  rig.files.set("web@", { command: "other" });
  expect(rowsOf(rig)).toEqual(["web@1 broken keep", "web@2 broken keep", "web@3 broken keep"]);
  expect(rig.stage.world.get("web@1")!.spec.exec.command).toBe("serve");
});

test("a removed or masked file stops and forgets all units", () => {
  for (const remove of [true, false]) {
    const rig = running(makeRig({ web: WEB }));
    if (remove) rig.files.delete("web");
    else rig.files.set("web", MASK);
    rig.reloader.noticed();
    const change = remove ? "removed" : "masked";
    expect(rowsOf(rig)).toEqual([`web@1 ${change} stop`, `web@2 ${change} stop`, `web@3 ${change} stop`]);
    expect(rig.stage.states).toBe("");
    expect(rig.catalog.service("web")).toBeUndefined();
  }
});

test("units of a service are enabled under its name", () => {
  const rig = makeRig({ web: WEB });
  rig.enablements.set("web", true);
  expect(["web@1", "web@3"].map((id) => rig.reloader.startsByItself(id))).toEqual([true, true]);
});

test("settings that an earlier daemon used are kept for a unit of a service", () => {
  const rig = makeRig({ web: { ...WEB, port: 80 } });
  const { effective, spec } = rig.catalog.get("web@2")!;
  rig.files.set("web", { ...WEB, port: 90 });
  const next = makeRig(Object.fromEntries(rig.files));
  const kept = next.catalog.hold("web@2", { file: spec.file, effective });
  expect(kept).toEqual(spec);
  expect(next.catalog.onDisk("web@2").changed).toBe(true);
});

test("a unit of an earlier daemon that is more than the service has now is kept until the reload", () => {
  const rig = makeRig({ web: { ...WEB, instances: 1 } });
  expect(rig.reloader.keepSurplus("web@3")).toBe(true);
  expect(rig.reloader.keepSurplus("db@3")).toBe(false);
  rig.stage.start("web@3").take();
  expect(rowsOf(rig)).toEqual(["web@3 removed stop"]);
});
