/**
 * Real servers, started from the sample units as a user would: they serve, they come back after a SIGKILL, and stopping them
 * leaves nothing. One that is not installed is skipped and says so; `npm run e2e` as root installs them.
 */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:net";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { alive, processesOf } from "../../harness/processes.ts";
import { run } from "../../harness/run.ts";
import { until } from "../../harness/until.ts";
import { hasNginx, postgres, postgresBin, psql, sample, skips } from "./servers.ts";

interface Peer {
  readonly daemon: Daemon;
  readonly id: string;
  readonly port: number;
  /** Throws, or is false, until the server serves. */
  readonly serves: () => Promise<boolean>;
}

/** The story that every server has to go through. */
async function story({ daemon, id, port, serves }: Peer): Promise<void> {
  const started = await daemon.sup("start", id);
  if (started.code !== 0) throw new Error(`${started.stdout}${started.stderr}\n${daemon.log(id)}`);
  const first = await daemon.service(id);
  expect(first).toMatchObject({ state: "running", port });
  expect(await serves()).toBe(true);
  expect((await daemon.sup("health", id, "--run")).code).toBe(0); // not the first probe, which may have come early
  expect((await daemon.service(id)).health).toBe("healthy");

  process.kill(first.pid!, "SIGKILL");
  const back = await daemon.reaches(id, (row) => row.state === "running" && row.pid !== first.pid, 30_000);
  expect(back).toMatchObject({ restart_count: 1, last_exit: "killed by SIGKILL" });
  await until(serves, { what: `${id} to serve again` });

  expect((await daemon.sup("restart", id)).code).toBe(0);
  expect(await serves()).toBe(true);

  const { pid } = await daemon.service(id);
  expect((await daemon.sup("stop", id)).code).toBe(0);
  expect(alive(pid!)).toBe(false);
  // The keeper goes in the turn after the last service.
  const others = (): ReturnType<typeof processesOf> => processesOf(daemon.home).filter((one) => one.pid !== daemon.pid && !/^sup-(keeper|spawn)/.test(one.command)); // prettier-ignore
  expect(others()).toEqual([]);
  const taken = await serves().catch(() => false);
  expect(taken).toBe(false);
}

test.skipIf(skips(hasNginx, "nginx"))("nginx serves a page, reloads without a new process, comes back and leaves nothing", async () => {
  const port = freePort();
  await using daemon = await startDaemon({ units: { nginx: sample("nginx", port) } });
  const page = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) })).text();
  const serves = async (): Promise<boolean> => (await page()).includes("nginx under sup");
  expect((await daemon.sup("start", "nginx")).code).toBe(0);
  const { pid } = await daemon.service("nginx");
  await until(serves, { what: "the page" });
  const conf = join(daemon.home, "state/nginx/nginx.conf");
  await Bun.write(conf, readFileSync(conf, "utf8").replace("location /", `location = /new { return 200 "reloaded"; } location /`));
  expect((await daemon.sup("reload", "nginx")).code).toBe(0);
  await until(async () => (await (await fetch(`http://127.0.0.1:${port}/new`)).text()) === "reloaded", { what: "the new configuration" });
  expect((await daemon.service("nginx")).pid).toBe(pid);
  const works = readFileSync(conf, "utf8");
  await Bun.write(conf, "events {} nonsense on;\n");
  for (const action of ["reload", "restart"]) expect((await daemon.sup(action, "nginx")).code).toBe(1);
  expect(await daemon.service("nginx")).toMatchObject({ pid, state: "running" });
  expect(await serves()).toBe(true);
  await Bun.write(conf, works);
  expect(daemon.log("nginx")).toContain("GET / HTTP"); // its access log
  expect((await daemon.sup("stop", "nginx")).code).toBe(0);
  await story({ daemon, id: "nginx", port, serves });
});

test.skipIf(skips(hasNginx, "nginx"))("nginx with a broken configuration is not started, and the error is nginx's own", async () => {
  await using daemon = await startDaemon({ units: { nginx: sample("nginx", freePort()) } });
  mkdirSync(join(daemon.home, "state/nginx"), { recursive: true });
  await Bun.write(join(daemon.home, "state/nginx/nginx.conf"), "events {} nonsense on;\n");
  const { code, stdout, stderr } = await daemon.sup("start", "nginx");
  expect({ code, said: (stdout + stderr).includes("pre_start") }).toEqual({ code: 1, said: true });
  expect(daemon.log("nginx")).toContain(`unknown directive "nonsense"`);
  await daemon.sup("stop", "nginx");
});

test.skipIf(skips(Bun.which("redis-server") !== null, "redis-server"))(
  "redis answers PING and keeps what it was given over a SIGKILL and a restart",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon({ units: { redis: sample("redis", port) } });
    await daemon.sup("start", "redis");
    expect(await redis(port, "SET kept forever", "+OK")).toBe(true);
    await daemon.sup("stop", "redis");
    const serves = (): Promise<boolean> => redis(port, "GET kept", "forever");
    await story({ daemon, id: "redis", port, serves });
    expect(daemon.log("redis")).toContain("Ready to accept connections");
    expect(daemon.log("redis")).toContain("User requested shutdown"); // a proper stop, not a kill
  },
);

test.skipIf(skips(postgresBin() !== null, "postgresql"))(
  "postgres makes its data, answers a query, survives a SIGKILL and shuts down in order",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon();
    daemon.writeUnit("postgres", postgres(daemon.home, port));
    await daemon.reaches("postgres", () => true);
    const serves = async (): Promise<boolean> => {
      const asked = await run([...psql(port), "select 6 * 7"]);
      return asked.code === 0 && asked.stdout.trim() === "42";
    };
    await story({ daemon, id: "postgres", port, serves });
    expect(daemon.log("postgres")).toContain("received fast shutdown request");
    expect(daemon.log("postgres")).toContain("database system is shut down");
  },
  120_000,
);

/** One inline command (the RESP protocol takes plain lines) and whether the answer holds the text. */
function redis(port: number, command: string, wanted: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1", () => socket.write(`PING\r\n${command}\r\nQUIT\r\n`));
  let text = "";
  socket.setTimeout(2000, () => socket.destroy(new Error("redis does not answer")));
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.on("end", () => resolve(text.startsWith("+PONG\r\n") && text.includes(wanted)));
  socket.on("error", reject);
  return promise;
}
