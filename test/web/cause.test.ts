import { describe, expect, test } from "bun:test";
import { causeOf, causeText, firstProblem } from "../../src/web/cause.ts";
import type { Alert, Service } from "../../src/api/contract/shapes.ts";
import { memoryOf } from "../../src/web/format.ts";
import { problemsOf } from "../../src/web/problems.ts";
import { blockerOf, type Around } from "../../src/web/trouble.ts";
import { aService, NOW } from "../api/server/fake.ts";

const NOTHING: Around = { services: new Map(), alerts: new Map() };
const anAlert = (more: Partial<Alert>): Alert => ({
  ...{ id: 1, service_id: "x", severity: "warning", alert_type: "memory-limit", message: "memory is over its limit: 286 MiB of 120 MiB" },
  ...{ created_at: later(-5000), resolved_at: null, acknowledged: false },
  ...more,
});
const later = (ms: number): string => new Date(NOW + ms).toISOString();
const clockOf = (ms: number): string => new Date(NOW + ms).toTimeString().slice(0, 8);

describe("the reason why a unit needs attention", () => {
  const failed = { last_exit: "exit code 78", last_line: "\x1b[31mError: BILLING_KEY missing\x1b[0m", state_since: later(-1000) } as const;
  for (const [what, more, text, evidence] of [
    ["a fatal unit", { ...failed, state: "fatal" }, `exit code 78; gave up ${clockOf(-1000)}`, "Error: BILLING_KEY missing"],
    ["a failed unit", { ...failed, state: "failed", last_line: null }, `exit code 78; failed ${clockOf(-1000)}`, null],
    [
      "a unit in back-off",
      { ...failed, state: "backoff", retries: 2, next_attempt: later(12_000) },
      "exit code 78; retry 2 of 5 in 12s",
      "Error: BILLING_KEY missing",
    ],
    ["an unhealthy unit", { health: "unhealthy", probe_failure: "HTTP 503" }, "health check fails", "HTTP 503"],
    ["a unit that is not ready", { state: "starting", health: "unhealthy" }, "not ready, health check fails", null],
    ["a degraded unit", { health: "degraded", probe_failure: "refused" }, "only the fallback check passes", "refused"],
    [
      "a unit with a bad file",
      { problems: ["/units/x.unit.json:2:3: error: unknown key"] },
      "file has errors; the last valid version is in use",
      "x.unit.json:2:3: error: unknown key",
    ],
    [
      "a critical unit that is stopped",
      { state: "stopped", critical: true, state_since: later(-1000) },
      `stopped by an operator; since ${clockOf(-1000)}`,
      null,
    ],
    [
      "a unit that was restarted and may fail again",
      { last_exit: "exit code 1", retries: 2, start_time: later(-3000) },
      `exit code 1; restarted ${clockOf(-3000)}, retry 2 of 5`,
      null,
    ],
  ] as const)
    test(what, () => {
      const cause = causeOf(aService("x", more as never), NOTHING, NOW);
      expect([causeText(cause), cause.evidence]).toEqual([text, evidence]);
    });

  test("a unit that waits in vain is blocked, by the unit that failed and its last line, also through other units", () => {
    const db = aService("db", { state: "fatal", last_line: "PANIC: page 4711" });
    const waits = (id: string, unit: string, state: "fatal" | "starting" | null): Service =>
      aService(id, { state: "starting", state_since: later(-1000), waiting_for: [unit], obstacles: [{ unit, state }] });
    const [api, shop, lost] = [waits("api", "db", "fatal"), waits("shop", "api", "starting"), waits("lost", "gone", null)];
    const around = { ...NOTHING, services: new Map([db, api, shop, lost].map((one) => [one.id, one])) };
    for (const one of [api, shop]) {
      const cause = causeOf(one, around, NOW);
      expect([causeText(cause), cause.evidence]).toEqual([`blocked: db is fatal; since ${clockOf(-1000)}`, "PANIC: page 4711"]);
    }
    expect(causeOf(lost, around, NOW).what).toBe("blocked: there is no unit gone");
    const ring = [waits("a", "b", "starting"), waits("b", "a", "starting")];
    expect(blockerOf(ring[0]!, new Map(ring.map((one) => [one.id, one])))).toBeNull();
    // 30 layers of two units, each of which waits for both units of the next layer: a billion paths.
    const layers = Array.from({ length: 60 }, (_, i) => {
      const next = [0, 1].map((side) => `u${i - (i % 2) + 2 + side}`);
      return aService(`u${i}`, { state: "starting", obstacles: i > 57 ? [] : next.map((unit) => ({ unit, state: "starting" as const })) });
    });
    expect(blockerOf(layers[0]!, new Map(layers.map((one) => [one.id, one])))).toBeNull();
  });

  test("an open alert is the reason of a unit that has no other, with the present figure", () => {
    const alerts = new Map([["x", [anAlert({})]]]);
    const over = { limit: "memory", value: 286, max: 120, text: "memory is over its limit: 286 MiB of 120 MiB" } as const;
    const cause = (more: Partial<Service>, known = alerts): string =>
      causeText(causeOf(aService("x", more), { ...NOTHING, alerts: known }, NOW));
    expect(cause({ over_limits: [over], memory_mb: 290.4 })).toBe(`memory is over its limit: 290 of 120 MiB; since ${clockOf(-5000)}`);
    expect(cause({ over_limits: [over], memory_mb: null }, new Map())).toBe("memory is over its limit: 286 of 120 MiB");
    expect(cause({ over_limits: [{ ...over, limit: "cpu", max: 50 }], cpu_percent: 99 }, new Map())).toBe(
      "CPU is over its limit: 99 % of 50 %",
    );
    expect(cause({})).toBe(`memory is over its limit: 286 MiB of 120 MiB; since ${clockOf(-5000)}`);
    expect(memoryOf(1500, 512)).toBe("1.5 GiB of 512 MiB");
    expect(memoryOf(90.25, 120)).toBe("90.3 of 120 MiB");
  });

  test("control characters of a service's output are shown as escapes", () => {
    const service = aService("x", { state: "fatal", last_exit: "exit code 1", last_line: "a\u202eb" });
    expect(causeOf(service, NOTHING, NOW).evidence).toBe("a\\u{202e}b");
  });
});

