import { expect, test } from "bun:test";
import type { LocalSupervisor } from "../../../src/daemon/queries/supervisor.ts";
import { makeRig } from "../rig.ts";

const UNITS = { web: { command: "serve" }, "t@": { command: "serve" } };
const SUBSCRIBER = { line: () => {}, gap: () => {} };

const READS: Record<string, (supervisor: LocalSupervisor) => Promise<unknown>> = {
  service: (supervisor) => supervisor.service("t@x"),
  serviceDetail: (supervisor) => supervisor.serviceDetail("t@x", true),
  processes: (supervisor) => supervisor.processes("t@x"),
  file: (supervisor) => supervisor.file("t@x", true),
  why: (supervisor) => supervisor.why("t@x"),
  explain: (supervisor) => supervisor.explain("t@x"),
  serviceHealth: (supervisor) => supervisor.serviceHealth("t@x", true),
  metrics: (supervisor) => supervisor.metrics("t@x", "", 10),
  forecast: (supervisor) => supervisor.forecast("t@x"),
  readLogs: (supervisor) => supervisor.readLogs("t@x", {}),
  trailLogs: (supervisor) => supervisor.trailLogs("t@x", {}),
  followLogs: (supervisor) => supervisor.followLogs("t@x", SUBSCRIBER),
  rotateLogs: (supervisor) => supervisor.rotateLogs("t@x"),
  resolve: (supervisor) => supervisor.resolve(["web", "t@x"]),
  report: (supervisor) => supervisor.report({ service_id: "t@x", metrics: { a: 1 } }),
  acknowledge: (supervisor) => supervisor.acknowledge([], ["t@x"]),
};

for (const [name, read] of Object.entries(READS)) {
  test(`${name} of an instance that does not exist is an error and creates nothing`, async () => {
    const { supervisor, stage, catalog, logCalls, probed } = makeRig(UNITS);
    const hint = "`sup start t@x` creates it from the template t@";
    expect(await read(supervisor)).toEqual({ ok: false, error: { code: "no-such-unit", message: "there is no unit t@x", hint } });
    expect(stage.world.ids()).toEqual(["web"]);
    expect(catalog.get("t@x")).toBeUndefined();
    expect([...logCalls, ...probed]).toEqual([]);
  });
}

test("the log of an instance that no longer exists can still be read", async () => {
  const { supervisor, stage, lines } = makeRig(UNITS);
  const line = { time: "2026-05-01T12:00:00Z", stream: "stdout", full: true, text: "bye" } as const;
  lines.set("t@x", [line]);
  expect(await supervisor.readLogs("t@x", {})).toEqual({ ok: true, value: [line] });
  expect(stage.world.ids()).toEqual(["web"]);
});

test("a unit that is removed while it is probed is an error, not a crash", async () => {
  const { supervisor, stage, probed } = makeRig(UNITS);
  const push = probed.push.bind(probed);
  probed.push = (id) => (stage.unload(id), push(id));
  expect(await supervisor.serviceHealth("web", true)).toMatchObject({ ok: false, error: { code: "no-such-unit" } });
});
