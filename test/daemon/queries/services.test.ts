import { describe, expect, test } from "bun:test";
import type { ServiceDetail } from "../../../src/api/contract/shapes.ts";
import { BOOT, makeRig, type Rig } from "../rig.ts";

const FILES = { web: { command: "serve", instances: 3, port: 80 }, db: { command: "x" } };

const rig = (): Rig => makeRig(FILES);
const line = (text: string, second: number) =>
  ({ time: `2026-05-01T12:00:0${second}.000000000Z`, stream: "stdout", full: true, text }) as const;

describe("names", () => {
  test.each<[string, string[]]>([
    ["web", ["web@1", "web@2", "web@3"]],
    ["web.unit.json", ["web@1", "web@2", "web@3"]],
    ["web@2", ["web@2"]],
    ["web@*", ["web@1", "web@2", "web@3"]],
    ["w*", ["web@1", "web@2", "web@3"]],
  ])("%s", async (name, units) => {
    expect(await rig().supervisor.resolve([name])).toEqual({ ok: true, value: units });
  });

  test("a unit beyond the number is unknown, with what to do", async () => {
    expect(await rig().supervisor.resolve(["web@4"])).toEqual({
      ok: false,
      error: {
        code: "no-such-unit",
        message: "there is no unit web@4",
        hint: "web has 3 units; `sup scale web N` changes their number",
      },
    });
  });

  test("a service stands for the units that stay", async () => {
    const one = rig();
    one.stage.start("web@1", "web@2", "web@3");
    one.stage.stubborn.add("web@3");
    await one.supervisor.scale("web", { units: 2, wait: false, dryRun: false });
    expect(await one.supervisor.resolve(["web"])).toMatchObject({ value: ["web@1", "web@2"] });
  });

  test("actions on the service are actions on all units", async () => {
    const one = rig();
    await one.supervisor.act({ action: "start", units: ["web"], wait: false });
    expect(one.stage.states).toBe("db stopped, web@1 running, web@2 running, web@3 running");
    await one.supervisor.act({ action: "stop", units: ["web@2"], wait: false });
    expect(one.stage.states).toBe("db stopped, web@1 running, web@2 stopped, web@3 running");
  });

  test("what only one unit can answer names the units", async () => {
    const hint = "name one of them: web@1, web@2, web@3";
    const answer = await rig().supervisor.trailLogs("web", {});
    expect(answer).toEqual({ ok: false, error: { code: "conflict", message: "web has 3 units", hint } });
  });
});

describe("enable and disable", () => {
  test("apply to the service", async () => {
    const one = rig();
    const done = await one.supervisor.act({ action: "enable", units: ["web"] });
    expect(done).toMatchObject({ ok: true, value: { outcomes: [{ result: "done" }, { result: "done" }, { result: "done" }] } });
    expect([...one.enablements]).toEqual([["web", true]]);
    expect((await one.supervisor.status()).services.map(({ id, enabled }) => `${id} ${enabled}`)).toEqual([
      "db false",
      "web@1 true",
      "web@2 true",
      "web@3 true",
    ]);
  });

  test("of a single unit is refused", async () => {
    const one = rig();
    expect(await one.supervisor.act({ action: "disable", units: ["web@2"] })).toMatchObject({
      ok: true,
      value: { outcomes: [{ id: "web@2", result: "failed", message: "it is disabled together with its service: name web instead" }] },
    });
    expect(one.enablements.size).toBe(0);
  });
});

