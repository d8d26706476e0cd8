import { expect, test } from "bun:test";
import { outputs } from "../../../src/api/contract/contract.ts";
import { routes, type RouteName } from "../../../src/api/contract/routes.ts";
import { errorOf, makeRig, NOW, TOKEN } from "./fake.ts";

const API = "/api/supervisor";
const body = (value: unknown): RequestInit => ({ body: JSON.stringify(value) });

/** One good request for each route; the compiler refuses a route without a row. */
const GOOD: Record<
  Exclude<RouteName, "eventStream" | "prometheus" | "attach">,
  readonly [request: string, init?: RequestInit, status?: number]
> = {
  healthz: ["GET /healthz"],
  openapi: ["GET /openapi.json"],
  status: [`GET ${API}/status`],
  services: [`GET ${API}/services`],
  service: [`GET ${API}/services/web`],
  processes: [`GET ${API}/services/web/processes`],
  start: [`POST ${API}/services/web/start`],
  stop: [`POST ${API}/services/web/stop`, body({ cascade: true })],
  restart: [`POST ${API}/services/web%401/restart`],
  reload: [`POST ${API}/services/web/reload`, body({})],
  kill: [`POST ${API}/services/web/kill`, body({ signal: "HUP" })],
  enable: [`POST ${API}/services/web/enable?now=true`],
  disable: [`POST ${API}/services/web/disable`],
  scale: [`POST ${API}/services/web/scale`, body({ units: 2, wait: false }), 202],
  rollingRestart: [`POST ${API}/services/web/rolling-restart`, body({ dry_run: true })],
  rollout: [`GET ${API}/services/web/rollout`],
  controlRollout: [`POST ${API}/services/web/rollout`, body({ action: "pause" })],
  resetFailed: [`POST ${API}/services/web/reset-failed`],
  serviceHealth: [`GET ${API}/services/web/health?run=true`],
  probe: [`POST ${API}/services/web/health`],
  serviceLogs: [`GET ${API}/services/web/logs?lines=2`],
  attachInput: [`POST ${API}/services/web/attach/input`, body({ session: "s1", data: "aGkK", columns: 80, rows: 24 })],
  logs: [`GET ${API}/logs?units=web,db&lines=2`],
  rotateLogs: [`POST ${API}/services/web/logs/rotate`],
  serviceMetrics: [`GET ${API}/services/web/metrics?since=10m&limit=5`],
  serviceForecast: [`GET ${API}/services/web/forecast`],
  forecasts: [`GET ${API}/forecasts`],
  serviceFile: [`GET ${API}/services/web/file`],
  unitText: [`GET ${API}/unit-files/web`],
  writeUnit: [`PUT ${API}/unit-files/web`, body({ text: "{}", by: "Ann", dry_run: true })],
  why: [`GET ${API}/services/web/why`],
  explain: [`GET ${API}/services/web/explain`],
  diff: [`GET ${API}/services/web/diff?from=-1&to=0`],
  figures: [`GET ${API}/services/web/figures?since=1h`],
  jobs: [`POST ${API}/jobs`, body({ action: "start", units: ["w*", "@site"] })],
  job: [`GET ${API}/jobs/00a1`],
  resolve: [`GET ${API}/resolve?units=web,db&units=@x`],
  run: [`POST ${API}/run`, body({ unit: { command: "true" } })],
  health: [`GET ${API}/health`],
  report: [`POST ${API}/metrics`, body({ service_id: "web", metrics: { queue: 3 } })],
  events: [`GET ${API}/events?limit=5&service=web&type=started&since=2026-05-01`],
  host: [`GET ${API}/host`],
  summary: [`GET ${API}/summary`],
  groups: [`GET ${API}/groups`],
  alerts: [`GET ${API}/alerts?open=true`],
  acknowledge: [`POST ${API}/alerts/ack`, body({ ids: [1], units: ["web"] })],
  notifications: [`GET ${API}/notifications?limit=5`],
  notificationTest: [`POST ${API}/notifications/test`, body({ channel: "ops" })],
  notificationRetry: [`POST ${API}/notifications/retry`, body({ ids: [1], channels: ["ops"] })],
  notificationDrop: [`POST ${API}/notifications/drop`, body({ ids: [9] })],
  notificationSilence: [`POST ${API}/notifications/silence`, body({ seconds: 60 })],
  notificationExplain: [`GET ${API}/notifications/explain?unit=web.unit.json&type=memory-limit`],
  notificationSimulate: [`GET ${API}/notifications/simulate?since=1d`],
  graph: [`GET ${API}/graph`],
  reloadUnits: [`POST ${API}/reload?dry_run=true`],
  session: [`GET ${API}/session`],
  signIn: [`POST ${API}/session`, body({ token: TOKEN })],
  signOut: [`POST ${API}/session/end`],
  signInLink: [`POST ${API}/session/link`],
  reexec: [`POST ${API}/reexec`, {}, 202],
  shutdown: [`POST ${API}/shutdown`, {}, 202],
};

