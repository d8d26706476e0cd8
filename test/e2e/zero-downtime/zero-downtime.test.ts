/** The servers of docs/zero-downtime.md lose no request in rolling restarts. */
import { expect, test } from "bun:test";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { startLoad } from "./load.ts";
import { place, SERVERS } from "./servers.ts";

const ROLLOUTS = 20;

test(
  "20 rolling restarts of one and of four instances of each server: no request fails",
  async () => {
    await using daemon = await startDaemon();
    const services = SERVERS.flatMap((server, index) =>
      [1, 4].map((instances) => {
        const name = `web-${index}-${instances}`;
        return { name, title: `${server.heading}, ${instances}`, ...place(server, daemon, name, { instances, rolling: { min_healthy_time: 0.1 } }) };
      }),
    );
    for (const { name, unit } of services) daemon.writeUnit(name, unit);
    expect(await daemon.sup("reload")).toMatchObject({ code: 0 });
    const results = await Promise.all(services.map((service) => restartUnderLoad(daemon, service)));
    for (const { title, report } of results) console.error(`${title}: ${report.requests} requests, ${report.failures.length} failures, slowest ${Math.round(report.slowestMs)} ms`);
    for (const { title, report } of results) expect(report.failures, title).toEqual([]);
  },
  180_000,
);

async function restartUnderLoad(daemon: Daemon, { name, title, port }: { name: string; title: string; port: number }) {
  await daemon.sup("start", name);
  const load = startLoad(port);
  const t = performance.now();
  for (let i = 0; i < ROLLOUTS; i++) {
    const { code, stdout, stderr } = await daemon.sup("rolling-restart", name);
    expect(code, `${title}: ${stdout}${stderr}`).toBe(0);
  }
  console.error(title, Math.round(performance.now() - t));
  return { title, report: await load.stop() };
}
