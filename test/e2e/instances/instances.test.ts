/** Services of several units: names, ports, environment, logs, metrics, and what survives the daemon. */
import { expect, test } from "bun:test";
import type { Service } from "../../../src/api/contract/shapes.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { alive } from "../../harness/processes.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const PORT = 18_000; // nothing listens on it: it is only printed

const web = (instances: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...{ command: "/bin/sh", port: PORT, enabled: true, instances },
  args: ["-c", 'echo "$SUP_UNIT $SUP_INSTANCE $SUP_GENERATION $PORT"; exec sleep 1000'],
  ...more,
});

const unitsOf = async (daemon: Daemon): Promise<Service[]> => ((await daemon.json("status")) as { services: Service[] }).services;

/** Waits until exactly these units run, and returns their pids. */
const run = (daemon: Daemon, ...ids: string[]): Promise<number[]> =>
  until(
    async () => {
      const units = await unitsOf(daemon);
      const isSame = units.map(({ id }) => id).join() === ids.join() && units.every(({ state }) => state === "running");
      return isSame ? units.map(({ pid }) => pid!) : undefined;
    },
    { what: `${ids.join(", ")} to run`, explain: async () => JSON.stringify(await unitsOf(daemon)) },
  );

test("units have their number and port; the service is named as a whole, by unit and by glob", async () => {
  await using daemon = await startDaemon({ units: { web: web(3) } });
  const pids = await run(daemon, "web@1", "web@2", "web@3");
  await until(() => daemon.log("web@3").includes(`web@3 3 0 ${PORT + 2}`), { what: "its output" });
  expect((await unitsOf(daemon)).map(({ port }) => port)).toEqual([PORT, PORT + 1, PORT + 2]);

  const table = (await daemon.sup("status")).stdout;
  expect(table).toMatch(/● +web +running, 3 of 3 ready/);
  expect(table).toMatch(/● +└─web@3 +running/);
  expect((await daemon.sup("status", "web")).stdout).toMatch(/├─web@2/);
  expect((await daemon.sup("list")).stdout).toMatch(/└─web@3 +yes +running/);
  expect((await daemon.sup("top")).stdout).toMatch(/web +running, 3 of 3 ready/);

  const logs = (await daemon.sup("logs", "web", "--bare")).stdout;
  expect(logs.split("\n").filter(Boolean).toSorted()).toEqual([1, 2, 3].map((n) => `web@${n} ${n} 0 ${PORT + n - 1}`));

  expect((await daemon.sup("restart", "web@2")).code).toBe(0);
  const after = await run(daemon, "web@1", "web@2", "web@3");
  expect([after[0], after[2]]).toEqual([pids[0], pids[2]]);
  expect(after[1]).not.toBe(pids[1]);
  expect((await daemon.sup("stop", "web@*")).code).toBe(0);
  expect((await daemon.sup("status", "web")).code).toBe(3);
  expect((await daemon.sup("start", "web")).code).toBe(0);
  expect((await daemon.sup("is-active", "web")).code).toBe(0);
  for (const command of ["why", "explain", "health", "forecast", "diff", "metrics", "events", "cat", "show"])
    expect([command, (await daemon.sup(command, "web")).code]).toEqual([command, 0]);
  expect((await daemon.sup("start", "web@4")).stderr).toContain("sup scale web N");
});

test("sup scale adds and removes units; the number survives a reload, a crash, a re-exec and a restart of the daemon", async () => {
  await using daemon = await startDaemon({ units: { web: web(2) } });
  const pids = await run(daemon, "web@1", "web@2");
  const scaled = await daemon.sup("scale", "web", "4");
  expect(scaled.stdout).toMatch(/web@3: running .*\n.*web@4: running/);
  expect(scaled.code).toBe(0);
  const four = ["web@1", "web@2", "web@3", "web@4"];
  const all = await run(daemon, ...four);
  expect(all.slice(0, 2)).toEqual(pids);

  daemon.writeUnit("web", web(3));
  await daemon.sup("reload");
  expect(await run(daemon, ...four)).toEqual(all);
  await daemon.crash();
  await daemon.start();
  expect(await run(daemon, ...four)).toEqual(all);
  expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  expect(await run(daemon, ...four)).toEqual(all);
  await daemon.stop();
  await daemon.start();
  await run(daemon, ...four);

  expect((await daemon.sup("scale", "web", "1")).stdout).toMatch(/web@4: .*\nweb@3: .*\nweb@2: /);
  await run(daemon, "web@1");
  expect((await daemon.sup("scale", "web", "--reset")).code).toBe(0);
  await run(daemon, "web@1", "web@2", "web@3");
});