for (const [name, [request, init, status = 200]] of Object.entries(GOOD)) {
  test(`${name}: answers as the contract says, as JSON that is neither cached nor sniffed`, async () => {
    const { ask, bugs } = makeRig();
    const response = await ask(request, init);
    expect(bugs).toEqual([]);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    const value: unknown = await response.json();
    expect(outputs[name as RouteName].parse(value)).toEqual(value as never);
  });
}

test("a request reaches the supervisor with defaults, converted numbers, resolved times and ids without suffix", async () => {
  const { ask, fake } = makeRig();
  for (const name of [
    "serviceMetrics",
    "events",
    "serviceHealth",
    "alerts",
    "reloadUnits",
    "resolve",
    "jobs",
    "report",
    "shutdown",
    "notifications",
    "notificationTest",
    "notificationRetry",
    "notificationDrop",
    "notificationSilence",
    "notificationExplain",
    "notificationSimulate",
  ] as const)
    await ask(GOOD[name][0], GOOD[name][1]);
  await ask(`GET ${API}/services/web.unit.json/file?reveal`);
  await ask(`GET ${API}/services/web.unit.json/diff?from=-1&to=0`);
  await ask(`GET ${API}/events?service=web.unit.json&since=2h`);
  expect(fake.calls).toEqual([
    ["metrics", "web", new Date(NOW - 600_000).toISOString(), 5],
    ["events", { limit: 5, service: "web", type: "started", since: "2026-05-01T00:00:00.000Z" }],
    ["serviceHealth", "web", true],
    ["alerts", true],
    ["reloadUnits", true, false],
    ["resolve", ["web", "db", "@x"]],
    ["act", { action: "start", units: ["w*", "@site"], wait: true, now: false, cascade: false, dry_run: false }],
    ["report", { service_id: "web", metrics: { queue: 3 } }],
    ["shutdown", false],
    ["notifications", 5],
    ["test", "ops"],
    ["retry", [1], ["ops"]],
    ["drop", [9], []],
    ["silence", 60_000],
    ["explain", "web", "memory-limit"],
    ["simulate", NOW - 86_400_000],
    ["file", "web", true],
    ["diff", "web", { from: "-1", to: "0" }],
    ["events", { limit: 100, service: "web", since: "2026-05-01T10:00:00.000Z" }],
  ]);
});

test("each single-unit action is a job of one unit, with the options of the body or of the query", async () => {
  const { ask, fake } = makeRig();
  const actions = ["start", "stop", "restart", "reload", "kill", "enable", "disable", "reset-failed"] as const;
  for (const action of actions) {
    const name = action === "reset-failed" ? "resetFailed" : action;
    expect(routes[name].path).toEndWith(`/${action}`);
    expect((await ask(`POST ${API}/services/db/${action}?dry_run=true`)).status).toBe(200);
    expect(fake.calls.pop()).toEqual(["act", expect.objectContaining({ action, units: ["db"], wait: true, dry_run: true })]);
  }
  await ask(`POST ${API}/services/db/stop?cascade=yes`, body({ wait: false }));
  expect(fake.calls.pop()).toEqual(["act", { action: "stop", units: ["db"], wait: false, cascade: true, dry_run: false }]);
  await ask(`POST ${API}/services/db/kill?signal=USR1`);
  expect(fake.calls.pop()).toEqual(["act", { action: "kill", units: ["db"], wait: true, dry_run: false, signal: "USR1" }]);
});

