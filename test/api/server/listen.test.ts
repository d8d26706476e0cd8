import { afterEach, expect, spyOn, test } from "bun:test";
import { mkdtempSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listen, type Listening, type ListenOptions } from "../../../src/api/server/listen.ts";
import { until } from "../../harness/until.ts";
import { makeRig, readerOf, TOKEN, type Rig } from "./fake.ts";

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function tempSocket(): string {
  const dir = mkdtempSync(join(tmpdir(), "sup-listen-"));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, "sup.sock");
}

const LOOPBACK = { host: "127.0.0.1", port: 0, auth: "token" } as const;
const STATUS = "/api/supervisor/status";

async function open(more: Partial<ListenOptions> = {}, rig: Rig = makeRig()): Promise<Listening & { rig: Rig }> {
  const result = await listen({ app: rig.app, socketPath: tempSocket(), tcp: null, ...more });
  if (!result.ok) throw new Error(result.error);
  cleanups.push(() => result.value.stop(0));
  return { ...result.value, rig };
}

const refused = async (more: Partial<ListenOptions>): Promise<string> => {
  const result = await listen({ app: makeRig().app, socketPath: tempSocket(), tcp: null, ...more });
  if (result.ok) await result.value.stop(0);
  return result.ok ? "" : result.error;
};

/** Listening on a free port of the loopback or on a path. */
async function squat(where: string | number): Promise<Server> {
  const server = createServer(() => {});
  await new Promise<void>((resolve) =>
    typeof where === "string" ? server.listen(where, resolve) : server.listen(where, "127.0.0.1", resolve),
  );
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return server;
}

const overUnix = (path: string, url = STATUS, init: RequestInit = {}) => fetch(`http://sup${url}`, { ...init, unix: path });

test("the socket has mode 0600 and answers without a token; the umask is as before", async () => {
  const umask = process.umask();
  const { unix } = await open();
  expect(statSync(unix.path).mode & 0o777).toBe(0o600);
  expect(process.umask()).toBe(umask);
  expect((await overUnix(unix.path)).status).toBe(200);
});

test("the unix socket has no idle timeout: a start of several minutes and a quiet stream are not cut off", async () => {
  const serve = spyOn(Bun, "serve");
  cleanups.push(() => serve.mockRestore());
  await open({ tcp: LOOPBACK });
  const asked = serve.mock.calls.map(([options]) => options as { unix?: string; idleTimeout?: number });
  expect(asked.map(({ unix, idleTimeout }) => [unix !== undefined, idleTimeout])).toEqual([
    [true, 0],
    [false, 30],
  ]);
});

