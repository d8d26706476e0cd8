import { expect, test } from "bun:test";
import { CODE_MS, createSessions, SESSION_MS, type Sessions } from "../../../src/api/server/sessions.ts";
import { createTokenCheck } from "../../../src/api/server/token-check.ts";
import { errorOf, makeRig, NOW, readerOf, TOKEN } from "./fake.ts";

const API = "/api/supervisor";
const ADDRESS = "10.0.0.1";
const HOST = { host: "127.0.0.1:7870" };

/** Sessions with a clock that the test sets and a store that it can read. */
function sessionsWith(token = TOKEN, kept: { text: string | null } = { text: null }) {
  const clock = { ms: NOW };
  const memory = { load: () => kept.text, save: (text: string) => void (kept.text = text) };
  const now = (): number => clock.ms;
  const sessions = createSessions({ token, check: createTokenCheck(token, now), basePath: "", now, memory });
  return { sessions, clock, kept };
}

/** What a browser sends back. */
const cookieOf = (sessions: Sessions): string => {
  const granted = sessions.signIn({ token: TOKEN }, ADDRESS);
  if (!granted.ok) throw new Error(granted.error.message);
  return sessions.cookie(granted.value, false).split(";")[0]!;
};

test("scripts cannot read the cookie, other sites cannot send it, and over https it is Secure", () => {
  const { sessions } = sessionsWith();
  const granted = sessions.signIn({ token: ` ${TOKEN}\n` }, ADDRESS);
  expect(granted.ok).toBe(true);
  if (!granted.ok) return;
  expect(sessions.cookie(granted.value, false)).toMatch(/^sup-[\w-]{8}=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
  expect(sessions.cookie(granted.value, true)).toEndWith("; Secure");
  expect(sessions.cookie(null, false)).toContain("Max-Age=0");
});

test("a session is found among other cookies, ends after its lifetime, and can be renewed", () => {
  const { sessions, clock } = sessionsWith();
  const cookie = `other=1; ${cookieOf(sessions)}; last=2`;
  expect(sessions.find(cookie)).toMatchObject({ kind: "alive", stale: false });
  expect(sessions.find("other=1")).toEqual({ kind: "none" });
  clock.ms += SESSION_MS - 1000;
  expect(sessions.find(cookie)).toMatchObject({ kind: "alive", stale: true });
  expect(sessions.renew(cookie)?.expiresMs).toBe(clock.ms + SESSION_MS);
  clock.ms += SESSION_MS - 1000;
  expect(sessions.find(cookie).kind).toBe("alive");
  clock.ms += 1000;
  expect(sessions.find(cookie)).toEqual({ kind: "ended" });
  expect(sessions.renew(cookie)).toBeNull();
});

test("a code works once, and not after two minutes", () => {
  const { sessions, clock } = sessionsWith();
  const first = sessions.makeCode();
  expect(sessions.signIn({ code: first.code }, ADDRESS).ok).toBe(true);
  expect(sessions.signIn({ code: first.code }, ADDRESS)).toMatchObject({ ok: false, error: { code: "invalid" } });
  const second = sessions.makeCode();
  clock.ms += CODE_MS;
  expect(sessions.signIn({ code: second.code }, ADDRESS).ok).toBe(false);
  expect(sessions.signIn({ code: "" }, ADDRESS).ok).toBe(false);
});

test("sessions survive a restart without a secret in the store, but not a new token", () => {
  const { sessions, kept } = sessionsWith();
  const cookie = cookieOf(sessions);
  expect(kept.text).not.toContain(cookie.split("=")[1]!);
  expect(sessionsWith(TOKEN, kept).sessions.find(cookie).kind).toBe("alive");
  const renamed = cookie.replace(/^[^=]+/, sessionsWith("another-token-0123456789").sessions.cookie(null, false).split("=")[0]!);
  expect(sessionsWith("another-token-0123456789", kept).sessions.find(renamed).kind).toBe("ended");
  expect(sessionsWith(TOKEN, { text: "{broken" }).sessions.find(cookie).kind).toBe("ended");
});

async function signedIn(settings: Parameters<typeof makeRig>[0] = {}) {
  const rig = makeRig(settings);
  const response = await rig.ask(`POST ${API}/session`, { headers: HOST, body: JSON.stringify({ token: TOKEN }) }, "tcp");
  expect(response.status).toBe(200);
  const cookie = response.headers.get("set-cookie")!.split(";")[0]!;
  const ask = (request: string, headers: Record<string, string> = {}, body?: unknown): Promise<Response> =>
    rig.ask(request, { headers: { ...HOST, cookie, ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }, "tcp");
  return { ...rig, ask };
}

test("a session can read and act, but cannot end the daemon, run commands or create links", async () => {
  const { ask, fake } = await signedIn();
  expect((await ask(`GET ${API}/status`)).status).toBe(200);
  expect((await ask(`POST ${API}/services/web/restart`)).status).toBe(200);
  for (const route of ["shutdown", "reexec", "run", "session/link"]) expect((await ask(`POST ${API}/${route}`)).status).toBe(403);
  expect(fake.calls.map(([name]) => name)).not.toContain("shutdown");
});

test("secrets are not revealed to a session", async () => {
  const { ask } = await signedIn();
  expect((await ask(`GET ${API}/services/web/file`)).status).toBe(200);
  expect((await ask(`GET ${API}/services/web/file?reveal=true`)).status).toBe(403);
});

test("read-only: a session can read but not change anything", async () => {
  const { ask, fake } = await signedIn({ page: "read-only" });
  expect(await (await ask(`GET ${API}/session`)).json()).toMatchObject({ signed_in: true, access: "read" });
  expect((await ask(`GET ${API}/status`)).status).toBe(200);
  const refused = await ask(`POST ${API}/services/web/stop`);
  expect(refused.status).toBe(403);
  expect(await errorOf(refused)).toMatchObject({ message: expect.stringContaining("read-only") });
  expect(fake.calls).toEqual([]);
});

test("read-only: a session cannot run health checks, by GET or by POST", async () => {
  const { ask, fake } = await signedIn({ page: "read-only" });
  for (const request of ["GET", "HEAD"].flatMap((method) =>
    ["run=true", "run", "lines=1&%72un=true"].map((query) => `${method} ${API}/services/web/health?${query}`),
  ))
    expect((await ask(request)).status).toBe(403);
  expect((await ask(`POST ${API}/services/web/health`)).status).toBe(403);
  expect(fake.calls).toEqual([]);
  expect((await ask(`GET ${API}/services/web/health`)).status).toBe(200);
  const writer = await signedIn();
  expect((await writer.ask(`POST ${API}/services/web/health`)).status).toBe(200);
  expect(writer.fake.calls).toEqual([["serviceHealth", "web", true]]);
});

test("after ten wrong tokens within a minute even the right one has to wait; a link still signs in", () => {
  const { sessions, clock } = sessionsWith();
  for (let i = 0; i < 10; i++) expect(sessions.signIn({ token: `wrong ${i}` }, ADDRESS)).toMatchObject({ error: { code: "invalid" } });
  expect(sessions.signIn({ token: TOKEN }, ADDRESS)).toMatchObject({ ok: false, error: { code: "too-many" } });
  expect(sessions.signIn({ token: TOKEN }, "10.0.0.2").ok).toBe(true);
  expect(sessions.signIn({ code: sessions.makeCode().code }, ADDRESS).ok).toBe(true);
  clock.ms += 59_000;
  expect(sessions.signIn({ token: TOKEN }, ADDRESS).ok).toBe(false);
  clock.ms += 1000;
  expect(sessions.signIn({ token: TOKEN }, ADDRESS).ok).toBe(true);
});

test("right tokens do not count as attempts", () => {
  const { sessions } = sessionsWith();
  for (let i = 0; i < 20; i++) expect(sessions.signIn({ token: TOKEN }, ADDRESS).ok).toBe(true);
});

test("of two cookies with the name of the session, the one with a living session counts, and signing out ends all", async () => {
  const { sessions } = sessionsWith();
  const [name, value] = cookieOf(sessions).split("=");
  for (const cookies of [`${name}=planted; ${name}=${value}`, `${name}=${value}; ${name}=planted`])
    expect(sessions.find(cookies).kind).toBe("alive");
  expect(sessions.find(`${name}=planted; ${name}=other`)).toEqual({ kind: "ended" });
  expect(sessions.renew(`${name}=planted; ${name}=${value}`)).not.toBeNull();

  const { ask } = await signedIn();
  const signIn = async (): Promise<string> =>
    (await ask(`POST ${API}/session`, {}, { token: TOKEN })).headers.get("set-cookie")!.split(";")[0]!;
  const cookie = `${await signIn()}; ${await signIn()}`;
  expect((await ask(`GET ${API}/status`, { cookie })).status).toBe(200);
  expect((await ask(`POST ${API}/session/end`, { cookie })).status).toBe(200);
  expect((await ask(`GET ${API}/status`, { cookie })).status).toBe(401);
});

for (const [from, status] of [
  ["same-origin", 200],
  ["none", 200],
  ["same-site", 403],
  ["cross-site", 403],
] as const)
  test(`with a session, a request that a browser marks ${from} is ${status}`, async () => {
    const { ask } = await signedIn();
    expect((await ask(`GET ${API}/status`, { "sec-fetch-site": from })).status).toBe(status);
  });

test("signing out ends the session, its cookie and its open streams", async () => {
  const { ask, app } = await signedIn();
  const stream = await ask(`GET ${API}/events/stream`);
  const reader = readerOf(stream);
  await reader.until((text) => text.includes("retry"));
  expect(app.openStreams).toBe(1);
  expect((await ask(`POST ${API}/session/end`)).headers.get("set-cookie")).toContain("Max-Age=0");
  await reader.until(() => false);
  expect(app.openStreams).toBe(0);
  expect((await ask(`GET ${API}/status`)).status).toBe(401);
  expect(await (await ask(`GET ${API}/session`)).json()).toMatchObject({ signed_in: false, ended: true });
});

test("a wrong token gets no cookie, and nobody can sign in while the page is switched off", async () => {
  const wrong = await makeRig().ask(`POST ${API}/session`, { headers: HOST, body: '{"token":"nonsense"}' }, "tcp");
  expect(wrong.status).toBe(422);
  expect(wrong.headers.get("set-cookie")).toBeNull();
  const off = await makeRig({ page: "off" }).ask(`POST ${API}/session`, { headers: HOST, body: JSON.stringify({ token: TOKEN }) }, "tcp");
  expect(off.status).toBe(409);
});

test("a link has its code after the # and works once", async () => {
  const { ask } = makeRig({ basePath: "/sup" });
  const { url } = (await (await ask(`POST ${API}/session/link`)).json()) as { url: string };
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:7870\/sup\/#\/sign-in\/[\w-]{32}$/);
  const body = JSON.stringify({ code: url.split("/").at(-1) });
  const once = await ask(`POST ${API}/session`, { headers: { ...HOST, origin: "https://127.0.0.1:7870" }, body }, "tcp");
  expect(once.status).toBe(200);
  expect(once.headers.get("set-cookie")).toMatch(/Path=\/sup; .*; Secure$/);
  expect((await ask(`POST ${API}/session`, { headers: HOST, body }, "tcp")).status).toBe(422);
});

test("where no token is required, nobody has to sign in", async () => {
  const { ask } = makeRig({ auth: "none" });
  const answer = await ask(`GET ${API}/session`, { headers: HOST }, "tcp");
  expect(await answer.json()).toEqual({ signed_in: true, ended: false, expires: null, access: "write" });
});