test("an action answers its outcome, the unit after it and the warnings; 202 when it is pending", async () => {
  const { ask, fake } = makeRig();
  const done = (await (await ask(`POST ${API}/services/web/start`)).json()) as Record<string, unknown>;
  expect(done).toMatchObject({ outcome: { id: "web", result: "done" }, service: { id: "web", pid: 4711 }, warnings: ["mind the step"] });
  expect(done.service).not.toHaveProperty("recent_lines");
  fake.outcome = () => ({ result: "pending", state: "starting", message: "" });
  expect((await ask(`POST ${API}/services/web/start?wait=false`)).status).toBe(202);
  expect((await ask(`POST ${API}/jobs`, body({ action: "start", units: ["web"], wait: false }))).status).toBe(202);
});

test("a failed action is 409 failed with the message of the outcome, or the status of the outcome's own code", async () => {
  const { ask, fake } = makeRig();
  fake.outcome = () => ({ result: "failed", state: "failed", message: "cannot start web: exit code 3" });
  const failed = await ask(`POST ${API}/services/web/start`);
  expect(failed.status).toBe(409);
  expect(await errorOf(failed)).toEqual({ code: "failed", message: "cannot start web: exit code 3" });
  fake.outcome = () => ({ result: "failed", state: "stopped", message: "there is no unit web", code: "no-such-unit" });
  expect((await ask(`POST ${API}/services/web/start`)).status).toBe(404);
  fake.outcome = () => ({ result: "failed", state: "stopped", message: "no", code: "toString" });
  expect((await errorOf(await ask(`POST ${API}/services/web/start`))).code).toBe("failed");
});

test("a job that failed for some units is 200: each outcome has its own result", async () => {
  const { ask, fake } = makeRig();
  fake.outcome = (id) => ({ result: id === "db" ? "failed" : "done", state: "running", message: id, code: "failed" });
  const response = await ask(`POST ${API}/jobs`, body({ action: "restart", units: ["web", "db"] }));
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ outcomes: [{ result: "done" }, { result: "failed" }] });
});

for (const [request, key] of [
  [{ action: "start", units: ["web"], cascade: true }, "cascade"],
  [{ action: "stop", units: ["web"], now: true }, "now"],
  [{ action: "stop", units: ["web"], signal: "HUP" }, "signal"],
  [{ action: "kill", units: ["web"], signal: "NOSUCH" }, "signal"],
] as const) {
  test(`a job refuses ${key} with ${request.action} instead of ignoring it: ${JSON.stringify(request)}`, async () => {
    const { ask, fake } = makeRig();
    const response = await ask(`POST ${API}/jobs`, body(request));
    expect(response.status).toBe(422);
    expect((await errorOf(response)).message).toStartWith(`cannot accept ${key}`);
    expect(fake.calls).toEqual([]);
  });
}

test("an unknown unit is 404 no-such-unit; a glob in the path has a hint where globs are accepted", async () => {
  const { ask } = makeRig();
  const unknown = await ask(`GET ${API}/services/nope`);
  expect(unknown.status).toBe(404);
  expect((await errorOf(unknown)).code).toBe("no-such-unit");
  const glob = await ask(`POST ${API}/services/w*/stop`);
  expect(glob.status).toBe(404);
  expect(await errorOf(glob)).toMatchObject({ code: "no-such-unit", hint: expect.stringContaining("/jobs") });
  expect((await ask(`GET ${API}/services/a%2Fb`)).status).toBe(404);
  expect((await ask(`GET ${API}/services/%zz`)).status).toBe(400);
});

