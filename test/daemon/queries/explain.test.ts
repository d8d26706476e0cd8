import { expect, test } from "bun:test";
import { BOOT, makeRig } from "../rig.ts";

const iso = (ms: number): string => new Date(BOOT + ms).toISOString();
const CHECK = { type: "tcp", port: 80, interval: 10, failure_threshold: 3, action: "none" };

test("explain has the start order of what the unit needs, its dependents and its retries", async () => {
  const { supervisor } = makeRig({
    db: { command: "x" },
    web: { command: "x", dependencies: ["db"], restart_policy: { max_retries: 2, retry_delay: 1, backoff_multiplier: 2, jitter: 0 } },
    proxy: { command: "x", dependencies: ["web"] },
  });
  const found = await supervisor.explain("web");
  if (!found.ok) throw new Error(found.error.message);
  expect(found.value).toMatchObject({ id: "web", waves: [["db"], ["web"]], needed_by: ["proxy"], fatal_after_seconds: 3 });
  expect(found.value.needs).toEqual([{ unit: "db", condition: "ready", required: true }]);
  expect(found.value.retries.map(({ attempt, delay_seconds, at_seconds }) => [attempt, delay_seconds, at_seconds])).toEqual([
    [1, 1, 1],
    [2, 2, 3],
  ]);
});

for (const [what, unit, words] of [
  ["a simple unit", {}, "Ready when its command was executed."],
  ["a checked unit", { health_check: CHECK }, "Ready when its command was executed and its health check has passed once, within 60 s."],
  ["a notify unit", { type: "notify" }, "Ready when it has sent READY=1, within 60 s."],
  ["a oneshot", { type: "oneshot" }, "Done when its command has ended."],
  ["a oneshot with a time limit", { type: "oneshot", start_timeout: 5 }, "Done when its command has ended, within 5 s."],
] as const) {
  test(`explain says when ${what} is ready`, async () => {
    const found = await makeRig({ web: { command: "x", ...unit } }).supervisor.explain("web");
    expect(found.ok && found.value.ready_when).toBe(words);
  });
}

test("explain says how processes are tracked and how limits are enforced", async () => {
  const found = await makeRig({ web: { command: "x", resource_limits: { max_memory_mb: 64 } } }).supervisor.explain("web");
  const [tracking, ...limits] = found.ok ? found.value.enforcement : [];
  expect(tracking).toBe("Its processes are tracked by a cgroup of their own, which none of them can leave.");
  expect(limits).toHaveLength(1);
  expect(limits[0]).toContain("64");
});

test("why has the unit, its story from the events, and a failing probe that had no consequence yet", async () => {
  const { supervisor, stage, events } = makeRig({ web: { command: "x", health_check: CHECK } });
  stage.start("web").pass(0);
  events.push({ id: 1, serviceId: "web", type: "running", timestamp: iso(0), message: "web is running", details: { run: 1 } });
  events.push({ id: 2, serviceId: "db", type: "running", timestamp: iso(0), message: "db is running", details: { run: 1 } });
  const before = await supervisor.why("web");
  if (!before.ok) throw new Error(before.error.message);
  expect(before.value.service.id).toBe("web");
  expect(before.value.story.map(({ text }) => text).join()).not.toContain("probe");
  stage.ill.add("web");
  const from = stage.nowMs;
  stage.pass(10_000);
  const after = await supervisor.why("web");
  if (!after.ok) throw new Error(after.error.message);
  const text = "The last health probe failed: bad. Consecutive failures: 1 of 3.";
  expect(after.value.story.at(-1)).toEqual({ time: iso(from + 10_000), text, lines: [] });
});
