import { describe, expect, test } from "bun:test";
import { serviceRows, totalsOf } from "../../../src/api/contract/service-rows.ts";
import type { Service } from "../../../src/api/contract/shapes.ts";
import { aService } from "../server/fake.ts";

const unit = (number: number, more: Partial<Service> = {}): Service =>
  aService(`web@${number}`, { service: "web", instance: number, leaving: false, port: 8000 + number - 1, ...more });

describe("rows", () => {
  test("a plain unit is its own row, units of a service stand together where the first one was", () => {
    const rows = serviceRows([aService("a"), unit(1), aService("b"), unit(2)]);
    expect(rows.map(({ service, units }) => [service.id, units.map(({ id }) => id)])).toEqual([
      ["a", []],
      ["web", ["web@1", "web@2"]],
      ["b", []],
    ]);
  });

  test("a plain unit is not copied", () => {
    const plain = aService("a");
    expect(serviceRows([plain])[0]!.service).toBe(plain);
  });
});

describe("the state is that of the unit that most needs attention", () => {
  test.each<[Service["state"], Array<Service["state"]>]>([
    ["running", ["running", "running"]],
    ["running", ["running", "stopped"]],
    ["stopped", ["stopped", "stopped"]],
    ["starting", ["running", "starting", "stopping"]],
    ["stopping", ["running", "stopping"]],
    ["backoff", ["running", "backoff", "starting"]],
    ["failed", ["backoff", "failed"]],
    ["fatal", ["failed", "fatal", "running"]],
  ])("%s: %p", (state, units) => {
    const reasons = units.map((one, i) => unit(i + 1, { state: one, reason: one === state ? "exit-code" : "operator" }));
    expect(totalsOf(reasons)).toMatchObject({ state, reason: "exit-code" });
  });
});

test("usage and restarts are added up, times and health are the worst or the earliest", () => {
  const one = unit(1, { restart_count: 2, start_time: "2026-01-02T00:00:00.000Z", last_restart: "2026-01-01T00:00:00.000Z" });
  const two = unit(2, {
    ...{ cpu_percent: null, memory_mb: 5.5, tasks: 4, restart_count: 1, health: "degraded", uptime_seconds: 99 },
    ...{ start_time: "2026-01-01T00:00:00.000Z", requested_restarts: { ...one.requested_restarts, operator: 3 } },
  });
  expect(totalsOf([one, two])).toMatchObject({
    ...{ id: "web", name: "web", pid: null, invocation: null, port: 8000, health: "degraded", ready: 2, wanted: 2 },
    ...{ cpu_percent: 1.5, memory_mb: 25.5, tasks: 7, open_files: 18, restart_count: 3, uptime_seconds: 99 },
    ...{ start_time: "2026-01-01T00:00:00.000Z", last_restart: "2026-01-01T00:00:00.000Z" },
    requested_restarts: { operator: 3, watch: 0 },
    units: ["web@1", "web@2"],
  });
  expect(totalsOf([two]).cpu_percent).toBeNull();
});

test("a unit that is leaving counts only for what it uses", () => {
  const totals = totalsOf([unit(1), unit(2, { leaving: true, state: "stopping" })]);
  expect(totals).toMatchObject({ state: "running", ready: 1, wanted: 1, memory_mb: 40, units: ["web@1", "web@2"] });
  expect(totalsOf([unit(2, { leaving: true, state: "stopping" })])).toMatchObject({ state: "stopping", ready: 0, wanted: 1 });
});

test("a display name that the file sets is kept", () => {
  expect(totalsOf([unit(1, { name: "The web" })]).name).toBe("The web");
});
