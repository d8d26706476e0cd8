import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { retryAfterMs } from "../../../src/adapters/notifications/http.ts";
import { freePort } from "../../harness/ports.ts";
import { tempDir } from "../../harness/temp.ts";
import { receiver } from "../../harness/http-receiver.ts";
import { aMessage, send, webhook } from "./fixtures.ts";

describe("an answer", () => {
  test.each<[number, "ok" | "temporary" | "permanent"]>([
    [200, "ok"],
    [202, "ok"],
    [204, "ok"],
    [302, "temporary"],
    [400, "permanent"],
    [401, "permanent"],
    [404, "permanent"],
    [408, "temporary"],
    [410, "permanent"],
    [413, "permanent"],
    [429, "temporary"],
    [500, "temporary"],
    [503, "temporary"],
  ])("HTTP %d is %s", async (status, kind) => {
    await using server = receiver(
      () => new Response(status === 204 ? null : "why", { status, headers: { location: "http://127.0.0.1:1/" } }),
    );
    const result = await send(webhook(server.url));
    expect(result.ok ? "ok" : result.kind).toBe(kind);
    if (!result.ok && status >= 400) expect(result.detail).toContain(`HTTP ${status}: why`);
    expect(server.received).toHaveLength(1); // a redirect is not followed
  });

  test("Retry-After in seconds or as a date, at most an hour", async () => {
    await using server = receiver(() => new Response("slow down", { status: 429, headers: { "retry-after": "7" } }));
    expect(await send(webhook(server.url))).toMatchObject({ kind: "temporary", retryAfterMs: 7000 });
    const now = Date.parse("2026-05-01T12:00:00Z");
    expect(retryAfterMs("Fri, 01 May 2026 12:00:30 GMT", now)).toBe(30_000);
    expect(retryAfterMs("Fri, 01 May 2026 11:00:30 GMT", now)).toBe(0);
    expect(retryAfterMs("0.25", now)).toBe(250);
    expect(retryAfterMs("999999", now)).toBe(3_600_000);
    expect(retryAfterMs("soon", now)).toBeNull();
    expect(retryAfterMs(null, now)).toBeNull();
  });

  test("a text that never ends is cut", async () => {
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new TextEncoder().encode("x".repeat(4096))) });
    await using server = receiver(() => new Response(endless, { status: 500 }));
    const result = await send(webhook(server.url));
    expect(result.detail.length).toBeLessThan(400);
  });
});

/** A server below HTTP. */
async function rawServer(onConnection: (socket: Socket) => void) {
  const server = createServer(onConnection);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe("a receiver that fails below HTTP is tried again", () => {
  test.each<[string, (socket: Socket) => void]>([
    ["it resets the connection", (socket) => void socket.resetAndDestroy()],
    ["it accepts the message and breaks off", (socket) => void socket.once("data", () => socket.destroy())],
    ["it answers garbage", (socket) => void socket.once("data", () => socket.end("garbage\r\n\r\n"))],
    ["it never answers", () => {}],
  ])("%s", async (_, onConnection) => {
    using server = await rawServer(onConnection);
    expect(await send(webhook(server.url), aMessage(), { timeoutMs: 500 })).toMatchObject({ ok: false, kind: "temporary" });
  });

  test("there is none", async () => {
    const result = await send(webhook(`http://127.0.0.1:${freePort()}`));
    expect(result).toMatchObject({ ok: false, kind: "temporary", detail: expect.stringContaining("the connection was refused") });
  });
});

describe("secrets", () => {
  test("are read at each attempt, from the first line of a file", async () => {
    using dir = tempDir();
    const file = join(dir.path, "url");
    await using server = receiver();
    expect(await send(webhook({ file }))).toMatchObject({
      ok: false,
      kind: "temporary",
      detail: `cannot read the secret in ${file}: ENOENT`,
    });
    writeFileSync(file, `${server.url}/first\nsecond line\n`);
    expect((await send(webhook({ file }))).ok).toBe(true);
    writeFileSync(file, `  ${server.url}/second  \r\n`);
    expect((await send(webhook({ file }))).ok).toBe(true);
    expect(server.received.map(({ path }) => path)).toEqual(["/first", "/second"]);
    writeFileSync(file, "\n");
    expect(await send(webhook({ file }))).toMatchObject({ detail: `the first line of ${file} is empty` });
    writeFileSync(file, "hunter2");
    expect(await send(webhook({ file }))).toMatchObject({ detail: `${file} does not contain a URL` });
  });

  test("a variable that is not set is named", async () => {
    expect(await send(webhook({ env: "SUP_TEST_MISSING" }))).toMatchObject({ ok: false, kind: "temporary", detail: expect.stringContaining("SUP_TEST_MISSING is not set") }); // prettier-ignore
  });

  test("do not appear in what is said about a failure, even if the receiver repeats them", async () => {
    process.env.SUP_TEST_TOKEN = "tk_supersecret";
    await using server = receiver(({ path, headers }) => new Response(`no ${path} for ${headers.authorization}`, { status: 403 }));
    process.env.SUP_TEST_URL = `${server.url}/services/T0/hidden?key=alsohidden`;
    const result = await send(webhook({ env: "SUP_TEST_URL" }, { key: { env: "SUP_TEST_TOKEN" } }));
    expect(server.received[0]).toMatchObject({
      path: "/services/T0/hidden?key=alsohidden",
      headers: { authorization: "Bearer tk_supersecret" },
    });
    expect(result).toMatchObject({ ok: false, kind: "permanent" });
    expect(result.detail).not.toMatch(/hidden|supersecret/);
  });
});

test("the signature is the HMAC of time stamp and body, and a message keeps its delivery id", async () => {
  process.env.SUP_TEST_HMAC = "shared key";
  await using server = receiver();
  for (let i = 0; i < 2; i++) await send(webhook(server.url, { secret: { env: "SUP_TEST_HMAC" } }));
  for (const { headers, text } of server.received) {
    const timestamp = headers["x-sup-timestamp"]!;
    expect(headers["x-sup-signature"]).toBe(`sha256=${createHmac("sha256", "shared key").update(`${timestamp}.${text}`).digest("hex")}`);
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
    expect(headers).toMatchObject({ "x-sup-delivery": "12-xyz", "content-type": "application/json", "user-agent": "sup/1.2.3" });
  }
});
