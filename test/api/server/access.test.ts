import { expect, test } from "bun:test";
import type { ApiSettings } from "../../../src/api/server/access.ts";
import { routes, type RouteName } from "../../../src/api/contract/routes.ts";
import { errorOf, makeRig, TOKEN } from "./fake.ts";

const STATUS = "GET /api/supervisor/status";
const good = { host: "127.0.0.1:7870", authorization: `Bearer ${TOKEN}` };

async function statusOf(headers: Record<string, string>, settings: Partial<ApiSettings> = {}, request = STATUS): Promise<number> {
  return (await makeRig(settings).ask(request, { headers }, "tcp")).status;
}

test("on the unix socket every route answers without token, whatever Host and Origin say", async () => {
  const { ask } = makeRig();
  expect((await ask(STATUS, { headers: { host: "evil.example", origin: "https://evil.example" } })).status).toBe(200);
});

for (const name of Object.keys(routes) as RouteName[]) {
  const { method, path, access } = routes[name];
  test(`over TCP ${name} ${access === "open" ? "answers without a token" : "is 401 without a token, and reaches nothing"}`, async () => {
    const { ask, fake } = makeRig();
    const response = await ask(`${method} ${path.replace(":id", "web")}`, { headers: { host: "localhost" } }, "tcp");
    // Signing in is open, but not with nothing.
    expect(response.status).toBe(access !== "open" ? 401 : name === "signIn" ? 422 : 200);
    if (access !== "open") expect(response.headers.get("www-authenticate")).toStartWith("Bearer");
    expect(fake.calls).toEqual([]);
  });
}

for (const [authorization, status] of [
  [`Bearer ${TOKEN}`, 200],
  [`bearer  ${TOKEN}`, 200],
  [`Bearer ${TOKEN}x`, 401],
  [`Bearer ${TOKEN.slice(0, -1)}`, 401],
  [`Basic ${TOKEN}`, 401],
  [TOKEN, 401],
  ["Bearer ", 401],
  ["", 401],
] as const) {
  test(`over TCP "${authorization.replace(TOKEN, "TOKEN")}" is ${status}`, async () =>
    expect(await statusOf({ ...good, authorization })).toBe(status));
}

test("without the token an unknown path or a wrong method reveals nothing; only / without a page answers, with a hint", async () => {
  const host = { host: "localhost" };
  expect(await statusOf(host, {}, "GET /nothing")).toBe(401);
  expect(await statusOf(host, {}, "DELETE /api/supervisor/status")).toBe(401);
  expect(await statusOf(good, {}, "GET /nothing")).toBe(404);
  expect(await statusOf(host, { page: "off" }, "GET /")).toBe(404);
});

for (const [host, status, settings] of [
  ["127.0.0.1:7870", 200, {}],
  ["localhost", 200, {}],
  ["LOCALHOST:1", 200, {}],
  ["[::1]:7870", 200, {}],
  ["evil.example:7870", 403, {}],
  ["127.0.0.1.evil.example", 403, {}],
  ["localhost.", 403, {}],
  ["", 403, {}],
  ["192.168.1.9:7870", 403, {}],
  ["192.168.1.9:7870", 200, { host: "192.168.1.9" }],
  ["[fd00::5]:7870", 200, { host: "fd00::5" }],
  ["sup.example", 403, { host: "0.0.0.0" }],
  ["10.1.2.3:7870", 200, { host: "0.0.0.0" }],
  ["[fd00::5]:7870", 200, { host: "::" }],
  ["sup.example:443", 200, { allowedHosts: ["SUP.example"] }],
] as ReadonlyArray<readonly [string, number, Partial<ApiSettings>]>) {
  test(`Host "${host}" is ${status} with ${JSON.stringify(settings)}`, async () =>
    expect(await statusOf({ ...good, host }, settings)).toBe(status));
}

for (const [origin, status, settings] of [
  ["http://127.0.0.1:7870", 200, {}],
  ["https://127.0.0.1:7870", 200, {}],
  ["http://127.0.0.1:7871", 403, {}],
  ["http://localhost:7870", 403, {}],
  ["https://evil.example", 403, {}],
  ["null", 403, {}],
  ["https://dash.example", 200, { allowedOrigins: ["https://dash.example/"] }],
  ["http://dash.example", 403, { allowedOrigins: ["https://dash.example"] }],
] as ReadonlyArray<readonly [string, number, Partial<ApiSettings>]>) {
  test(`Origin ${origin} is ${status} with ${JSON.stringify(settings)}`, async () =>
    expect(await statusOf({ ...good, origin }, settings)).toBe(status));
}

test("Host and Origin are checked for open routes too, and before the token", async () => {
  expect(await statusOf({ host: "evil.example" }, {}, "GET /healthz")).toBe(403);
  expect(await statusOf({ host: "evil.example" })).toBe(403);
});

test("auth none needs no token on a loopback host, and is ignored on any other host", async () => {
  expect(await statusOf({ host: "localhost" }, { auth: "none" })).toBe(200);
  expect(await statusOf({ host: "localhost" }, { auth: "none", host: "::1" })).toBe(200);
  expect(await statusOf({ host: "localhost" }, { auth: "none", host: "0.0.0.0" })).toBe(401);
  expect(await statusOf({ host: "localhost", origin: "https://evil.example" }, { auth: "none" })).toBe(403);
});

test("a page of an allowed origin may read the answers, its preflight needs no token; others get no such header", async () => {
  const { ask } = makeRig({ allowedOrigins: ["https://dash.example"] });
  const origin = "https://dash.example";
  const preflight = await ask("OPTIONS /api/supervisor/jobs", { headers: { host: "localhost", origin } }, "tcp");
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
  expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
  for (const headers of [
    { ...good, origin },
    { host: "localhost", origin },
  ])
    expect((await ask(STATUS, { headers }, "tcp")).headers.get("access-control-allow-origin")).toBe(origin);
  expect((await ask(STATUS, { headers: good }, "tcp")).headers.has("access-control-allow-origin")).toBe(false);
  expect((await ask("OPTIONS /api/supervisor/jobs", { headers: { host: "localhost" } }, "tcp")).status).toBe(401);
});

test("access errors say what to do", async () => {
  const { ask } = makeRig();
  const missing = await errorOf(await ask(STATUS, { headers: { host: "localhost" } }, "tcp"));
  expect(missing).toMatchObject({ code: "unauthorized", hint: expect.stringContaining("sup token") });
  const foreign = await errorOf(await ask(STATUS, { headers: { host: "a.b" } }, "tcp"));
  expect(foreign).toMatchObject({ code: "forbidden", hint: expect.stringContaining("api.allowed_hosts") });
});
