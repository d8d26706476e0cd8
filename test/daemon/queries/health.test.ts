import { expect, test } from "bun:test";
import type { Health } from "../../../src/base/words.ts";
import { overallHealth } from "../../../src/daemon/queries/health.ts";
import { BOOT, makeRig } from "../rig.ts";

const CHECKED = {
  command: "serve",
  health_check: { type: "tcp", port: 80, interval: 10, failure_threshold: 3, action: "none" },
};
const iso = (ms: number): string => new Date(BOOT + ms).toISOString();

test("the health of a unit without a check is unknown", async () => {
  const { supervisor, probed } = makeRig({ web: { command: "serve" } });
  const health = { id: "web", health: "unknown", check: null, failure_threshold: null, next_probe: null, results: [] };
  expect(await supervisor.serviceHealth("web", false)).toMatchObject({ ok: true, value: health });
  expect(probed).toEqual([]);
});

test("the health of a checked unit has its probes, the failures in a row and the time of the next probe", async () => {
  const { supervisor, stage } = makeRig({ web: CHECKED });
  stage.start("web").pass(0);
  expect(await supervisor.serviceHealth("web", false)).toMatchObject({ ok: true, value: { health: "healthy", check: "tcp" } });
  stage.ill.add("web");
  const from = stage.nowMs;
  stage.pass(10_000);
  const found = await supervisor.serviceHealth("web", false);
  if (!found.ok) throw new Error(found.error.message);
  expect(found.value).toMatchObject({ consecutive_failures: 1, failure_threshold: 3, next_probe: iso(from + 20_000) });
  expect(found.value.results.at(-1)).toEqual({ time: iso(from + 10_000), kind: "bad", detail: "bad", response_ms: 1, fallback: false });
});

test("run probes the unit before the answer", async () => {
  const { supervisor, stage, probed } = makeRig({ web: CHECKED });
  stage.start("web").pass(0);
  await supervisor.serviceHealth("web.unit.json", true);
  expect(probed).toEqual(["web"]);
});

test("a unit that is down cannot be probed, and the answer says so", async () => {
  const { supervisor, probed } = makeRig({ web: CHECKED });
  const message = "cannot check the health of web: it is stopped, and only running units are checked";
  expect(await supervisor.serviceHealth("web", true)).toEqual({ ok: false, error: { code: "conflict", message } });
  expect(probed).toEqual([]);
  expect(await supervisor.serviceHealth("web", false)).toMatchObject({ ok: true, value: { health: "unknown", state: "stopped" } });
});

test("overall health is healthy while units run or are stopped", async () => {
  const { supervisor, stage } = makeRig({ web: CHECKED, off: { command: "serve" } });
  stage.start("web").pass(0);
  expect(await supervisor.overallHealth()).toEqual({ status: "healthy", counts: { running: 1, stopped: 1 }, not_healthy: [] });
});

/** Overall health of running units with these healths. */
function overallOf(...healths: Health[]) {
  const { stage } = makeRig({ web: CHECKED });
  const entry = stage.start("web").pass(0).world.get("web")!;
  const entries = new Map(healths.map((health, i) => [`${health}${i}`, { ...entry, check: { ...entry.check!, health } }]));
  return overallHealth({ entries: () => entries.entries() });
}

test("overall health is degraded when the worst unit is degraded, and names only units that are not healthy", () => {
  const { status, not_healthy } = overallOf("healthy", "degraded", "starting", "unknown");
  expect(status).toBe("degraded");
  expect(not_healthy).toEqual([{ id: "degraded1", state: "running", health: "degraded", reason: "operator", detail: null }]);
});

test("overall health is unhealthy when a unit is, in whatever order they come", () => {
  expect(overallOf("unhealthy", "degraded").status).toBe("unhealthy");
  expect(overallOf("degraded", "unhealthy").status).toBe("unhealthy");
});

for (const [state, policy] of [
  ["failed", { auto_restart: false }],
  ["backoff", {}],
  ["fatal", { restart_policy: { max_retries: 0 } }],
] as const) {
  test(`overall health is unhealthy while a unit is ${state}, also beside a degraded one`, async () => {
    const { supervisor, stage } = makeRig({ bad: { command: "serve", ...policy }, web: CHECKED });
    stage.start("bad", "web").pass(0).exits("bad", 1).ill.add("web");
    stage.handle({ type: "probeNow", id: "web" });
    const { status, not_healthy } = await supervisor.overallHealth();
    expect(status).toBe("unhealthy");
    expect(not_healthy[0]).toMatchObject({ id: "bad", state, reason: "exit-code" });
  });
}
