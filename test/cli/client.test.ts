import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createClient } from "../../src/api/client/client.ts";
import type { Hooks } from "../../src/api/client/send.ts";
import { FakeDaemon, Failure, sup } from "./fake.ts";
import { daemonInfo } from "./fixtures.ts";

const hooks: Hooks = { daemonLives: () => false, sleep: Bun.sleep };
const overview = { status: () => ({ daemon: daemonInfo, services: [] }) };

describe("the client", () => {
  test("puts the id into the path and the rest into the query or the body", async () => {
    await using daemon = new FakeDaemon({
      resolve: ({ request }) => Response.json({ units: new URL(request.url).searchParams.getAll("units") }),
      start: ({ body, id }) => new Response(JSON.stringify({ got: { body, id } })),
    });
    const client = createClient({ kind: "socket", path: daemon.socket }, hooks);
    expect(await client.call("resolve", { units: ["a b", "@c&d"] })).toEqual({ ok: true, value: { units: ["a b", "@c&d"] } });
    const started: unknown = await client.call("start", { id: "web@1", wait: false });
    expect(started).toEqual({ ok: true, value: { got: { body: { wait: false }, id: "web@1" } } });
  });

  test("speaks TCP with a token", async () => {
    await using daemon = new FakeDaemon({ status: ({ request }) => (request.headers.get("authorization") === "Bearer secret" ? overview.status() : new Failure("unauthorized", "cannot let you in: no token")) }, "tcp"); // prettier-ignore
    const outcome = await sup(daemon, ["daemon", "status", "--url", `${daemon.url}/`, "--token", "secret"]);
    expect(outcome.code).toBe(0);
    expect(await sup(daemon, ["daemon", "status"], { env: { SUP_URL: daemon.url, SUP_TOKEN: "secret" } })).toEqual(outcome);
    expect(await sup(daemon, ["daemon", "status"], { env: { SUP_URL: daemon.url } })).toEqual({
      code: 1,
      out: "",
      err: "sup: cannot let you in: no token\n  give the token with --token or SUP_TOKEN; `sup token` on that machine prints it\n",
    });
  });

  test("an answer that is not from a daemon is reported as such", async () => {
    await using daemon = new FakeDaemon({ summary: () => new Response("<html>", { status: 200 }) });
    const { code, err } = await sup(daemon, ["summary"]);
    expect(code).toBe(1);
    expect(err).toStartWith(`sup: cannot understand the answer of ${daemon.socket}: HTTP 200 without the JSON of a sup daemon\n`);
  });

  test.each([
    ["http://127.0.0.1:1", /127\.0\.0\.1:1: connection refused/],
    ["nonsense", /nonsense: not a URL/],
  ])("--url %s cannot be reached", async (url, words) => {
    await using nobody = new FakeDaemon(null);
    const outcome = await sup(nobody, ["status", "--url", url]);
    expect(outcome.code).toBe(5);
    expect(outcome.err).toMatch(words);
  });

  test("a socket without a listener is reported as refused, not as missing", async () => {
    await using nobody = new FakeDaemon(null);
    writeFileSync(nobody.socket, "");
    expect((await sup(nobody, ["status"])).err).toMatch(/connection refused, so no daemon listens there/);
  });

  test("a path that is too long for a socket is reported", async () => {
    expect((await sup({ home: `/tmp/${"x".repeat(120)}` }, ["status"])).err).toMatch(/limited to 107 bytes/);
  });
});

describe("a missing socket while the daemon is alive means that it is re-executing", () => {
  test("the client waits until the socket is back", async () => {
    await using daemon = new FakeDaemon(overview);
    await using later = new FakeDaemon(null);
    let slept = 0;
    const client = createClient(
      { kind: "socket", path: later.socket },
      {
        daemonLives: () => true,
        sleep: async () => {
          // The new image replaces the old one at the third check.
          if (++slept === 3) await import("node:fs/promises").then(({ symlink }) => symlink(daemon.socket, later.socket));
        },
      },
    );
    expect(await client.call("status")).toMatchObject({ ok: true });
    expect(slept).toBe(3);
  });

  test("the client gives up after a while", async () => {
    await using nobody = new FakeDaemon(null);
    let waited = 0;
    const client = createClient(
      { kind: "socket", path: nobody.socket },
      { daemonLives: () => true, sleep: async (ms) => void (waited += ms) },
    );
    expect(await client.call("status")).toMatchObject({ ok: false, error: { code: "unreachable" } });
    expect(waited).toBe(2000);
  });

  test("the command line detects a living daemon by the lock of the state directory", async () => {
    await using nobody = new FakeDaemon(null);
    const asked: string[] = [];
    let naps = 0;
    const isLocked = (path: string): boolean => asked.push(path) < 3;
    const { code } = await sup(nobody, ["status"], { host: { isLocked, sleep: async () => void naps++ } });
    expect({ code, asked, naps }).toEqual({ code: 5, asked: Array<string>(3).fill(`${nobody.home}/state/lock`), naps: 2 });
  });
});
