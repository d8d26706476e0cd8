/** A service that scales itself by numbers that its units post. */
import { expect, test } from "bun:test";
import type { Event, Service } from "../../../src/api/contract/shapes.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { freePort } from "../../harness/ports.ts";
import { until } from "../../harness/until.ts";

const SETTINGS = { metrics: { interval: 0.5 } };
const RULES = { min: 1, max: 4, metric: "queue", target: 10, down_after: 2 };

const web = (rules: object = RULES, more: object = {}): Record<string, unknown> => ({
  ...sleeper({ enabled: true, description: "My service", instances: rules }),
  ...more,
});

const unitsOf = async (daemon: Daemon): Promise<Service[]> => ((await daemon.json("status")) as { services: Service[] }).services;

/** All running units post their share of the load. */
async function post(daemon: Daemon, load: number): Promise<void> {
  const running = (await unitsOf(daemon)).filter(({ state }) => state === "running");
  for (const { id } of running) {
    const body = JSON.stringify({ service_id: id, metrics: { queue: load / running.length } });
    await daemon.api("/api/supervisor/metrics", { method: "POST", headers: { "content-type": "application/json" }, body });
  }
}

/** Posts the load until exactly so many units run, and returns their pids. */
const underLoad = (daemon: Daemon, load: number, count: number): Promise<number[]> =>
  until(
    async () => {
      const units = await unitsOf(daemon);
      if (units.length === count && units.every(({ state }) => state === "running")) return units.map(({ pid }) => pid!);
      await post(daemon, load);
      return undefined;
    },
    {
      what: `${count} units under a load of ${load}`,
      explain: async () => (await daemon.sup("explain", "web")).stdout + (await daemon.sup("status")).stdout,
    },
  );

const scaledEvents = async (daemon: Daemon): Promise<Event[]> =>
  ((await daemon.json("events", "web", "--since", "1h")) as Event[]).filter(({ event_type }) => event_type === "scaled");

test("a posted number drives 1 → 4 → 1; a crash, a re-exec and a reload of the file lose nothing", async () => {
  await using daemon = await startDaemon({ units: { web: web() }, settings: SETTINGS });
  const [first] = await underLoad(daemon, 0, 1);
  const silent = await until(
    async () => {
      const { stdout } = await daemon.sup("explain", "web");
      return stdout.includes("no ready unit has posted it") ? stdout : undefined;
    },
    { what: "the first round of samples" },
  );
  expect(silent).toContain("Scaling of web");
  expect(silent).toContain("Now: nothing.");

  const four = await underLoad(daemon, 40, 4);
  expect(four[0]).toBe(first!);
  expect((await daemon.sup("status", "web")).stdout).toContain("My service (1–4 units by queue 10)");
  await post(daemon, 40);

  await daemon.crash();
  await daemon.start();
  expect(await underLoad(daemon, 40, 4)).toEqual(four);
  expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  expect(await underLoad(daemon, 40, 4)).toEqual(four);
  daemon.writeUnit("web", web({ ...RULES, start: 2 }));
  expect((await daemon.sup("reload")).code).toBe(0);
  expect(await underLoad(daemon, 40, 4)).toEqual(four);

  expect(await underLoad(daemon, 4, 1)).toEqual([first!]);
  const events = await scaledEvents(daemon);
  expect(events[0]!.message).toBe("scaled from 1 to 4 units (queue: 40 per unit, target 10)");
  expect(events[0]!.details).toMatchObject({ from: 1, to: 4, metric: "queue", value: 40, target: 10, needed: 4, min: 1, max: 4 });
  // It may shrink in two steps, because a sample can be taken while only some units have posted their new number.
  const steps = events.map(({ details }) => details as { from: number; to: number });
  expect(steps.slice(1).every(({ from, to }) => to < from)).toBe(true);
  expect(steps.at(-1)!.to).toBe(1);
}, 60_000);

test("the connections on a shared socket drive 1 → 3 → 1", async () => {
  const port = freePort();
  const sockets = [{ name: "web", listen: `127.0.0.1:${port}` }];
  const rules = { min: 1, max: 3, metric: "connections", target: 2, down_after: 1 };
  await using daemon = await startDaemon({ units: { web: web(rules, { sockets }) }, settings: SETTINGS });
  await underLoad(daemon, 0, 1);
  // The program never accepts them, but the kernel has established them.
  const clients = await Promise.all(Array.from({ length: 5 }, () => Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } })));
  const explain = async (): Promise<string> => (await daemon.sup("explain", "web")).stdout + (await daemon.sup("status")).stdout;
  await until(async () => (await unitsOf(daemon)).length === 3, { what: "three units", explain });
  expect((await scaledEvents(daemon)).at(-1)!.details).toMatchObject({ to: 3, metric: "connections", target: 2 });
  for (const client of clients) client.terminate();
  await until(async () => (await unitsOf(daemon)).length === 1, { what: "one unit", explain });
});

test("`sup stop` pauses it, `sup scale` stays within the bounds, and a reload can change them", async () => {
  await using daemon = await startDaemon({ units: { web: web({ ...RULES, min: 2, down_after: 600 }) }, settings: SETTINGS });
  await underLoad(daemon, 20, 2);
  const refused = await daemon.sup("scale", "web", "5");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("cannot scale web to 5: it scales itself between 2 and 4 units");
  expect((await daemon.sup("scale", "web", "3")).code).toBe(0);
  await underLoad(daemon, 30, 3);

  expect((await daemon.sup("stop", "web")).code).toBe(0);
  expect((await daemon.sup("explain", "web")).stdout).toContain("Now: nothing, because the service is stopped.");
  expect((await daemon.sup("start", "web")).code).toBe(0);

  daemon.writeUnit("web", web({ ...RULES, max: 2 }));
  expect((await daemon.sup("reload")).code).toBe(0);
  await until(async () => (await unitsOf(daemon)).length === 2, { what: "the new maximum" });
  expect((await scaledEvents(daemon)).at(-1)!.message).toBe("scaled from 3 to 2 units, because the bounds are 1 to 2");
  daemon.writeUnit("web", sleeper({ enabled: true, instances: 1 }));
  expect((await daemon.sup("reload")).code).toBe(0);
  await underLoad(daemon, 40, 2); // the number stays that of the last decision
  expect((await daemon.sup("explain", "web")).stdout).not.toContain("Scaling");
});