test("overall health is 200 while healthy or degraded and 503 with the same body when unhealthy", async () => {
  const { ask, fake } = makeRig();
  fake.overall = { status: "degraded", counts: {}, not_healthy: [] };
  expect((await ask(`GET ${API}/health`)).status).toBe(200);
  fake.overall = {
    status: "unhealthy",
    counts: { unhealthy: 1 },
    not_healthy: [{ id: "web", state: "fatal", health: "unhealthy", reason: "health" }],
  };
  const response = await ask(`GET ${API}/health`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual(fake.overall);
});

test("a report accepts only finite numbers, at most 64 names, and only of an existing unit", async () => {
  const { ask, fake } = makeRig();
  const report = async (text: string) => ask(`POST ${API}/metrics`, { body: text });
  expect((await report(`{"service_id":"web","metrics":{"x":1e999}}`)).status).toBe(422);
  expect((await report(`{"service_id":"web","metrics":{"x":"1"}}`)).status).toBe(422);
  expect(
    (await report(JSON.stringify({ service_id: "web", metrics: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`m${i}`, i])) })))
      .status,
  ).toBe(422);
  expect(fake.calls).toEqual([]);
  expect((await report(`{"service_id":"nope","metrics":{"x":1}}`)).status).toBe(404);
});

test("a job is answered when it has ended, 202 while it is pending, 404 when there is none", async () => {
  const { ask, fake } = makeRig();
  expect(await (await ask(`GET ${API}/jobs/00a1`)).json()).toMatchObject({ job: "00a1", outcomes: [{ id: "web", result: "done" }] });
  fake.outcome = () => ({ result: "pending", state: "starting", message: "" });
  expect((await ask(`GET ${API}/jobs/00a1?wait=false`)).status).toBe(202);
  expect(fake.calls.slice(-2)).toEqual([["job", "00a1", true], ["job", "00a1", false]]); // prettier-ignore
  const gone = await ask(`GET ${API}/jobs/gone`);
  expect(gone.status).toBe(404);
  expect((await errorOf(gone)).code).toBe("not-found");
});

test("a body that is nested too deeply is 400 on every route, at once", async () => {
  const { ask, fake } = makeRig();
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  for (const [path, text] of [
    ["run", `{"unit":{"command":${deep}}}`],
    ["jobs", `{"action":"start","units":${deep}}`],
    ["metrics", deep],
    ["session", `{"token":${deep}}`],
  ]) {
    const answer = await ask(`POST ${API}/${path}`, { body: text! });
    expect(answer.status).toBe(400);
    expect((await errorOf(answer)).message).toBe("cannot read the body: it is nested deeper than 64 levels");
  }
  expect(fake.calls).toEqual([]);
});

test("HEAD is GET without the body; another method is 405 with Allow", async () => {
  const { ask } = makeRig();
  const head = await ask(`HEAD ${API}/status`);
  expect(head.status).toBe(200);
  expect(await head.text()).toBe("");
  expect(head.headers.get("content-type")).toBe("application/json");
  const wrong = await ask(`POST ${API}/status`);
  expect(wrong.headers.get("allow")).toBe("GET, HEAD");
  expect(wrong.status).toBe(405);
  expect((await errorOf(wrong)).code).toBe("method-not-allowed");
  expect((await ask(`GET ${API}/jobs`)).headers.get("allow")).toBe("POST");
});

test("an unknown path is 404 with the most similar one; / without a page has a hint", async () => {
  const { ask } = makeRig({ page: "off" });
  expect(await errorOf(await ask(`GET ${API}/statu`))).toMatchObject({ code: "not-found", hint: `did you mean ${API}/status?` });
  expect(await errorOf(await ask(`POST ${API}/services/web/strat`))).toMatchObject({ hint: `did you mean ${API}/services/web/start?` });
  expect(await errorOf(await ask(`GET ${API}/services/web/nothing/more`))).toMatchObject({ code: "not-found" });
  expect(await errorOf(await ask("GET /"))).toMatchObject({ code: "not-found", hint: expect.stringMatching(/status.*sup token/) });
});