test("the first error of a broken file is shown without the directory, and the file if there is no error", () => {
  expect(firstProblem({ file: "/u/m5.unit.json", problems: ["/u/m5.unit.json:2: error: x", "other"] })).toBe("m5.unit.json:2: error: x");
  expect(firstProblem({ file: "/u/m5.unit.json", problems: [] })).toBe("m5.unit.json");
});

test("the list of problems contains units, broken files and alerts without a unit, the worst first", () => {
  const leak = aService("leak");
  const units = [aService("calm"), leak, aService("orders", { state: "fatal" }), aService("billing", { state: "fatal", critical: true })];
  const broken = [{ id: "odd", file: "/u/odd.unit.json", problems: ["/u/odd.unit.json:2: error: x"] }];
  const store = anAlert({ id: 2, service_id: null, alert_type: "store", severity: "critical", message: "the disk is full" });
  const around = { ...NOTHING, alerts: new Map([["leak", [anAlert({}), anAlert({ id: 3, acknowledged: true })]]]) };
  const problems = problemsOf(units, broken, [store, anAlert({ id: 4, service_id: null, acknowledged: true })], around, NOW);
  expect(problems.map(({ unit, tone }) => `${unit} ${tone}`)).toEqual(["null bad", "billing bad", "orders bad", "odd bad", "leak warning"]);
  expect(problems.map(({ alerts }) => alerts.map(({ id }) => id))).toEqual([[2], [], [], [], [1]]);
});