describe("totals", () => {
  test("of a service have its state, its ready units and the sums of its usage", async () => {
    const one = rig();
    one.stage.broken.add("web@3");
    one.stage.start("web@1", "web@2", "web@3");
    for (const [id, memoryMb] of [["web@1", 10] as const, ["web@2", 20.25] as const])
      one.samples.set(id, { cpuPercent: 1.5, memoryMb, tasks: 2, openFiles: 3 } as never);
    expect(await one.supervisor.service("web")).toMatchObject({
      ok: true,
      value: {
        ...{ id: "web", name: "web", state: "backoff", sub_state: "2 of 3 ready", ready: 2, wanted: 3, pid: null, port: 80 },
        ...{ cpu_percent: 3, memory_mb: 30.25, tasks: 4, open_files: 6, units: ["web@1", "web@2", "web@3"] },
      },
    });
    const all = (await one.supervisor.status()).services;
    expect(all.map(({ id, service, instance, port }) => [id, service, instance, port])).toEqual([
      ["db", undefined, undefined, null],
      ["web@1", "web", 1, 80],
      ["web@2", "web", 2, 81],
      ["web@3", "web", 3, 82],
    ]);
  });

  test("the details have what all units have", async () => {
    const one = rig();
    one.stage.start("web@1", "web@2");
    one.processes.push({ pid: 7, name: "serve", parent: 1, cpuPercent: 1, memoryMb: 1, startedAtMs: 0 });
    one.lines.set("web@1", [line("a", 1), line("c", 3)]).set("web@2", [line("b", 2)]);
    const detail = (await one.supervisor.serviceDetail("web", true)) as { value: ServiceDetail };
    expect(detail.value.processes).toHaveLength(2);
    expect(detail.value.pss_mb).toBeNull();
    expect(detail.value.recent_lines.map(({ service_id, text }) => [service_id, text])).toEqual([
      ["web@1", "a"],
      ["web@2", "b"],
      ["web@1", "c"],
    ]);
  });

  test("logs are merged by time, and the last lines are those of the service", async () => {
    const one = rig();
    one.lines.set("web@1", [line("a", 1), line("c", 3)]).set("web@2", [line("b", 2)]);
    expect(await one.supervisor.readLogs("web", { lines: 2 })).toMatchObject({
      ok: true,
      value: [
        { text: "b", service_id: "web@2" },
        { text: "c", service_id: "web@1" },
      ],
    });
  });

  test("live lines of all units are followed, and their unit is named", async () => {
    const one = rig();
    const stop = await one.supervisor.followLogs("web", { line: () => {}, gap: () => {} });
    expect(one.logCalls.filter((call) => call.startsWith("follow"))).toEqual(["follow web@1", "follow web@2", "follow web@3"]);
    if (stop.ok) stop.value();
    expect(one.logCalls.filter((call) => call.startsWith("unfollow"))).toHaveLength(3);
  });

  test("metrics of the same round are added up", async () => {
    const one = rig();
    const row = (serviceId: string, second: number, more: object) =>
      ({
        ...{ serviceId, timestamp: `2026-05-01T12:00:0${second}.000Z`, cpuPercent: 1, memoryMb: 10, healthStatus: "healthy" },
        ...{ responseTimeMs: null, ...more },
      }) as never;
    one.metrics.push(
      row("web@1", 1, { responseTimeMs: 10, reported: { queue: 2, one: 1 } }),
      row("web@2", 1, { responseTimeMs: 20, healthStatus: "unhealthy", reported: { queue: 3 } }),
      row("web@1", 2, {}),
    );
    expect(await one.supervisor.metrics("web", "", 10)).toMatchObject({
      ok: true,
      value: [
        {
          ...{ cpu_percent: 2, memory_mb: 20, response_time_ms: 15, health_status: "unhealthy", units: 2 },
          ...{ reported: { queue: 5, one: 1 }, reporting: { queue: 2, one: 1 } },
        },
        { cpu_percent: 1, memory_mb: 10, response_time_ms: null, units: 1 },
      ],
    });
    expect(await one.supervisor.metrics("web", "", 1)).toMatchObject({ value: [{ timestamp: "2026-05-01T12:00:02.000Z" }] });
  });

  test("events are those of the service and of its units", async () => {
    const one = rig();
    for (const [i, serviceId] of ["web", "web@2", "db"].entries())
      one.events.push({ id: i + 1, serviceId, type: "started", timestamp: new Date(BOOT).toISOString(), message: "", details: {} });
    expect(await one.supervisor.events({ limit: 10, service: "web" })).toMatchObject({ value: [{ id: 1 }, { id: 2 }] });
  });

  test("the file is that of the service", async () => {
    expect(await rig().supervisor.file("web", false)).toMatchObject({ value: { id: "web", effective: { instances: 3, port: 80 } } });
    expect(await rig().supervisor.file("web@2", false)).toMatchObject({ value: { id: "web@2", effective: { port: 81 } } });
  });

  test("the graph has one node for the service, with its units", async () => {
    const one = makeRig({ ...FILES, app: { command: "x", dependencies: ["web", "db"] }, tool: { command: "x", dependencies: ["web@2"] } });
    one.stage.start("web@1");
    const graph = await one.supervisor.graph();
    expect(graph.nodes).toContainEqual({ id: "web", state: "running", wave: 0, units: ["web@1", "web@2", "web@3"] });
    expect(graph.nodes.map(({ id, wave }) => [id, wave])).toEqual([
      ["app", 1],
      ["db", 0],
      ["tool", 1],
      ["web", 0],
    ]);
    expect(graph.edges.map(({ from, to, condition }) => `${from} ${to} ${condition}`)).toEqual([
      "app web ready",
      "app db ready",
      "tool web ready",
    ]);
  });

  test("a unit that waits for a service names the state of the service", async () => {
    const one = makeRig({ web: { ...FILES.web, type: "notify" }, app: { command: "x", dependencies: ["web"] } });
    one.stage.start("app");
    expect(await one.supervisor.service("app")).toMatchObject({
      value: { waiting_for: ["web"], obstacles: [{ unit: "web", state: "starting" }] },
    });
  });
});
