import { afterEach, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeHttp } from "../../../src/adapters/probes/http.ts";
import { connectAs } from "../../../src/linux/io/connect-as.ts";
import type { HttpProbe } from "../../../src/spec/spec.ts";
import { until } from "../linux/support.ts";

const spec = (endpoint: string, more: Partial<HttpProbe> = {}): HttpProbe => ({
  type: "http",
  endpoint,
  method: "GET",
  headers: {},
  expectedStatus: [[200, 399]],
  expectedContent: null,
  insecureTls: false,
  timeoutMs: 5000,
  ...more,
});
const OWN = { user: null, group: null };
const probe = (endpoint: string, more: Partial<HttpProbe> = {}, signal = new AbortController().signal) =>
  probeHttp(spec(endpoint, more), { agent: "sup/9.9", connectUnix: (path) => connectAs(path, OWN) }, signal);
const text = (text: string) => ({ expectedContent: { kind: "text", text } }) as const;
const regex = (text: string) => ({ expectedContent: { kind: "regex", text } }) as const;

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

function serve(fetch: (request: Request) => Response | Promise<Response>): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  cleanups.push(() => void server.stop(true));
  return `http://127.0.0.1:${server.port}`;
}

/** A server that sends raw bytes instead of HTTP. `closed` resolves when the first client has disconnected. */
async function rawServer(talk: (socket: Socket) => void): Promise<{ url: string; closed: Promise<void> }> {
  const closed = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.resume(); // otherwise it would not notice that the client closed
    socket.on("close", () => closed.resolve());
    talk(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, closed: closed.promise };
}

test("status 200 to 399 passes by default; ranges in the unit replace it", async () => {
  const url = serve((request) => new Response("", { status: Number(new URL(request.url).pathname.slice(1)) }));
  expect(await probe(`${url}/204`)).toMatchObject({ kind: "ok", detail: "HTTP 204" });
  expect(await probe(`${url}/500`)).toMatchObject({ kind: "bad", detail: "HTTP 500" });
  expect(await probe(`${url}/404`, { expectedStatus: [[404, 404]] })).toMatchObject({ kind: "ok" });
  expect(
    await probe(`${url}/204`, {
      expectedStatus: [
        [200, 200],
        [500, 599],
      ],
    }),
  ).toMatchObject({ kind: "bad" });
});

test("method, own headers, User-Agent and Host are sent", async () => {
  const url = serve(
    ({ method, headers }) => new Response([method, headers.get("user-agent"), headers.get("x-a"), headers.get("host")].join()),
  );
  const host = url.slice("http://".length);
  expect(await probe(url, { method: "POST", headers: { "X-A": "1" }, ...text(`POST,sup/9.9,1,${host}`) })).toMatchObject({ kind: "ok" });
  expect(await probe(url, { headers: { Host: "example.org", "User-Agent": "me" }, ...text("GET,me,,example.org") })).toMatchObject({
    kind: "ok",
  });
});

test("expected content is a substring or a regular expression", async () => {
  const url = serve(() => new Response("status: ready (3)"));
  expect(await probe(url, text("ready"))).toMatchObject({ kind: "ok" });
  expect(await probe(url, regex("ready \\(\\d\\)"))).toMatchObject({ kind: "ok" });
  const missing = await probe(url, text("steady"));
  expect(missing).toMatchObject({ kind: "bad", detail: 'HTTP 200, but "steady" is not in the first 17 bytes of the body' });
});

test("a proxy in the environment is not used", async () => {
  const before = process.env.http_proxy;
  process.env.http_proxy = "http://127.0.0.1:1";
  try {
    expect(await probe(serve(() => new Response("")))).toMatchObject({ kind: "ok" });
  } finally {
    if (before === undefined) delete process.env.http_proxy;
    else process.env.http_proxy = before;
  }
});

test("a unix socket is reached by unix:/path.sock:/url-path", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sup-probe-"));
  const unix = join(directory, "web.sock");
  const server = Bun.serve({ unix, fetch: (request) => new Response(new URL(request.url).pathname + new URL(request.url).search) });
  cleanups.push(() => {
    void server.stop(true);
    rmSync(directory, { recursive: true, force: true });
  });
  expect(await probe(`unix:${unix}:/health?x=1`, text("/health?x=1"))).toMatchObject({ kind: "ok" });
  expect(await probe(`unix:${unix}`, text("/"))).toMatchObject({ kind: "ok" });
  expect(await probe(`unix:${directory}/no.sock:/`)).toMatchObject({ kind: "bad", detail: `${directory}/no.sock does not exist` });
});