test("port 0 picks a free port and reports it; TCP requires the token", async () => {
  const { tcp, notes } = await open({ tcp: LOOPBACK });
  expect(tcp?.url).toBe(`http://127.0.0.1:${tcp?.port}`);
  expect(tcp!.port > 0).toBe(true);
  expect(notes).toEqual([]);
  expect((await fetch(`${tcp!.url}${STATUS}`)).status).toBe(401);
  expect((await fetch(`${tcp!.url}${STATUS}`, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
  expect((await fetch(`${tcp!.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${tcp!.url}/healthz`, { headers: { host: "evil.example" } })).status).toBe(403);
});

test("a port in use is not an error: a note says by whom, and the socket answers", async () => {
  const { port } = (await squat(0)).address() as { port: number };
  const { unix, tcp, notes } = await open({ tcp: { ...LOOPBACK, port }, whoListens: (asked) => `nginx on ${asked}` });
  expect(tcp).toBe(null);
  expect(notes).toEqual([`port ${port} is taken by nginx on ${port}; the API is available on the unix socket only`]);
  expect((await overUnix(unix.path)).status).toBe(200);
  const unseen = await open({ tcp: { ...LOOPBACK, port } });
  expect(unseen.notes[0]).toContain("taken by another process");
});

test("two daemons of one user do not share a port: the second one has a note", async () => {
  const first = await open({ tcp: LOOPBACK });
  const second = await open({ tcp: { ...LOOPBACK, port: first.tcp!.port } });
  expect(second.tcp).toBe(null);
  expect(second.notes).toEqual([expect.stringContaining(`port ${first.tcp!.port} is taken`)]);
});

test("an address that this machine does not have is a note, too", async () => {
  const { tcp, notes } = await open({ tcp: { ...LOOPBACK, host: "192.0.2.1" } });
  expect(tcp).toBe(null);
  expect(notes).toEqual([
    expect.stringMatching(/^cannot listen on http:\/\/192\.0\.2\.1:0: .*; the API is available on the unix socket only$/),
  ]);
});

test("unsafe settings are noted: no token, or not only loopback", async () => {
  expect((await open({ tcp: { ...LOOPBACK, auth: "none" } })).notes).toEqual([expect.stringContaining("api.auth is none")]);
  expect((await open({ tcp: { ...LOOPBACK, host: "0.0.0.0", auth: "none" } })).notes).toEqual([expect.stringContaining("ignored")]);
  expect((await open({ tcp: { ...LOOPBACK, host: "0.0.0.0" } })).notes).toEqual([expect.stringContaining("TLS")]);
});

test("the socket file of a killed daemon is replaced", async () => {
  const path = tempSocket();
  const script = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.stdout.write("up"); await new Promise(() => {});`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  cleanups.push(() => child.kill("SIGKILL"));
  await child.stdout.getReader().read();
  child.kill("SIGKILL");
  await child.exited;
  expect(existsSync(path)).toBe(true);
  const { unix } = await open({ socketPath: path });
  expect((await overUnix(unix.path)).status).toBe(200);
});

test("a socket that accepts connections is left alone", async () => {
  const first = await open();
  expect(await refused({ socketPath: first.unix.path })).toContain("another daemon listens there");
  expect((await overUnix(first.unix.path)).status).toBe(200);
});

test("a file that is not a socket is left alone", async () => {
  const path = tempSocket();
  writeFileSync(path, "precious");
  expect(await refused({ socketPath: path })).toContain("a file that is not a socket");
  expect(readFileSync(path, "utf8")).toBe("precious");
});

test("a path of 107 bytes works; one of 108 is refused with its length before anything else", async () => {
  const base = tempSocket().replace("sup.sock", "");
  const sized = (bytes: number): string => base + "s".repeat(bytes - base.length);
  expect((await overUnix((await open({ socketPath: sized(107) })).unix.path)).status).toBe(200);
  expect(await refused({ socketPath: sized(108) })).toMatch(/the path has 108 bytes, the limit for a unix socket is 107/);
  expect(await refused({ socketPath: "/é".repeat(40) })).toContain("120 bytes");
});

test("a missing directory is an error with its cause", async () => {
  expect(await refused({ socketPath: join(tempSocket(), "..", "gone", "sup.sock") })).toMatch(
    /^cannot listen on .*gone\/sup\.sock: .*ENOENT/,
  );
});

test("stop closes streams and listeners, waits for an answer under way, and removes the socket file", async () => {
  const rig = makeRig();
  let finish = (): void => {};
  const begun = new Promise<void>((begin) => {
    const act = rig.fake.act;
    rig.fake.act = async (request) => {
      begin();
      await new Promise<void>((resolve) => (finish = resolve));
      return act(request);
    };
  });
  const { unix, stop } = await open({}, rig);
  const stream = readerOf(await overUnix(unix.path, "/api/supervisor/events/stream"));
  await stream.until((so) => so.includes("snapshot"));
  const waiting = overUnix(unix.path, "/api/supervisor/services/web/start", { method: "POST" });
  await begun;
  const stopped = stop(10_000);
  await stream.until(() => false);
  expect(existsSync(unix.path)).toBe(false);
  finish();
  expect((await waiting).status).toBe(200);
  await stopped;
  expect(await overUnix(unix.path).catch((error: { code: string }) => error.code)).toBe("ENOENT");
});

test("stop waits for an answer no longer than its grace period", async () => {
  const rig = makeRig();
  const begun = new Promise<void>((begin) => (rig.fake.act = () => (begin(), new Promise(() => {}))));
  const { unix, stop } = await open({}, rig);
  const waiting = overUnix(unix.path, "/api/supervisor/services/web/start", { method: "POST" }).then(
    () => "answered",
    () => "cut",
  );
  await begun;
  await stop(20);
  expect(await waiting).toBe("cut");
});

test("a client that hangs up is unsubscribed; one that does not read is cut off and costs no memory", async () => {
  const { unix, rig } = await open();
  const request = "GET /api/supervisor/events/stream HTTP/1.1\r\nHost: sup\r\n\r\n";
  const gone = await dial(unix.path, request);
  await until(() => rig.fake.subscribers.size === 1, { what: "the subscription" });
  gone.destroy();
  await until(() => rig.fake.subscribers.size === 0, { what: "its end" });
  const deaf = await dial(unix.path, request);
  await until(() => rig.fake.subscribers.size === 1, { what: "the subscription" });
  const description = "x".repeat(64 * 1024);
  for (let sent = 0; rig.fake.subscribers.size > 0; sent++) {
    if (sent > 1000) throw new Error("still subscribed after 64 MB");
    rig.fake.publish({ kind: "service", data: { ...rig.fake.services.get("web")!, description } });
    if (sent % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  deaf.destroy();
});

async function dial(path: string, request: string): Promise<Socket> {
  const socket = connect(path);
  socket.pause();
  cleanups.push(() => socket.destroy());
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.write(request);
  return socket;
}