test("a handler that throws is 500 with a general message, and onError gets the error", async () => {
  const { ask, fake, bugs } = makeRig();
  const secret = new Error("the password is 1234");
  fake.summary = () => {
    throw secret;
  };
  fake.reloadUnits = () => Promise.reject(secret);
  for (const request of [`GET ${API}/summary`, `POST ${API}/reload`]) {
    const response = await ask(request);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("1234");
  }
  expect(bugs).toEqual([secret, secret]);
});

test("the idle timeout is suspended while an answer is prepared, and for good while it is streamed", async () => {
  const { app } = makeRig();
  const timeouts = async (request: string): Promise<number[]> => {
    const [method, path] = request.split(" ") as [string, string];
    const set: number[] = [];
    const headers = { authorization: `Bearer ${TOKEN}`, host: "localhost" };
    const connection = { timeout: (_: Request, seconds: number) => void set.push(seconds), requestIP: () => null };
    await app.handle(new Request(`http://localhost${API}${path}`, { method, headers }), "tcp", connection);
    return set;
  };
  expect(await timeouts("GET /status")).toEqual([0, 30]);
  expect(await timeouts("POST /services/web/start")).toEqual([0, 30]);
  expect(await timeouts("GET /services/web/logs")).toEqual([0, 30]);
  expect(await timeouts("GET /services/web/logs?follow=true")).toEqual([0]);
  expect(await timeouts("GET /events/stream")).toEqual([0]);
  app.close();
});

test("a request on the unix socket never gets an idle timeout", async () => {
  const { app } = makeRig();
  const set: number[] = [];
  await app.handle(new Request(`http://sup${API}/status`), "unix", {
    timeout: (_, seconds) => void set.push(seconds),
    requestIP: () => null,
  });
  expect(set).toEqual([0]);
});

test("a base path is stripped; it may be absent because a proxy has stripped it", async () => {
  const { ask } = makeRig({ basePath: "/sup" });
  expect((await ask(`GET /sup${API}/status`)).status).toBe(200);
  expect((await ask(`GET ${API}/status`)).status).toBe(200);
  expect((await ask(`GET /supper${API}/status`)).status).toBe(404);
  expect(await (await ask("GET /sup")).text()).toContain('<base href="/sup/">');
});

test("a unit file is written with the ETag that the request expects, and the history gets the name and the address", async () => {
  const { ask, fake } = makeRig();
  await ask(`PUT ${API}/unit-files/web`, { ...body({ text: "{}", by: "Ann" }), headers: { "if-match": '"e1"' } });
  await ask(`PUT ${API}/unit-files/web`, body({ text: "{}", if_match: "e1", dry_run: true }));
  await ask(`PUT ${API}/unit-files/new`, body({ text: "{}" }));
  const from = "unix socket";
  expect(fake.calls).toEqual([
    ["writeUnit", "web", { text: "{}", expected: "e1", dryRun: false, by: "Ann", from }],
    ["writeUnit", "web", { text: "{}", expected: "e1", dryRun: true, by: null, from }],
    ["writeUnit", "new", { text: "{}", expected: null, dryRun: false, by: null, from }],
  ]);
  expect((await ask(`GET ${API}/unit-files/web?reveal=true`)).headers.get("etag")).toBe('"e1"');
  expect((await ask(`GET ${API}/unit-files/web`)).headers.has("etag")).toBe(false);
  const wildcard = await ask(`PUT ${API}/unit-files/web`, { ...body({ text: "{}" }), headers: { "if-match": "*" } });
  expect(wildcard.status).toBe(400);
  const anonymous = await ask(`PUT ${API}/unit-files/web`, body({ text: "{}", by: "<b>" }));
  expect(anonymous.status).toBe(422);
  expect((await ask(`PUT ${API}/unit-files/..%2Fetc`, body({ text: "{}" }))).status).toBe(404);
});

test("a range of time must have a beginning before its end", async () => {
  const { ask } = makeRig();
  expect((await ask(`GET ${API}/services/web/figures?since=1h&until=2h`)).status).toBe(422);
  expect((await ask(`GET ${API}/services/web/figures?since=2h&until=1h`)).status).toBe(200);
});
