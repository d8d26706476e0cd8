/** Rolling restarts of the servers of docs/zero-downtime.md, under requests of keep-alive and one-shot clients. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import type { RolloutStatus } from "../../../src/api/contract/shapes.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { until } from "../../harness/until.ts";
import { Random } from "../../sim/random.ts";
import { type Report, startLoad } from "../../../bench/rolling/load.ts";
import { behindNginx, OTHERS, place, type Placed, SERVERS } from "./servers.ts";

const QUICK = { rolling: { min_healthy_time: 0.1 } };
const SEED = Number(process.env.SUP_ZERO_SEED ?? 1);

test("20 rolling restarts of one and of four instances of each server: no request fails", async () => {
  await using daemon = await startDaemon();
  const services = SERVERS.flatMap((server, index) =>
    [1, 4].map((instances) => ({
      ...place(server, daemon, `web-${index}-${instances}`, { ...QUICK, instances }),
      title: `${server.heading}, ${instances}`,
    })),
  );
  await running(daemon, services);
  await Promise.all(services.map((service) => restartUnderLoad(daemon, service, 20)));
}, 240_000);

test("2 rolling restarts of the other servers: no request fails", async () => {
  await using daemon = await startDaemon();
  const services = OTHERS.map((server, index) => {
    const placed = place(server, daemon, `web-${index}`, { ...QUICK, instances: 1 });
    return server.heading === "PHP-FPM" ? behindNginx(daemon, placed) : placed;
  });
  await running(daemon, services);
  await daemon.sup("start", "front");
  await Promise.all(services.map((service) => restartUnderLoad(daemon, service, 2)));
}, 120_000);

test("a broken new version of each server: no request fails, the old units stay, and the cause is named", async () => {
  await using daemon = await startDaemon();
  const services = SERVERS.map((server, index) => place(server, daemon, `web-${index}`, QUICK));
  await running(daemon, services);
  const roll = async ({ name, title, port, file }: Placed): Promise<void> => {
    const before = await pidsOf(daemon, name);
    const load = startLoad(port);
    writeFileSync(file, BROKEN);
    const { code, stdout } = await daemon.sup("rolling-restart", name);
    expect({ title, code, stdout }).toEqual({ title, code: 1, stdout: expect.stringMatching(/@3: exit code 1\b/) });
    expect(await pidsOf(daemon, name)).toEqual(before);
    report(title, await load.stop());
  };
  await Promise.all(services.map(roll));
}, 120_000);

/** A text that neither JavaScript, Python nor nginx accepts. */
const BROKEN = "this is (not a program\n";

test("a new version that becomes unhealthy after 3 s of min_healthy_time 5: no request fails, and the old units stay", async () => {
  await using daemon = await startDaemon();
  const web = place(SERVERS[0]!, daemon, "web", {
    rolling: { min_healthy_time: 5 },
    health_check: { type: "exec", command: "/bin/sh", args: ["-c", "test ! -e ill-%n"], interval: 0.2, failure_threshold: 1 },
  });
  await running(daemon, [web]);
  const before = await pidsOf(daemon, "web");
  const load = startLoad(web.port);
  const falls = 'import { writeFileSync } from "node:fs"; setTimeout(() => writeFileSync(`ill-${process.env.SUP_UNIT}`, ""), 3000);';
  writeFileSync(web.file, `${falls}\n${readFileSync(web.file, "utf8")}`);
  const startedMs = performance.now();
  const { code, stdout } = await daemon.sup("rolling-restart", "web");
  expect(performance.now() - startedMs).toBeGreaterThan(3000);
  expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(/web@3: health check failed 1 time: exit code 1\b/) });
  expect(await pidsOf(daemon, "web")).toEqual(before);
  report(web.title, await load.stop());
}, 60_000);

