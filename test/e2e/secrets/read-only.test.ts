/** What a read-only page and a stranger on the TCP listener cannot do. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";

const CHECKED = sleeper({ enabled: true, health_check: { type: "process", interval: 3600, action: "none" } });

test("a read-only page runs no health checks; sign-in attempts with a token are limited; a planted cookie does no harm", async () => {
  await using daemon = await startDaemon({ units: { web: CHECKED }, settings: { api: { port: 0, page: "read-only" } } });
  await daemon.reaches("web", "running");
  const { url } = ((await daemon.json("status")) as { daemon: { url: string } }).daemon;
  const token = (await daemon.sup("token")).stdout.trim();
  const signIn = (body: object): Promise<Response> =>
    fetch(`${url}/api/supervisor/session`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const cookie = (await signIn({ token })).headers.get("set-cookie")!.split(";")[0]!;
  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${url}/api/supervisor/${path}`, { ...init, headers: { cookie: `${cookie.split("=")[0]}=planted; ${cookie}` } });
  expect((await get("services/web/health")).status).toBe(200);
  expect((await get("services/web/health?run=true")).status).toBe(403);
  expect((await get("services/web/health", { method: "POST" })).status).toBe(403);
  for (let i = 0; i < 10; i++) expect((await signIn({ token: `wrong-${i}` })).status).toBe(422);
  expect((await signIn({ token })).status).toBe(429);
  expect((await get("services/web/health")).status).toBe(200);
  expect((await daemon.sup("health", "web", "--run")).code).toBe(0);
});

test("wrong tokens in Authorization are limited; the unix socket, sessions and clients with the right token are not", async () => {
  await using daemon = await startDaemon({ settings: { api: { port: 0 } } });
  const { url } = ((await daemon.json("status")) as { daemon: { url: string } }).daemon;
  const token = (await daemon.sup("token")).stdout.trim();
  const get = async (given: string): Promise<number> =>
    (await fetch(`${url}/api/supervisor/status`, { headers: { authorization: `Bearer ${given}` } })).status;
  expect(await get(token)).toBe(200);
  for (let i = 0; i < 10; i++) expect(await get(`wrong-${i}`)).toBe(401);
  expect(await get("wrong")).toBe(429);
  expect(await get(token)).toBe(200);
  expect((await daemon.sup("status")).code).toBe(0);
});

test("`sup health` fails for a unit that failed, and says that a unit that is down is not checked", async () => {
  const units = { bad: { command: "false", auto_restart: false }, off: { ...CHECKED, enabled: false } };
  await using daemon = await startDaemon({ units });
  await daemon.sup("start", "bad");
  await daemon.reaches("bad", "failed");
  expect(await daemon.sup("health", "bad")).toMatchObject({ code: 1, stdout: expect.stringContaining("bad: failed: ") });
  expect((await daemon.sup("health", "off")).code).toBe(0);
  const run = await daemon.sup("health", "off", "--run");
  expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot check the health of off: it is stopped") });
});
