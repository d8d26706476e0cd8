import { expect, test } from "bun:test";
import type { Forecast, Trend } from "../../src/api/contract/shapes.ts";
import { FakeDaemon, sup } from "./fake.ts";
import { ago } from "./fixtures.ts";

const STEADY: Trend = {
  ...{
    verdict: "steady",
    text: "CPU shows no trend: 12 %",
    leak: false,
    limit: null,
    of_machine: false,
    level: 12,
    per_hour: 0.4,
    per_hour_low: -1,
  },
  ...{ per_hour_high: 1, seen_seconds: 7200, limit_in_seconds: null, limit_at: null, limit_at_soonest: null, limit_at_latest: null },
};
const LEAK: Trend = {
  ...{
    verdict: "rising",
    text: "Memory grows by 60 MiB an hour",
    leak: true,
    limit: 512,
    of_machine: false,
    level: 400,
    per_hour: 60,
    per_hour_low: 58,
  },
  ...{ per_hour_high: 62, seen_seconds: 7200, limit_in_seconds: 7200, limit_at: ago(-7200), limit_at_soonest: ago(-7000) },
  limit_at_latest: ago(-7400),
};
const web: Forecast = { id: "web", run_since: ago(9000), memory: LEAK, cpu: STEADY };
const young: Trend = { ...STEADY, verdict: "warming-up", text: "Memory: too little is known of this run yet", level: 0 };

test("all running units in a table, each with its memory and its CPU", async () => {
  await using daemon = new FakeDaemon({ forecasts: () => [web, { ...web, id: "db", memory: young, cpu: young }] });
  const { code, out } = await sup(daemon, ["forecast"]);
  expect(code).toBe(0);
  const lines = out.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^UNIT +RESOURCE +NOW +PER HOUR +LIMIT +TREND +REACHES ITS LIMIT$/);
  expect(lines[1]).toMatch(/^web +memory +400M +\+60\.0M +512M +rising \(leak\?\) +in 2h$/);
  expect(lines[2]).toMatch(/^ +cpu +12% +steady$/);
  expect(lines[3]).toMatch(/^db +memory +warming-up$/);
});

test("a limit that is exceeded already has no time", async () => {
  const over = { ...LEAK, level: 600, limit_in_seconds: null, limit_at: null, limit_at_soonest: null, limit_at_latest: null };
  await using daemon = new FakeDaemon({ forecasts: () => [{ ...web, memory: over }] });
  expect((await sup(daemon, ["forecast"])).out.split("\n")[1]).toMatch(/^web +memory +600M .* is over it now$/);
});

test("describes one unit in sentences", async () => {
  await using daemon = new FakeDaemon({ serviceForecast: () => web });
  expect(await sup(daemon, ["forecast", "web.unit.json"])).toMatchObject({
    code: 0,
    out: "web\n  Memory grows by 60 MiB an hour.\n  CPU shows no trend: 12 %.\n  Possible memory leak.\n",
  });
  expect(JSON.parse((await sup(daemon, ["forecast", "web", "--json"])).out)).toEqual(web);
});

test("a unit that is not running, and no running units", async () => {
  const down: Trend = { ...STEADY, verdict: "not-running", text: "It does not run", level: null };
  await using daemon = new FakeDaemon({
    serviceForecast: () => ({ ...web, run_since: null, memory: down, cpu: down }),
    forecasts: () => [],
  });
  expect((await sup(daemon, ["forecast", "web"])).out).toBe("web\n  It does not run.\n");
  expect((await sup(daemon, ["forecast"])).out).toBe("No unit is running.\n");
});

test("a unit without a limit: when the machine's memory is full", async () => {
  const memory = { ...LEAK, limit: null, of_machine: true };
  await using daemon = new FakeDaemon({ forecasts: () => [{ ...web, memory }] });
  const { out } = await sup(daemon, ["forecast"]);
  expect(out).toContain("in 2h (the machine's total memory)");
});
