/** Rolling restarts of a plain unit with `rolling` and `sockets`: an additional unit serves while the unit restarts. */
import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RolloutStatus, Service } from "../../../src/api/contract/shapes.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { until } from "../../harness/until.ts";

const node = Bun.which("node");
const withNode = test.if(node !== null);

/** Answers with its version and the generation. It exits at once if the file of its second argument exists. */
const SERVER = `
if (require("node:fs").existsSync(process.argv[1])) process.exit(3);
const server = require("node:http").createServer((_, response) => {
  response.setHeader("Connection", "close");
  response.end(process.argv[2] + " " + process.env.SUP_GENERATION + " " + process.env.SUP_UNIT);
});
server.listen({ fd: 3 });
process.on("SIGTERM", () => server.close(() => process.exit(0)));
`;

const web = (port: number, home: string, version: string, more: object = {}): Record<string, unknown> => ({
  ...{ enabled: true, command: node!, args: ["-e", SERVER, join(home, "broken"), version] },
  sockets: [{ name: "http", listen: `127.0.0.1:${port}` }],
  health_check: { type: "http", endpoint: `http://127.0.0.1:${port}/`, interval: 1, start_interval: 0.1 },
  rolling: { min_healthy_time: 0.2 },
  restart_policy: { max_retries: 0 },
  ...more,
});

/** Sends requests until it is stopped. Every answer and every failure counts. */
function load(port: number) {
  const [answers, failures]: [string[], string[]] = [[], []];
  let going = true;
  const client = async (): Promise<void> => {
    while (going) {
      try {
        answers.push(await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text());
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const clients = [client(), client(), client(), client()];
  const stop = async (): Promise<string[]> => {
    going = false;
    await Promise.all(clients);
    return failures;
  };
  return { answers, stop };
}

const rolloutOf = async (daemon: Daemon): Promise<RolloutStatus> =>
  ((await (await daemon.api("/api/supervisor/services/web/rollout")).json()) as { rollout: RolloutStatus }).rollout;

const ids = async (daemon: Daemon): Promise<string[]> =>
  ((await daemon.json("status")) as { services: Service[] }).services.map(({ id }) => id);

const idle = (daemon: Daemon): Promise<true> =>
  until(async () => ((await ids(daemon)).join() === "web" && !(await rolloutOf(daemon)).active ? true : undefined), {
    what: "the end of the rollout",
  });

withNode(
  "no request fails, and the unit keeps its name",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon();
    daemon.writeUnit("web", web(port, daemon.home, "v1"));
    const { pid } = await daemon.reaches("web", "running");
    expect((await daemon.sup("rolling-restart", "web", "--dry-run")).stdout).toBe(
      "would start web@2, an additional unit\nwould restart web\nwould stop and remove web@2\n",
    );
    const clients = load(port);
    for (let round = 1; round <= 3; round++) {
      expect((await daemon.sup("rolling-restart", "web")).stdout).toContain(`web: rollout ${round} is done, 1 of 1 units restarted`);
      await idle(daemon);
    }
    daemon.writeUnit("web", web(port, daemon.home, "v2"));
    expect((await daemon.sup("reload")).stdout).toContain("a rolling restart applies the change");
    await idle(daemon);
    expect(await clients.stop()).toEqual([]);
    expect(new Set(clients.answers)).toContain("v1 1 web@2");
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("v2 4 web");
    expect((await daemon.reaches("web", "running")).pid).not.toBe(pid);
    expect((await daemon.json("rollout", "status", "web")) as RolloutStatus).toMatchObject({ generation: 4, state: "done" });
  },
  60_000,
);

withNode(
  "a broken version leaves the running unit alone, and the definition that worked stays in force",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon();
    daemon.writeUnit("web", web(port, daemon.home, "v1"));
    const { pid } = await daemon.reaches("web", "running");
    const clients = load(port);
    writeFileSync(join(daemon.home, "broken"), "");
    const failed = await daemon.sup("rolling-restart", "web");
    expect(failed.code).toBe(1);
    expect(failed.stdout + failed.stderr).toContain("web@2: exit code 3");
    await idle(daemon);

    daemon.writeUnit("web", web(port, daemon.home, "v2"));
    expect((await daemon.sup("reload")).code).toBe(0);
    await until(async () => ((await rolloutOf(daemon)).state === "failed" ? true : undefined), { what: "the failure" });
    await idle(daemon);
    expect((await daemon.reaches("web", "running")).pid).toBe(pid);
    expect((await daemon.json("status", "web")) as object).toMatchObject({ reverted: { rollout: 2 } });
    rmSync(join(daemon.home, "broken"));
    expect((await daemon.sup("restart", "web")).code).toBe(0);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain("v1");

    await daemon.crash();
    await daemon.start();
    expect((await daemon.sup("restart", "web")).code).toBe(0);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain("v1");
    expect((await daemon.sup("reload")).code).toBe(0);
    await until(async () => (await (await fetch(`http://127.0.0.1:${port}/`)).text()).startsWith("v2") || undefined, {
      what: "the new version",
    });
    await idle(daemon);
    expect(await clients.stop()).toEqual([]);
  },
  60_000,
);

withNode(
  "a crash and a re-exec of the daemon in the middle change nothing but time",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon();
    daemon.writeUnit("web", web(port, daemon.home, "v1"));
    await daemon.reaches("web", "running");
    const clients = load(port);
    expect((await daemon.sup("rolling-restart", "web", "--no-wait")).code).toBe(0);
    await daemon.reaches("web@2", ({ state }) => state === "starting" || state === "running");
    await daemon.crash();
    await daemon.start();
    expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    expect((await daemon.sup("reload")).stdout).toContain("Nothing changed.");
    await until(async () => ((await rolloutOf(daemon)).state === "done" ? true : undefined), {
      what: "the end of the rollout",
      explain: async () =>
        JSON.stringify(await rolloutOf(daemon)) +
        (await daemon.sup("status")).stdout +
        (await daemon.sup("events", "--since", "1h")).stdout,
    });
    await idle(daemon);
    expect(await clients.stop()).toEqual([]);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("v1 1 web");
  },
  60_000,
);
