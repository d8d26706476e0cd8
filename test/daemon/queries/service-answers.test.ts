import { describe, expect, test } from "bun:test";
import type { Result } from "../../../src/base/result.ts";
import type { UnitForecast } from "../../../src/api/contract/shapes.ts";
import { forecastOfService } from "../../../src/daemon/queries/service-answers.ts";
import { code } from "../../core/fixtures.ts";
import { BOOT, makeRig, type Rig } from "../rig.ts";

const CHECK = { type: "tcp", port: "${PORT}", interval: 10, failure_threshold: 3, action: "none" };
const FILES = { web: { command: "serve", instances: 3, port: 80, health_check: CHECK, dependencies: ["db"] }, db: { command: "x" } };

/** The units of `web` run; `web@2` is in back-off, and the probes of `web@3` fail. */
function troubled(): Rig {
  const rig = makeRig(FILES);
  rig.stage.start("web@1", "web@2", "web@3").pass(0);
  rig.stage.ill.add("web@3");
  rig.stage.pass(10_000);
  rig.stage.exits("web@2", code(3));
  return rig;
}

async function valueOf<T>(answer: Promise<Result<T, { message: string }>>): Promise<T> {
  const found = await answer;
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
}

describe("why", () => {
  test("has the totals, and the units that most need attention first", async () => {
    const { service, policy, units, next } = await valueOf(troubled().supervisor.why("web.unit.json"));
    expect(service).toMatchObject({ id: "web", state: "backoff", ready: 2, wanted: 3 });
    expect(units!.map((unit) => unit.service.id)).toEqual(["web@2", "web@1", "web@3"]);
    expect(policy).toEqual(units![0]!.policy);
    expect(next).toEqual([]);
  });

  test("tells the story of the service itself, and says what a rolling restart and automatic scaling do next", async () => {
    const rig = makeRig({ web: { command: "serve", instances: { min: 1, max: 4, metric: "queue", target: 10 } } });
    rig.stage.start("web@1");
    const event = { timestamp: new Date(BOOT).toISOString(), details: {} };
    rig.events.push({ ...event, id: 1, serviceId: "web", type: "scaled", message: "scaled from 2 to 1 unit" });
    rig.events.push({ ...event, id: 2, serviceId: "web@1", type: "failed", message: "exit code 3" });
    const { story, units, next } = await valueOf(rig.supervisor.why("web"));
    expect(story.map(({ text }) => text)).toEqual(["Scaled from 2 to 1 unit."]);
    expect(units![0]!.story.map(({ text }) => text)).toEqual(["Failed: exit code 3."]);
    expect(next).toEqual([{ text: "Now: nothing, because no sample was taken yet.", time: null }]);
    await rig.supervisor.rollingRestart("web", false);
    expect((await valueOf(rig.supervisor.why("web"))).next).toEqual([
      { text: "Rollout 1 is running: 0 of 1 units restarted.", time: null },
      { text: "Now: nothing, because a rolling restart is under way.", time: null },
    ]);
  });
});

test("explain has one answer for all units, which start together", async () => {
  const { id, waves, service } = await valueOf(makeRig(FILES).supervisor.explain("web"));
  expect({ id, waves, service }).toEqual({ id: "web", waves: [["db"], ["web@1", "web@2", "web@3"]], service: "web" });
});

describe("health", () => {
  test("is that of the unit that most needs attention", async () => {
    const rig = troubled();
    rig.stage.pass(20_000);
    const { id, health, units, consecutive_failures } = await valueOf(rig.supervisor.serviceHealth("web", false));
    expect({ id, health, consecutive_failures }).toEqual({ id: "web", health: "unhealthy", consecutive_failures: 3 });
    expect(units![0]).toMatchObject({ id: "web@3", health: "unhealthy", state: "running" });
  });

  test("run probes the units that run, and is refused if none does", async () => {
    const rig = troubled();
    await valueOf(rig.supervisor.serviceHealth("web", true));
    expect(rig.probed).toEqual(["web@1", "web@3"]);
    expect(await makeRig(FILES).supervisor.serviceHealth("web", true)).toMatchObject({ ok: false, error: { code: "conflict" } });
  });
});

test("diff compares the runs of each unit that has two, and fails if none has", async () => {
  const rig = makeRig(FILES);
  expect(await rig.supervisor.diff("web", {})).toMatchObject({ ok: false, error: { code: "not-found" } });
  for (const run of [1, 2])
    rig.events.push({
      ...{ id: run, serviceId: "web@2", type: "started", timestamp: new Date(BOOT + run).toISOString(), message: "" },
      details: { run, invocation: `aaaa000${run}` },
    });
  const { id, after, units } = await valueOf(rig.supervisor.diff("web", {}));
  expect({ id, after: after.invocation, units: units!.map((unit) => unit.id) }).toEqual({ id: "web", after: "aaaa0002", units: ["web@2"] });
});

describe("forecast", () => {
  const trend = (limit: number | null, perHour: number, verdict: "rising" | "not-running" = "rising") => ({
    ...{ verdict, text: `grows by ${perHour}`, leak: false, limit: 100, of_machine: false, level: 1 },
    ...{ per_hour: perHour, per_hour_low: 0, per_hour_high: 0, seen_seconds: 60 },
    ...{ limit_in_seconds: limit, limit_at: null, limit_at_soonest: null, limit_at_latest: null },
  });
  const unit = (id: string, memory: UnitForecast["memory"], cpu = trend(null, 0)): UnitForecast => ({ id, run_since: null, memory, cpu });

  test("is that of the unit that reaches its limit first, or that grows fastest", () => {
    const units = [
      unit("web@1", trend(null, 90), trend(null, 1)),
      unit("web@2", trend(60, 5), trend(null, 2)),
      unit("web@3", trend(50, 1)),
    ];
    const { memory, cpu, units: sorted } = forecastOfService("web", units);
    expect(memory.text).toBe("web@3: grows by 1");
    expect(cpu.text).toBe("web@2: grows by 2");
    expect(sorted!.map(({ id }) => id)).toEqual(["web@3", "web@2", "web@1"]);
  });

  test("leaves out units that do not run, unless none runs", () => {
    const down = unit("web@1", trend(null, 0, "not-running"), trend(null, 0, "not-running"));
    expect(forecastOfService("web", [down, unit("web@2", trend(null, -1), trend(null, -1))]).memory.text).toBe("web@2: grows by -1");
    expect(forecastOfService("web", [down]).memory.text).toBe("grows by 0");
  });
});
