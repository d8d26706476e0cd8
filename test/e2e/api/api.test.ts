/** The control API over real TCP, as a script with curl meets it. */
import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { connect } from "node:net";
import type { DaemonInfo, OverallHealth, Service, ServiceDetail, ServiceProcess, Status } from "../../../src/api/contract/shapes.ts";
import { crasher, sleeper, worker } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";
import { openSse } from "./sse.ts";

const shared = sharedDaemon({
  units: { web: worker({ enabled: true, port: 8099 }), "tpl@": worker() },
  settings: { metrics: { interval: 0.5 } },
});
const { drop } = shared;

const BASE = "/api/supervisor";
const url = async (): Promise<string> => ((await shared.daemon.json("daemon", "status")) as DaemonInfo).url!;
const token = async (): Promise<string> => (await shared.daemon.sup("token")).stdout.trim();

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${await token()}`, ...(init.headers as Record<string, string> | undefined) };
  return fetch(`${await url()}${path}`, { ...init, headers });
}
const post = (path: string, body?: unknown): Promise<Response> =>
  call(path, {
    method: "POST",
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
const get = async <T>(path: string): Promise<T> => (await (await call(path)).json()) as T;

test("without the token 401, with a wrong one too, and only /healthz answers everybody", async () => {
  const address = await url();
  for (const path of [`${BASE}/status`, `${BASE}/events/stream`, "/openapi.json", `${BASE}/services/web/logs`]) {
    const answer = await fetch(address + path);
    expect({ path, status: answer.status }).toEqual({ path, status: 401 });
    expect(((await answer.json()) as { error: { code: string; hint: string } }).error).toMatchObject({ code: "unauthorized" });
  }
  expect((await fetch(`${address}${BASE}/services/web/stop`, { method: "POST" })).status).toBe(401);
  expect((await fetch(`${address}${BASE}/status`, { headers: { authorization: "Bearer nonsense" } })).status).toBe(401);
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
  expect((await call(`${BASE}/status`)).status).toBe(200);
  expect((await shared.daemon.service("web")).state).toBe("running");
});

test("a foreign Host and a foreign Origin are refused even with the token", async () => {
  const port = Number(new URL(await url()).port);
  const raw = await new Promise<string>((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
    void token().then((secret) =>
      socket.write(`GET ${BASE}/status HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer ${secret}\r\nConnection: close\r\n\r\n`),
    );
  });
  expect(raw).toStartWith("HTTP/1.1 403");
  expect((await call(`${BASE}/status`, { headers: { origin: "https://evil.example" } })).status).toBe(403);
  expect((await call(`${BASE}/status`, { headers: { origin: await url() } })).status).toBe(200);
});

test("socket, token and directories are the owner's alone; the socket needs no token", async () => {
  const { home, socket } = shared.daemon;
  await until(() => existsSync(`${home}/logs/web.log`), { what: "the first line" });
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  expect(mode(socket)).toBe("600");
  expect(mode(`${home}/run/token`)).toBe("600");
  expect(mode(`${home}/state/sup.db`)).toBe("600");
  expect(mode(`${home}/logs/web.log`)).toBe("600");
  expect(mode(`${home}/run`)).toBe("700");
  expect(mode(`${home}/state`)).toBe("700");
  expect(mode(`${home}/logs`)).toBe("700");
  expect((await shared.daemon.api(`${BASE}/status`)).status).toBe(200);
});

test("start, stop and restart answer when it is done; ?wait=false at once", async () => {
  await drop("acted", worker());
  expect((await post(`${BASE}/services/acted/start`)).status).toBe(200);
  const service = await get<Service>(`${BASE}/services/acted`);
  expect(service.state).toBe("running");
  for (const field of "id name description state sub_state reason health pid port start_time uptime_seconds restart_count last_restart priority critical auto_restart enabled groups cpu_percent memory_mb exit_code waiting_for changed_on_disk".split(
    " ",
  ))
    // prettier-ignore
    expect(service).toHaveProperty(field);
  expect((await post(`${BASE}/services/acted/restart`)).status).toBe(200);
  expect((await get<Service>(`${BASE}/services/acted`)).pid).not.toBe(service.pid);
  expect((await post(`${BASE}/services/acted/stop?wait=false`)).status).toBeLessThan(300);
  await shared.daemon.reaches("acted", "stopped");
});

test("errors have a code, a sentence and the right status", async () => {
  const error = async (answer: Response): Promise<[number, string]> => [answer.status, ((await answer.json()) as { error: { code: string } }).error.code]; // prettier-ignore
  expect(await error(await call(`${BASE}/services/nobody`))).toEqual([404, "no-such-unit"]);
  expect(await error(await call(`${BASE}/nowhere`))).toEqual([404, "not-found"]);
  expect(await error(await call(`${BASE}/status`, { method: "POST" }))).toEqual([405, "method-not-allowed"]);
  expect(await error(await call(`${BASE}/services/..%2f..%2fetc`))).toEqual([404, expect.any(String)]);
  expect((await call(`${BASE}/jobs`, { method: "POST", body: "{", headers: { "content-type": "application/json" } })).status).toBe(400);
  expect([400, 422]).toContain((await post(`${BASE}/jobs`, { action: "explode", units: ["web"] })).status);
  expect((await post(`${BASE}/jobs`, { action: "start", units: ["x".repeat(2 << 20)] })).status).toBe(413);
  expect([400, 422]).toContain((await call(`${BASE}/events?limit=banana`)).status);
});

test("reading an instance that does not exist is 404 and creates nothing; starting it does", async () => {
  const paths = ["", "/health", "/logs", "/logs?follow=true", "/metrics", "/why", "/explain", "/file", "/forecast", "/processes"];
  for (const path of paths) {
    const answer = await call(`${BASE}/services/tpl@x${path}`);
    const { error } = (await answer.json()) as { error: { code: string; hint: string } };
    expect({ path, status: answer.status, ...error }).toMatchObject({ path, status: 404, code: "no-such-unit", hint: "`sup start tpl@x` creates it from the template tpl@" }); // prettier-ignore
  }
  for (const action of ["stop", "kill", "disable", "reload", "reset-failed"])
    expect((await post(`${BASE}/services/tpl@x/${action}`)).status, `action ${action}`).toBe(404);
  expect((await post(`${BASE}/metrics`, { service_id: "tpl@x", metrics: { a: 1 } })).status).toBe(404);
  expect((await get<Status>(`${BASE}/status`)).services.filter(({ id }) => id.startsWith("tpl@"))).toEqual([]);
  expect((await post(`${BASE}/services/tpl@x/start`)).status).toBe(200);
  expect((await get<Service>(`${BASE}/services/tpl@x`)).state).toBe("running");
});

test("the processes of a unit have their own CPU and memory, in the list and in the details", async () => {
  await drop("family", worker({ args: ["-c", "sleep 1000 & echo up; wait"] }));
  await post(`${BASE}/services/family/start`);
  const { pid } = await get<Service>(`${BASE}/services/family`);
  const list = await until(async () => {
    const processes = await get<ServiceProcess[]>(`${BASE}/services/family/processes`);
    return processes.length === 2 && processes.every(({ memory_mb }) => memory_mb !== null) && processes.some(({ name }) => name === "sleep") && processes;
  }, { what: "both processes" }); // prettier-ignore
  expect(list.find((one) => one.pid === pid)).toMatchObject({ ppid: expect.any(Number), started_at: expect.stringMatching(/^20.*Z$/) });
  expect(list.find((one) => one.name === "sleep")).toMatchObject({ ppid: pid });
  const detail = await get<ServiceDetail>(`${BASE}/services/family`);
  expect(detail.processes.map((one) => one.pid).toSorted((a, b) => a - b)).toEqual(list.map((one) => one.pid).toSorted((a, b) => a - b));
  expect(detail.processes[0]!.memory_mb).toBeGreaterThan(0);
});

test("health is 200 while all is well and 503 with the list when something is fatal", async () => {
  expect((await call(`${BASE}/health`)).status).toBe(200);
  await drop("doomed", crasher(1, { restart_policy: { max_retries: 0 } }));
  await post(`${BASE}/services/doomed/start`);
  await shared.daemon.reaches("doomed", "fatal");
  const answer = await call(`${BASE}/health`);
  expect(answer.status).toBe(503);
  const health = (await answer.json()) as OverallHealth;
  expect(health).toMatchObject({ status: "unhealthy", not_healthy: [{ id: "doomed", state: "fatal", reason: "exit-code" }] });
  await post(`${BASE}/services/doomed/reset-failed`);
  expect((await call(`${BASE}/health`)).status).toBe(200);
});

test("numbers that a service reports are in its metrics; an unknown unit and a wrong type are refused", async () => {
  expect((await post(`${BASE}/metrics`, { service_id: "web", metrics: { queue_length: 42, ratio: 0.5 } })).status).toBe(200);
  const points = await until(
    async () => {
      const all = await get<Array<{ reported?: Record<string, number>; memory_mb: number | null }>>(`${BASE}/services/web/metrics`);
      return (
        all.some((point) => point.reported?.queue_length === 42 && point.reported.ratio === 0.5) &&
        all.some((point) => point.memory_mb) &&
        all
      );
    },
    { what: "the reported and the sampled numbers" },
  );
  expect(points.length).toBeGreaterThan(0);
  expect((await post(`${BASE}/metrics`, { service_id: "nobody", metrics: { a: 1 } })).status).toBe(404);
  expect([400, 422]).toContain((await post(`${BASE}/metrics`, { service_id: "web", metrics: { a: "1" } })).status);
});

test("the OpenAPI document describes what is served", async () => {
  const document = await get<{ openapi: string; paths: Record<string, unknown> }>("/openapi.json");
  expect(document.openapi).toStartWith("3.1");
  for (const path of ["/healthz", `${BASE}/status`, `${BASE}/services/{id}/start`, `${BASE}/events/stream`, `${BASE}/metrics`])
    expect(Object.keys(document.paths)).toContain(path);
});

test("a secret in the environment is not shown, unless asked for by who may", async () => {
  await drop("secretive", sleeper({ environment: { DB_PASSWORD: "hunter2-and-more", PLAIN: "visible" } }));
  for (const path of ["services/secretive", "services/secretive/file", "status", "events"]) {
    expect(await (await call(`${BASE}/${path}`)).text()).not.toContain("hunter2-and-more");
  }
  expect((await shared.daemon.sup("show", "secretive")).stdout).not.toContain("hunter2-and-more");
  expect((await shared.daemon.sup("show", "secretive", "--reveal")).stdout).toContain("hunter2-and-more");
});

test("the stream begins with a snapshot, goes on with consecutive ids, and resumes where it was cut", async () => {
  await drop("streamed", worker());
  const headers = { authorization: `Bearer ${await token()}` };
  await using first = await openSse(`${await url()}${BASE}/events/stream`, { headers });
  const snapshot = await first.next((message) => message.event === "snapshot");
  expect((JSON.parse(snapshot.data) as Status).services.map(({ id }) => id)).toContain("streamed");
  await post(`${BASE}/services/streamed/start`);
  const isRunning = (message: { event: string; data: string }): boolean =>
    message.event === "service" && (JSON.parse(message.data) as Service).state === "running" && message.data.includes('"streamed"');
  const running = await first.next(isRunning);
  const ids = first.seen.map(({ id }) => Number(id));
  expect(ids).toEqual(ids.map((_, i) => ids[0]! + i));
  await first[Symbol.asyncDispose]();

  await post(`${BASE}/services/streamed/stop`);
  await using second = await openSse(`${await url()}${BASE}/events/stream`, { headers: { ...headers, "last-event-id": running.id } });
  await second.next((message) => message.event === "event" && message.data.includes('"stopped"'));
  expect(second.seen.map(({ event }) => event)).not.toContain("snapshot");
  expect(Number(second.seen[0]!.id)).toBe(Number(running.id) + 1);
  const resumed = second.seen.map(({ id }) => Number(id));
  expect(resumed).toEqual(resumed.map((_, i) => resumed[0]! + i));
});

test("an id that nobody remembers gets a fresh snapshot", async () => {
  const headers = { authorization: `Bearer ${await token()}`, "last-event-id": "999999999" };
  await using stream = await openSse(`${await url()}${BASE}/events/stream`, { headers });
  expect((await stream.next(() => true)).event).toBe("snapshot");
});

test("the command line talks to it over TCP with --url and a token", async () => {
  const { daemon } = shared;
  const remote = ["--url", await url(), "--token", await token()];
  expect((await daemon.sup("status", "web", ...remote)).code).toBe(0);
  expect((await daemon.sup("status", ...remote)).stdout).toContain("web");
  expect((await daemon.sup("status", "--url", await url(), "--token", "wrong")).code).toBe(1);
});