test.if(process.getuid!() === 0)("as root: a unix socket is reached only if the unit's user may connect to it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sup-probe-"));
  const served: Array<Bun.Server<undefined>> = [];
  const socketAt = (name: string, mode: number): string => {
    const unix = join(directory, name);
    served.push(Bun.serve({ unix, fetch: (request) => new Response(`${name}${new URL(request.url).pathname}`) }));
    chmodSync(unix, mode);
    return unix;
  };
  cleanups.push(() => {
    for (const server of served) void server.stop(true);
    rmSync(directory, { recursive: true, force: true });
  });
  const nobody = { user: "65534", group: null };
  const as = (path: string, identity: Parameters<typeof connectAs>[1]) => {
    const deps = { agent: "sup/9.9", connectUnix: (given: string) => connectAs(given, identity) };
    return probeHttp(spec(`unix:${path}:/x`, text("/x")), deps, new AbortController().signal);
  };
  const [open, secret, ofGroup] = [socketAt("open", 0o666), socketAt("secret", 0o600), socketAt("of-group", 0o660)];
  chownSync(ofGroup, 0, 65534);
  const denied = (path: string) => ({ kind: "bad", detail: `permission denied for ${path}` });
  expect(await as(open, nobody)).toMatchObject(denied(open)); // the directory has mode 0700
  chmodSync(directory, 0o755);
  const before = readdirSync("/proc/self/fd").length;
  expect(await as(open, nobody)).toMatchObject({ kind: "ok" });
  expect(await as(ofGroup, nobody)).toMatchObject({ kind: "ok" });
  expect(await as(secret, nobody)).toMatchObject(denied(secret));
  expect(await as(secret, OWN)).toMatchObject({ kind: "ok" });
  const link = join(directory, "link");
  symlinkSync(secret, link);
  expect(await as(link, nobody)).toMatchObject(denied(link));
  expect(await as("/dev/null", nobody)).toMatchObject({ kind: "bad", detail: "/dev/null refused the connection" });
  const none = join(directory, "none");
  expect(await as(none, nobody)).toMatchObject({ kind: "bad", detail: `${none} does not exist` });
  const noUser = { user: "no-such-user", group: null };
  expect(await as(open, noUser)).toMatchObject({ kind: "bad", detail: `${open}: there is no user no-such-user` });
  expect((await as(`/${"x".repeat(120)}`, nobody)).kind).toBe("bad");
  const descriptors = (): number => readdirSync("/proc/self/fd").length;
  await until(() => descriptors() <= before, "the descriptors to be closed");
});

test("redirects are followed on the same host, ten at most, and not to another host", async () => {
  const url = serve((request) => {
    const { pathname, host } = new URL(request.url);
    const left = Number(pathname.slice(1));
    if (pathname === "/away") return Response.redirect("http://127.0.0.2:1/", 302);
    if (pathname === "/odd") return new Response("", { status: 302, headers: { location: `http://u:50%-off@${host}/0` } });
    if (pathname === "/circle") return Response.redirect("/circle", 307);
    return left > 0 ? Response.redirect(`/${left - 1}`, 301) : new Response("end", { status: 299 });
  });
  expect(await probe(`${url}/10`, text("end"))).toMatchObject({ kind: "ok", detail: "HTTP 299 with the expected content" });
  expect(await probe(`${url}/11`)).toMatchObject({ kind: "bad", detail: "more than 10 redirects, the last to /0" });
  expect(await probe(`${url}/odd`)).toMatchObject({ kind: "ok", detail: "HTTP 299" });
  expect(await probe(`${url}/circle`)).toMatchObject({ kind: "bad" });
  expect(await probe(`${url}/away`)).toMatchObject({ kind: "ok", detail: "HTTP 302" });
  expect(await probe(`${url}/3`, { expectedStatus: [[301, 301]] })).toMatchObject({ kind: "ok", detail: "HTTP 301" });
});

test("a server that accepts and never answers times out and sees the connection close", async () => {
  const { url, closed } = await rawServer(() => {});
  const result = await probe(url, { timeoutMs: 150 });
  expect(result).toMatchObject({ kind: "bad", detail: `no answer from ${url.slice(7)} within 150ms` });
  await closed;
});

test("a server that sends a byte at a time times out, in the headers and in the body", async () => {
  const drip = (head: string) => (socket: Socket) => {
    socket.write(head);
    const timer = setInterval(() => socket.write("x"), 20);
    socket.on("close", () => clearInterval(timer));
  };
  const headers = await rawServer(drip("HTTP/1.1 200 OK\r\nx-slow: "));
  expect(await probe(headers.url, { timeoutMs: 200 })).toMatchObject({ kind: "bad" });
  await headers.closed;
  const body = await rawServer(drip("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"));
  // Long enough to reach the body even if the machine stalls for a moment.
  expect(await probe(body.url, { timeoutMs: 1500 })).toMatchObject({ kind: "bad", detail: "no end of the body (HTTP 200) within 1.5s" });
  await body.closed;
});

test("an endless body is read up to one MiB and judged by that", async () => {
  let sent = 0;
  const endless = (socket: Socket) => {
    const chunk = Buffer.alloc(65536, "a");
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    const more = (): void => {
      while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
      sent += chunk.length;
    };
    socket.on("drain", more);
    more();
  };
  const first = await rawServer(endless);
  expect(await probe(first.url)).toMatchObject({ kind: "ok", detail: "HTTP 200" });
  await first.closed;
  const second = await rawServer(endless);
  expect(await probe(second.url, text("b"))).toMatchObject({
    kind: "bad",
    detail: 'HTTP 200, but "b" is not in the first 1048576 bytes of the body',
  });
  expect(sent).toBeLessThan(32 * 1024 * 1024);
});