test(`SIGKILL and re-exec of sup at ten moments of rollouts (seed ${SEED}): no request fails, and each rollout ends as it should`, async () => {
  await using daemon = await startDaemon();
  const services = SERVERS.map((server, index) => place(server, daemon, `web-${index}`, QUICK));
  await running(daemon, services);
  const loads = services.map(({ port }) => startLoad(port));
  const random = new Random(SEED);
  for (let moment = 0; moment < 10; moment++) {
    // One of the servers gets a version that cannot start. Its rollout must fail, whatever happens to sup.
    const broken = services[random.below(services.length * 2)];
    const program = broken === undefined ? "" : readFileSync(broken.file, "utf8");
    if (broken) writeFileSync(broken.file, BROKEN);
    const before = await Promise.all(services.map(({ name }) => pidsOf(daemon, name)));
    for (const { name } of services) expect((await daemon.sup("rolling-restart", "--no-wait", name)).code).toBe(0);
    await Bun.sleep(random.below(1000)); // the moment: anywhere in the rollouts
    if (random.chance(0.5)) {
      await daemon.crash();
      await daemon.start();
    } else expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    for (const [at, service] of services.entries()) {
      const ended = await endOf(daemon, service.name);
      const wanted = service === broken ? { state: "failed", restarted: 0 } : { state: "done", restarted: 2 };
      expect(ended, `${service.title}, moment ${moment}: ${JSON.stringify(ended)}`).toMatchObject({ ...wanted, generation: moment + 1 });
      const after = await pidsOf(daemon, service.name);
      expect(after.filter((pid) => before[at]!.includes(pid)).length).toBe(service === broken ? 2 : 0);
    }
    if (broken) writeFileSync(broken.file, program);
  }
  for (const [at, load] of loads.entries()) {
    const { name, title } = services[at]!;
    const result = await load.stop();
    const events = (await daemon.json("events", name, "-n", "1000")) as ReadonlyArray<{ readonly event_type: string }>;
    if (result.failures.length > 0) console.error(`events of ${title}:\n${JSON.stringify(events)}`);
    report(title, result);
    expect(
      events.filter(({ event_type }) => event_type === "killed"),
      `${title} needed SIGKILL`,
    ).toEqual([]);
  }
}, 180_000);

/** Loads the unit files and waits until all units serve. */
async function running(daemon: Daemon, services: readonly Placed[]): Promise<void> {
  expect(await daemon.sup("reload")).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await daemon.sup("start", ...services.map(({ name }) => name));
  expect(code, `${stdout}${stderr}`).toBe(0);
}

async function restartUnderLoad(daemon: Daemon, { name, title, port }: Placed, times: number): Promise<void> {
  const load = startLoad(port);
  for (let i = 0; i < times; i++) {
    const { code, stdout, stderr } = await daemon.sup("rolling-restart", name);
    expect(code, `${title}: ${stdout}${stderr}`).toBe(0);
  }
  report(title, await load.stop());
}

/** Prints the slowest request, and fails if a request has failed. */
function report(title: string, { requests, failures, slowestMs }: Report): void {
  console.error(`${title}: ${requests} requests, ${failures.length} failed, the slowest took ${Math.round(slowestMs)} ms`);
  expect(failures, title).toEqual([]);
  expect(requests).toBeGreaterThanOrEqual(16);
}

const pidsOf = async (daemon: Daemon, service: string): Promise<number[]> =>
  Promise.all([1, 2].map(async (number) => (await daemon.reaches(`${service}@${number}`, "running")).pid!));

/** Waits until the rollout of a service has ended and its additional unit has left. */
function endOf(daemon: Daemon, service: string): Promise<RolloutStatus> {
  const status = async (): Promise<RolloutStatus> =>
    ((await (await daemon.api(`/api/supervisor/services/${service}/rollout`)).json()) as { rollout: RolloutStatus }).rollout;
  return until(
    async () => {
      const now = await status();
      const isOver = !now.active && now.units.every(({ additional, phase }) => !additional || phase === "gone");
      return isOver ? now : null;
    },
    { what: `the rollout of ${service} to end`, timeoutMs: 60_000, explain: async () => JSON.stringify(await status()) },
  );
}
