/** Shared listeners during rolling restarts: servers that ignore them, and servers that delete the file of a unix socket. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RolloutStatus } from "../../../src/api/contract/shapes.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { until } from "../../harness/until.ts";

const node = Bun.which("node");
const python = Bun.which("python3");
const withNode = test.if(node !== null);
const withPython = test.if(python !== null);

/** Listens on descriptor 3, or on a random port as a server does that ignores it. At SIGTERM it answers what it has accepted. */
const SERVER = `
const server = require("node:http").createServer((_, response) => {
  response.setHeader("Connection", "close");
  response.end(String(process.pid));
});
const random = require("node:fs").existsSync(process.argv[1]);
server.listen(random ? { port: 0, host: "127.0.0.1" } : { fd: 3 });
process.on("SIGTERM", () => server.close(() => process.exit(0)));
`;

const failedRollout = async (daemon: Daemon, words: string): Promise<RolloutStatus> => {
  const failed = await daemon.sup("rolling-restart", "web");
  expect(failed.code).toBe(1);
  expect(failed.stdout + failed.stderr).toContain(words);
  return ((await (await daemon.api("/api/supervisor/services/web/rollout")).json()) as { rollout: RolloutStatus }).rollout;
};

withNode(
  "a new unit that listens on a random port does not count as healthy although the old unit answers its probes",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon();
    const marker = join(daemon.home, "random");
    daemon.writeUnit("web", {
      ...{ enabled: true, command: node!, args: ["-e", SERVER, marker], instances: 1 },
      sockets: [{ name: "http", listen: `127.0.0.1:${port}` }],
      health_check: { type: "http", endpoint: `http://127.0.0.1:${port}/`, interval: 0.3, start_interval: 0.1 },
      rolling: { min_healthy_time: 0.2 },
      restart_policy: { max_retries: 0 },
    });
    const { pid } = await daemon.reaches("web@1", "running");
    expect((await daemon.sup("rolling-restart", "web")).code).toBe(0);
    const before = await daemon.reaches("web@1", "running");
    expect(before.pid).not.toBe(pid);
    writeFileSync(marker, "");
    const { failure } = await failedRollout(daemon, "the unit does not accept connections from the socket");
    expect(failure).toMatch(
      new RegExp(
        `^web@2: health check failed 3 times in a row: the unit does not accept connections from the socket 127\\.0\\.0\\.1:${port}, which it gets from descriptor 3 on; it listens on 127\\.0\\.0\\.1:\\d+ instead$`,
      ),
    );
    expect((await daemon.reaches("web@1", "running")).pid).toBe(before.pid);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe(String(before.pid));
  },
  30_000,
);

withPython(
  "READY=1 of a unit that has closed the shared socket fails the start",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon();
    const marker = join(daemon.home, "closed");
    const script = `
import os, socket, time
if os.path.exists("${marker}"): os.close(3)
ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = os.environ["NOTIFY_SOCKET"]
ready.connect("\\0" + address[1:] if address[0] == "@" else address)
ready.send(b"READY=1")
time.sleep(600)
`;
    daemon.writeUnit("web", {
      ...{ enabled: true, type: "notify", command: python!, args: ["-c", script], instances: 1, rolling: { min_healthy_time: 0.1 } },
      sockets: [{ name: "http", listen: `127.0.0.1:${port}` }],
      restart_policy: { max_retries: 0 },
    });
    const { pid } = await daemon.reaches("web@1", "running");
    writeFileSync(marker, "");
    const { failure } = await failedRollout(daemon, "it sent READY=1");
    expect(failure).toBe(
      `web@2: it sent READY=1, but no process of the unit has the socket 127.0.0.1:${port} open, which it gets from descriptor 3 on`,
    );
    expect((await daemon.reaches("web@1", "running")).pid).toBe(pid);
  },
  30_000,
);

/** Deletes the file of its socket when it is asked to stop, before it finishes its work, as some servers do. */
const UNLINKER = `
import os, signal, socket, sys
path = sys.argv[1]
stop = []
def leave(*_):
    if not stop and os.path.exists(path): os.unlink(path)
    stop.append(1)
signal.signal(signal.SIGTERM, leave)
listener = socket.socket(fileno=3)
listener.settimeout(0.05)
ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = os.environ["NOTIFY_SOCKET"]
ready.connect("\\0" + address[1:] if address[0] == "@" else address)
ready.send(b"READY=1")
body = b"%d" % os.getpid()
while not stop:
    try:
        client, _ = listener.accept()
    except TimeoutError:
        continue
    client.settimeout(5)
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s" % (len(body), body))
    client.close()
`;

const askUnix = async (unix: string): Promise<string> => (await fetch("http://web/", { unix, keepalive: false })).text();

/** Sends requests until it is stopped. A request during the moment in which the file is missing cannot be connected, and is sent again. */
function load(unix: string) {
  const seen = { answers: 0, unconnected: 0, broken: [] as string[] };
  let going = true;
  const client = async (): Promise<void> => {
    while (going) {
      try {
        await askUnix(unix);
        seen.answers++;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "FailedToOpenSocket" || code === "ConnectionRefused" || code === "ENOENT") seen.unconnected++;
        else seen.broken.push(`${code}: ${String(error)}`);
      }
    }
  };
  const clients = Array.from({ length: 4 }, client);
  const stop = async () => {
    going = false;
    await Promise.all(clients);
    return seen;
  };
  return { stop };
}

withPython(
  "a unix socket whose file a leaving unit deletes or replaces is restored, and no connection breaks",
  async () => {
    await using daemon = await startDaemon();
    const path = join(daemon.home, "web.sock");
    daemon.writeUnit("web", {
      ...{ enabled: true, type: "notify", command: python!, args: ["-c", UNLINKER.replaceAll("%", "%%"), path], instances: 2 },
      sockets: [{ name: "http", listen: path }],
      rolling: { min_healthy_time: 0.1 },
    });
    await daemon.reaches("web@1", "running");
    await daemon.reaches("web@2", "running");
    const clients = load(path);
    for (let round = 0; round < 5; round++) {
      expect((await daemon.sup("rolling-restart", "web")).code).toBe(0);
      expect(existsSync(path)).toBe(true);
    }
    const { answers, unconnected, broken } = await clients.stop();
    console.log(`${answers} requests answered, ${unconnected} could not connect while the file was missing`);
    expect(broken).toEqual([]);
    expect(answers).toBeGreaterThan(100);

    // Another process takes the name, and a deleted file comes back without any step of a rollout.
    const other = Bun.listen({ unix: `${path}.other`, socket: { data() {} } });
    renameSync(`${path}.other`, path);
    const pids = await Promise.all(["web@1", "web@2"].map(async (id) => String((await daemon.reaches(id, "running")).pid)));
    await until(async () => pids.includes(await askUnix(path).catch(() => "")), { what: "an answer of the service" });
    other.stop(true);
    rmSync(path, { force: true });
    await until(() => existsSync(path), { what: "the restored file" });

    // The listener is the same one after a crash and a re-exec.
    await daemon.crash();
    rmSync(path, { force: true });
    await daemon.start();
    expect(pids).toContain(await askUnix(path));
    expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    rmSync(path, { force: true });
    await until(() => existsSync(path), { what: "the file after a re-exec" });
    expect(pids).toContain(await askUnix(path));
    expect((await daemon.sup("stop", "web")).code).toBe(0);
    expect(readdirSync(daemon.home).filter((name) => name.includes("web.sock"))).toEqual([]);
  },
  60_000,
);