test("a reset, an early end and another protocol have different messages", async () => {
  const reset = await rawServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
  expect(await probe(reset.url)).toMatchObject({
    kind: "bad",
    detail: `${reset.url.slice(7)} closed the connection without an answer`,
  });
  const short = await rawServer((socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")));
  expect((await probe(short.url)).kind).toBe("bad");
  const ssh = await rawServer((socket) => socket.end("SSH-2.0-OpenSSH_9\r\n"));
  expect((await probe(ssh.url)).detail).toMatch(/does not speak HTTP/);
});

test("a refused connection, an unknown host, missing TLS and a bad endpoint have different messages", async () => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  const { port } = server;
  expect((await probe(`https://127.0.0.1:${port}/`)).detail).toMatch(/does not speak TLS/);
  await server.stop(true);
  expect(await probe(`http://127.0.0.1:${port}/`)).toMatchObject({ kind: "bad", detail: `127.0.0.1:${port} refused the connection` });
  // The resolver refuses an invalid name without asking a server, which may be slow or missing.
  expect((await probe(`http://${"x".repeat(64)}.invalid/`)).detail).toMatch(/cannot resolve the host/);
  expect(await probe("ftp://x/")).toMatchObject({ kind: "bad" });
  expect(await probe("http://127.0.0.1:1/", regex("(unclosed"))).toMatchObject({ kind: "bad" });
  expect(await probe("http://127.0.0.1:1/", { headers: { "no good": "x" } })).toMatchObject({ kind: "bad" });
});

test("a header whose variable contains a line break is not sent", async () => {
  const url = serve(() => new Response(""));
  const result = await probe(url, { headers: { "X-A": "1\r\nX-B: 2" } });
  expect(result).toMatchObject({ kind: "bad", detail: expect.stringMatching(/^the header x-a contains a line break/) });
});

test("the user and password of the URL are sent, and a header of the unit replaces them", async () => {
  const url = serve((request) => new Response(request.headers.get("authorization")));
  const withUser = url.replace("//", "//me:p%40ss@");
  expect(await probe(withUser, text(`Basic ${btoa("me:p@ss")}`))).toMatchObject({ kind: "ok" });
  expect(await probe(withUser, { headers: { Authorization: "Bearer x" }, ...text("Bearer x") })).toMatchObject({ kind: "ok" });
});

test("probes of an address that swallows connections hold no more than one descriptor", async () => {
  const hole = await blackHole();
  const probes = () => probe(`http://127.0.0.1:${hole}/`, { timeoutMs: 30 });
  expect(await probes()).toMatchObject({ kind: "bad", detail: `no answer from 127.0.0.1:${hole} within 30ms` });
  const before = readdirSync("/proc/self/fd").length;
  for (let n = 0; n < 5; n++) expect(await probes()).toMatchObject({ kind: "bad" });
  expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before);
});

test.skipIf(!Bun.which("openssl"))("an untrusted certificate fails, unless the unit allows insecure TLS", async () => {
  const { key, cert } = await selfSigned();
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { key, cert }, fetch: () => new Response("") });
  cleanups.push(() => void server.stop(true));
  expect((await probe(`https://127.0.0.1:${server.port}/`)).kind).toBe("bad");
  expect((await probe(`https://127.0.0.1:${server.port}/`, { insecureTls: true })).kind).toBe("ok");
});

test("an abort yields broken, before and during the probe", async () => {
  const { url, closed } = await rawServer(() => {});
  const controller = new AbortController();
  const running = probe(url, {}, controller.signal);
  controller.abort();
  expect((await running).kind).toBe("broken");
  expect((await probe(url, {}, controller.signal)).kind).toBe("broken");
  void closed;
});

/** Returns a port whose listener accepts nothing and has no place left in its queue, so that the kernel drops new connections. */
async function blackHole(): Promise<number> {
  const script =
    'import socket, sys\ns = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)\nheld = []\n' +
    "for _ in range(4):\n  c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); held.append(c)\n" +
    "print(s.getsockname()[1], flush=True); sys.stdin.read()";
  const child = Bun.spawn(["python3", "-c", script], { stdin: "pipe", stdout: "pipe" });
  cleanups.push(() => child.kill());
  const { value } = await child.stdout.getReader().read();
  return Number(new TextDecoder().decode(value));
}

async function selfSigned(): Promise<{ key: string; cert: string }> {
  const directory = mkdtempSync(join(tmpdir(), "sup-tls-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  const [key, cert] = [join(directory, "key"), join(directory, "cert")];
  const options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"];
  const made = Bun.spawnSync(["openssl", "req", ...options, "-keyout", key, "-out", cert], { stderr: "pipe" });
  if (!made.success) throw new Error(made.stderr.toString());
  return { key: await Bun.file(key).text(), cert: await Bun.file(cert).text() };
}
