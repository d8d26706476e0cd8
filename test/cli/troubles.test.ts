import { expect, test } from "bun:test";
import { FakeDaemon, sup } from "./fake.ts";
import { ago, daemonInfo, services } from "./fixtures.ts";

/** What a person is told about units in trouble. */

test("health exits with 1 for a unit that is down by a failure, and with 0 for one that was stopped", async () => {
  const none = { check: null, consecutive_failures: 0, failure_threshold: null, next_probe: null, results: [] };
  for (const [state, code, out] of [
    ["fatal", 1, "web: fatal: exit code 3, no health check\n"],
    ["failed", 1, "web: failed: exit code 3, no health check\n"],
    ["backoff", 1, "web: backoff: exit code 3, no health check\n"],
    ["stopped", 0, "web: stopped, no health check\n"],
    ["running", 0, "web: unknown, no health check\n"],
  ] as const) {
    await using daemon = new FakeDaemon({
      serviceHealth: ({ id }) => ({ ...none, id, health: "unknown", state, last_exit: "exit code 3" }),
    });
    expect(await sup(daemon, ["health", "web"])).toMatchObject({ code, out });
  }
});

test("why without a unit explains those in trouble, critical ones first, and the broken files", async () => {
  const ids: unknown[] = [];
  const broken = [{ id: "m5", file: "/u/m5.unit.json", problems: ["/u/m5.unit.json:1:2: error: bad"] }];
  await using daemon = new FakeDaemon({
    status: () => ({ daemon: daemonInfo, services: [...services], masked: [], broken }),
    why: ({ id }) => {
      ids.push(id);
      return { service: services.find((one) => one.id === id)!, story: [], policy: ["Policy."], next: [] };
    },
  });
  const { code, out } = await sup(daemon, ["why"]);
  expect(code).toBe(0);
  expect(ids).toEqual(["db", "api", "old"]);
  expect(out).toMatch(
    /^● db is running[^]*↻ api is in backoff[^]*× old is fatal[^]*× m5 is broken\. Its unit file has errors:\n {2}.*error: bad\n$/,
  );
});

test("why without a unit says so when none is in trouble", async () => {
  await using daemon = new FakeDaemon({ status: () => ({ daemon: daemonInfo, services: [services[0]!] }) });
  expect(await sup(daemon, ["why"])).toMatchObject({ code: 0, out: expect.stringContaining("No unit is in trouble") });
});

test("logs without a unit are those of all units", async () => {
  await using daemon = new FakeDaemon({
    status: () => ({ daemon: daemonInfo, services: services.slice(0, 2) }),
    serviceLogs: ({ id }) => [{ time: ago(id === "web" ? 1 : 2), stream: "stdout", full: true, text: `of ${id}` }] as never,
  });
  expect((await sup(daemon, ["logs"])).out).toMatch(/of db\n.*of web\n$/);
});

test("events are in columns, with the date when they are not of today", async () => {
  const event = { details: {}, message: "said", event_type: "started" };
  await using daemon = new FakeDaemon({
    events: () => [
      { ...event, id: 1, service_id: "a-long-name", timestamp: ago(3 * 86_400) },
      { ...event, id: 2, service_id: null, event_type: "up", timestamp: ago(1) },
    ],
  });
  const [first, second] = (await sup(daemon, ["events"])).out.split("\n");
  expect(first).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}a-long-name {2}started {2}said$/);
  expect(second).toMatch(/^\d\d:\d\d:\d\d {13}sup {10}up {7}said$/);
});