test("a scale-down that a crash of the daemon interrupts is completed by the next one", async () => {
  const stubborn = { args: ["-c", "trap '' TERM; echo up; while :; do sleep 1000; done"], graceful_shutdown: { timeout: 2 } };
  await using daemon = await startDaemon({ units: { web: web(3, stubborn) } });
  const pids = await run(daemon, "web@1", "web@2", "web@3");
  await until(() => [1, 2, 3].every((n) => daemon.log(`web@${n}`).includes("up")), { what: "their traps" });
  expect((await daemon.sup("scale", "web", "1", "--no-wait")).code).toBe(0);
  await daemon.crash();
  await daemon.start();
  expect(await run(daemon, "web@1")).toEqual([pids[0]!]);
  expect(pids.map(alive)).toEqual([true, false, false]);
});

test("a smaller number in the file, changed while no daemon runs, stops the rest at the next reload", async () => {
  await using daemon = await startDaemon({ units: { web: web(2) } });
  const pids = await run(daemon, "web@1", "web@2");
  await daemon.crash();
  daemon.writeUnit("web", web(1));
  await daemon.start();
  expect(await run(daemon, "web@1", "web@2")).toEqual(pids);
  await daemon.sup("reload");
  expect(await run(daemon, "web@1")).toEqual([pids[0]!]);
});

test("bad requests name the cause and what to do", async () => {
  await using daemon = await startDaemon({
    units: { web: web(1), db: sleeper(), job: { ...sleeper(), type: "oneshot" } },
  });
  const refused = async (code: number, words: string, ...args: string[]): Promise<void> => {
    const { code: actual, stderr } = await daemon.sup("scale", ...args);
    expect(stderr).toContain(words);
    expect(actual).toBe(code);
  };
  await refused(2, "a service has at most 256 units", "web", "257");
  await refused(2, "`sup stop web` stops all of them", "web", "0");
  await refused(2, "it is not a number", "web", "many");
  await refused(2, "the number of units is missing", "web");
  await refused(1, 'add "instances": 1 to', "db", "2");
  await refused(1, "use a template file", "job", "2");
  await refused(4, "there is no unit nobody", "nobody", "2");
  daemon.writeUnit("both", web(2));
  daemon.writeUnit("both@", sleeper());
  const verify = await daemon.sup("verify", "both");
  expect(verify.code).toBe(1);
  expect(verify.stdout + verify.stderr).toContain('the instances of the template "both@" would have the same ids');
});

test("the API has the totals of a service and its units", async () => {
  await using daemon = await startDaemon({ units: { web: web(2), db: sleeper() } });
  await daemon.sup("start", "db");
  await run(daemon, "db", "web@1", "web@2");
  const answer = async (path: string, init?: RequestInit): Promise<unknown> => (await daemon.api(`/api/supervisor${path}`, init)).json();
  expect(await answer("/services")).toMatchObject([
    { service: { id: "db" }, units: [] },
    { service: { id: "web", ready: 2, wanted: 2 }, units: [{ id: "web@1" }, { id: "web@2" }] },
  ]);
  expect(await answer("/services/web")).toMatchObject({ id: "web", state: "running", units: ["web@1", "web@2"] });
  expect(
    await answer("/services/web/scale", { method: "POST", body: '{"units": 3}', headers: { "content-type": "application/json" } }),
  ).toMatchObject({
    outcomes: [{ id: "web@3", result: "done" }],
  });
  const text = await (await daemon.api("/metrics")).text();
  expect(text).toContain('sup_service_units_ready{service="web"} 3');
  expect(text).toContain('sup_unit_state{unit="web@3",state="running"} 1');
});
