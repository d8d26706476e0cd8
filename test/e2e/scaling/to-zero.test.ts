/** `instances.min` 0: no unit runs until a client connects, and none runs when nobody is connected. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Event, Service } from "../../../src/api/contract/shapes.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const python = Bun.which("python3");
const withPython = test.if(python !== null);
const SETTINGS = { metrics: { interval: 0.5 } };

/** Answers each request with its pid and keeps the connection open if the client wants that; ends at SIGTERM. */
const SERVER = `
import os, signal, socket, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = str(os.getpid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
    def address_string(self): return ""
class Server(ThreadingHTTPServer):
    daemon_threads = True
    def get_request(self):
        request, address = self.socket.accept()
        return request, address or ("", 0)
server = Server(("", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=3)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
`;

const web = (listen: string, rules: object = {}, more: object = {}): Record<string, unknown> => ({
  ...{ enabled: true, command: python ?? "python3", args: ["-c", SERVER.replaceAll("%", "%%")] },
  sockets: [{ name: "http", listen }],
  instances: { min: 0, max: 1, idle_after: 1, ...rules },
  ...more,
});

const unitOf = async (daemon: Daemon): Promise<Service> => {
  const { services } = (await daemon.json("status")) as { services: Service[] };
  return services.find(({ id }) => id === "web@1")!;
};

const ask = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text();
const askUnix = async (unix: string): Promise<string> => (await fetch("http://web/", { unix, keepalive: false })).text();

const asleep = (daemon: Daemon): Promise<Service> =>
  until(
    async () => {
      const unit = await unitOf(daemon);
      return unit.waits_for_connection ? unit : undefined;
    },
    { what: "a sleeping service", explain: async () => (await daemon.sup("why", "web")).stdout },
  );

const scalings = async (daemon: Daemon): Promise<string[]> =>
  ((await daemon.json("events", "web", "--since", "1h")) as Event[])
    .filter(({ event_type }) => event_type === "scaled")
    .map(({ message }) => message);

withPython(
  "the first connection starts the service and is answered by it; without connections it stops; a crash and a re-exec change nothing",
  async () => {
    const port = freePort();
    await using daemon = await startDaemon({ units: { web: web(`127.0.0.1:${port}`) }, settings: SETTINGS });
    const first = await asleep(daemon);
    expect(first).toMatchObject({ state: "stopped", reason: "scaling", pid: null });
    const shown = (await daemon.sup("status")).stdout;
    expect(shown).toContain("stopped, 0 of 0 ready, starts at the first connection");
    expect(shown).toContain("0–1 units by connections");
    expect((await daemon.sup("why", "web")).stdout).toContain(`Starts when a client connects to 127.0.0.1:${port}.`);
    expect((await daemon.sup("explain", "web")).stdout).toContain("Now: nothing, because the service waits for its first connection.");

    const askedMs = performance.now();
    const pid = await ask(port);
    console.log(`first request answered after ${Math.round(performance.now() - askedMs)} ms`);
    expect((await unitOf(daemon)).pid).toBe(Number(pid));
    await asleep(daemon);
    expect(await scalings(daemon)).toEqual([
      "scaled to 0 units: the first connection starts it",
      "scaled from 0 to 1 unit: a client connected",
      "scaled from 1 to 0 units (no connection for 1s)",
    ]);

    await daemon.crash();
    // The keeper holds the socket, so this client waits for the next daemon.
    const waiting = ask(port);
    await daemon.start();
    const second = await waiting;
    expect(second).not.toBe(pid);
    // A connection that stays open keeps the service up, also over a re-exec and a crash of the daemon.
    const client = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    await daemon.crash();
    await daemon.start();
    await until(async () => (await daemon.sup("explain", "web")).stdout.includes("the next connection starts it"), { what: "a sample" });
    expect(await ask(port)).toBe(second);
    expect((await unitOf(daemon)).pid).toBe(Number(second));
    client.terminate();
    await asleep(daemon);
    expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    expect(await ask(port)).not.toBe(second);
  },
  60_000,
);

withPython("a unix socket too: it stays while the service sleeps, and is removed when an operator stops the service", async () => {
  await using daemon = await startDaemon({ units: {}, settings: SETTINGS });
  const path = join(daemon.home, "web.sock");
  daemon.writeUnit("web", web(path));
  expect((await daemon.sup("reload")).code).toBe(0);
  await asleep(daemon);
  const pid = await askUnix(path);
  expect((await unitOf(daemon)).pid).toBe(Number(pid));
  await asleep(daemon);
  expect(await askUnix(path)).not.toBe(pid);
  await asleep(daemon);
  expect((await daemon.sup("stop", "web")).code).toBe(0);
  expect(existsSync(path)).toBe(false);
  expect(await unitOf(daemon)).toMatchObject({ state: "stopped", reason: "operator" });
});

withPython("what an operator starts by hand stays, and `sup scale web 0` lets it sleep again", async () => {
  const port = freePort();
  await using daemon = await startDaemon({ units: { web: web(`127.0.0.1:${port}`) }, settings: SETTINGS });
  await asleep(daemon);
  expect((await daemon.sup("start", "web")).code).toBe(0);
  expect((await daemon.sup("explain", "web")).stdout).toContain("an operator started it, so it runs until it is stopped");
  expect((await daemon.sup("scale", "web", "0", "--dry-run")).stdout).toContain("would be stopped; the first connection starts it");
  expect((await daemon.sup("scale", "web", "0")).code).toBe(0);
  await asleep(daemon);
  expect((await daemon.sup("scale", "web", "0")).stdout).toContain("it is scaled to 0 already");
  await ask(port);

  expect((await daemon.sup("stop", "web")).code).toBe(0);
  expect(await ask(port).catch(() => "refused")).toBe("refused");
  expect((await unitOf(daemon)).waits_for_connection).toBeUndefined();
  expect((await daemon.sup("scale", "web", "0")).code).toBe(0);
  await ask(port);
  expect((await unitOf(daemon)).state).toBe("running");
  const refused = await daemon.sup("scale", "web", "2");
  expect(refused.stderr).toContain("it scales itself between 0 and 1 units");
});

test("a start that fails is retried with the back-off and then given up; the waiting connection starts nothing more", async () => {
  const port = freePort();
  const policy = { max_retries: 2, retry_delay: 0.2, backoff_multiplier: 1 };
  const broken = web(`127.0.0.1:${port}`, {}, { command: "/bin/sh", args: ["-c", "exit 3"], restart_policy: policy });
  await using daemon = await startDaemon({ units: { web: broken }, settings: SETTINGS });
  await asleep(daemon);
  const answer = ask(port).catch(() => "refused");
  await daemon.reaches("web@1", "fatal");
  expect(await answer).toBe("refused");
  const events = (await daemon.json("events", "web@1", "--since", "1h")) as Event[];
  expect(events.filter(({ event_type }) => event_type === "started")).toHaveLength(3);
  const why = (await daemon.sup("why", "web")).stdout;
  expect(why).toContain("Connections are refused and do not start it. `sup reset-failed web` waits for connections again.");
  expect((await daemon.sup("status")).stdout).toContain("fatal, 0 of 1 ready");
  daemon.writeUnit("web", web(`127.0.0.1:${port}`, {}, sleeper()));
  expect((await daemon.sup("reload")).code).toBe(0);
  expect((await daemon.sup("reset-failed", "web")).code).toBe(0);
  await asleep(daemon);
});
