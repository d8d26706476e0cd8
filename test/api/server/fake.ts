import type { ApiSettings } from "../../../src/api/server/access.ts";
import type { ApiError } from "../../../src/api/contract/errors.ts";
import { fakeTerminal } from "./fake-terminal.ts";
import { createApp, type App, type AppOptions } from "../../../src/api/server/server.ts";
import type * as shape from "../../../src/api/contract/shapes.ts";
import type { PageFile } from "../../../src/api/server/page.ts";
import type { Supervisor } from "../../../src/api/server/supervisor.ts";
import { NO_REQUESTED_RESTARTS } from "../../../src/core/unit/restart-count.ts";
import { err, ok, type Result } from "../../../src/base/result.ts";
import type { LogLine, LogQuery } from "../../../src/ports/logs.ts";
import { aDiff, aWhy } from "./fake-diff.ts";
import { fakeNotifications } from "./fake-notifications.ts";
import { type Follower, fakeTrail } from "./fake-trail.ts";
import { fakeUnits } from "./fake-units.ts";

/** A supervisor with a few units in memory that records its calls, and an app over it without a port. */
export const TOKEN = "a-token-of-the-tests-0123456789";
export const NOW = Date.parse("2026-05-01T12:00:00.000Z");
export const NOW_ISO = "2026-05-01T12:00:00.000Z";
export const SETTINGS: ApiSettings = { host: "127.0.0.1", auth: "token", basePath: "", allowedHosts: [], allowedOrigins: [], page: "on" };

export function aService(id: string, more: Partial<shape.Service> = {}): shape.Service {
  return {
    ...{
      id,
      name: id,
      description: `the ${id}`,
      state: "running",
      state_since: "2026-11-22T20:00:00.000Z",
      sub_state: "running",
      reason: "operator",
      health: "healthy",
    },
    ...{ pid: 4711, port: 8080, start_time: NOW_ISO, uptime_seconds: 12.5, restart_count: 0, priority: 100, last_restart: null },
    ...{ critical: false, auto_restart: true, enabled: true, groups: ["site"], labels: { team: "a" }, cpu_percent: 1.5, memory_mb: 20 },
    ...{
      requested_restarts: NO_REQUESTED_RESTARTS,
      ...{ tasks: 3, open_files: 9, exit_code: null, status_text: null },
      containment: "cgroup",
      last_exit: null,
      invocation: null,
      waiting_for: [],
      changed_on_disk: false,
      problems: [],
      retries: 0,
      max_retries: 5,
    },
    ...{ next_attempt: null, file: `/units/${id}.unit.json`, type: "simple", schedule: null, dependencies: [] },
    ...more,
  };
}

const file = (path: string, type: string, text: string): PageFile => ({ path, type, bytes: new TextEncoder().encode(text) });

/** A small page in the form that a build produces. */
export const PAGE: readonly PageFile[] = [
  file("index-0a1b2c3d.html", "text/html;charset=utf-8", "<!doctype html><html><head><title>sup</title></head><body></body></html>"),
  file("./chunk-1a2b3c4d.js", "text/javascript;charset=utf-8", `console.log(${JSON.stringify("page ".repeat(200))})`),
];

export const aLine = (text: string, stream: "stdout" | "stderr" = "stdout"): LogLine => ({ time: NOW_ISO, stream, full: true, text });

const TREND: shape.Trend = {
  ...{ verdict: "rising", text: "Memory grows", leak: true, limit: 512, of_machine: false },
  ...{ level: 300, per_hour: 10, per_hour_low: 9, per_hour_high: 11 },
  ...{ seen_seconds: 3600, limit_in_seconds: 1800, limit_at: NOW_ISO, limit_at_soonest: NOW_ISO, limit_at_latest: NOW_ISO },
};

const PROCESS: shape.ServiceProcess = { pid: 4711, name: "serve", ppid: 1, cpu_percent: 1.5, memory_mb: 20, started_at: NOW_ISO };

const aRollout = (service: string): shape.RolloutStatus => ({
  ...{ service, generation: 1, state: "running", active: true, awaits_promotion: false, total: 2, restarted: 1, failure: null },
  ...{ started: NOW_ISO, ended: null, units: [{ id: `${service}@1`, additional: false, phase: "new" }] },
});

const aForecast = (id: string): shape.Forecast => ({ id, run_since: NOW_ISO, memory: TREND, cpu: { ...TREND, leak: false } });

type Subscriber = (id: number, change: shape.StreamChange) => void;

export interface Fake extends Supervisor {
  readonly services: Map<string, shape.Service>;
  /** `[method, argument…]` of the calls that tests check. */
  readonly calls: unknown[][];
  /** The outcome of `act` for each unit; `done` by default. */
  outcome: (id: string, action: string) => Omit<shape.JobOutcome, "id">;
  overall: shape.OverallHealth;
  readonly lines: LogLine[];
  readonly subscribers: Set<Subscriber>;
  readonly followers: Set<Follower>;
  publish(change: shape.StreamChange): number;
  log(line: LogLine): void;
}

export function fakeSupervisor(ids: readonly string[] = ["web", "db", "web@1"]): Fake {
  const services = new Map(ids.map((id) => [id, aService(id)]));
  const calls: unknown[][] = [];
  const subscribers = new Set<Subscriber>();
  const followers = new Set<Follower>();
  const history: Array<{ id: number; change: shape.StreamChange }> = [];
  let lastId = 100;
  const find = (id: string): Result<shape.Service, ApiError> => {
    const found = services.get(id);
    return found ? ok(found) : err({ code: "no-such-unit", message: `there is no unit ${id}`, hint: "see `sup list`" });
  };
  const anEvent: shape.Event = {
    id: 1,
    service_id: "web",
    event_type: "started",
    timestamp: NOW_ISO,
    message: "web started",
    details: { pid: 4711 },
  };
  const status = (): shape.Status => ({ daemon: aDaemon(), services: [...services.values()] });
  const fake: Fake = {
    services,
    calls,
    subscribers,
    followers,
    lines: [aLine("one"), aLine("two", "stderr"), aLine("three")],
    outcome: () => ({ result: "done", state: "running", message: "done" }),
    overall: { status: "healthy", counts: { healthy: ids.length }, not_healthy: [] },
    publish(change) {
      history.push({ id: ++lastId, change });
      for (const subscriber of subscribers) subscriber(lastId, change);
      return lastId;
    },
    log(line) {
      fake.lines.push(line);
      for (const follower of followers) follower.line(line);
    },
    ...fakeTerminal(calls, find),
    status: async () => status(),
    service: async (id) => find(id),
    async serviceDetail(id) {
      const found = find(id);
      if (!found.ok) return found;
      const detail = {
        command: "serve --fast",
        enforcement: [],
        predictions: [],
        log: { losses: [], trouble: null },
        pss_mb: null,
        processes: [PROCESS],
        recent_events: [anEvent],
        recent_lines: [aLine("one")],
      };
      return ok({ ...found.value, ...detail });
    },
    async processes(id) {
      const found = find(id);
      return found.ok ? ok([PROCESS]) : found;
    },
    async why(id) {
      const found = find(id);
      return found.ok ? ok(aWhy(found.value)) : found;
    },
    async explain(id) {
      const found = find(id);
      if (!found.ok) return found;
      const about = { waves: [["db"], [id]], needs: [], needed_by: [], ready_when: "When executed.", policy: [], enforcement: [] };
      return ok({ id, ...about, retries: [{ attempt: 1, delay_seconds: 1, at_seconds: 1 }], fatal_after_seconds: 1 });
    },
    async diff(id, runs) {
      calls.push(["diff", id, runs]);
      const found = find(id);
      return found.ok ? ok(aDiff(id)) : found;
    },
    async act(request) {
      calls.push(["act", request]);
      return ok({ outcomes: request.units.map((id) => ({ id, ...fake.outcome(id, request.action) })), warnings: ["mind the step"] });
    },
    scale: async (id, request) => (calls.push(["scale", id, request]), ok({ job: "00a1", outcomes: [{ id: `${id}@2`, result: "pending", state: "starting", message: "" }], warnings: [] })), // prettier-ignore
    rollingRestart: async (id, dryRun) => (calls.push(["rollingRestart", id, dryRun]), ok({ ...aRollout(id), steps: ["restart web@1"] })),
    rollout: async (id) => ok(aRollout(id)),
    controlRollout: async (id, action) => (calls.push(["controlRollout", id, action]), ok({ ...aRollout(id), state: "paused" })),
    job: async (id, wait) => (calls.push(["job", id, wait]), id === "gone" ? undefined : { job: id, outcomes: [{ id: "web", ...fake.outcome("web", "start") }], warnings: [] }), // prettier-ignore
    async define(name, unit, stdin) {
      calls.push(stdin === undefined ? ["define", name, unit] : ["define", name, unit, stdin]);
      const id = name ?? "run-00000001";
      services.set(id, aService(id));
      return ok(id);
    },
    async followRun(id, follower) {
      calls.push(["followRun", id]);
      queueMicrotask(() => {
        follower.line(aLine("out"));
        follower.end({ id, state: "stopped", reason: "success", exit_code: 0, message: "exit code 0" });
      });
      return () => {};
    },
    async resolve(patterns) {
      calls.push(["resolve", patterns]);
      return ok(patterns.filter((id) => services.has(id)));
    },
    async serviceHealth(id, run) {
      calls.push(["serviceHealth", id, run]);
      const found = find(id);
      const results = [{ time: NOW_ISO, kind: "ok" as const, detail: "200", response_ms: 3, fallback: false }];
      const rest = {
        ...{ health: "healthy" as const, state: "running" as const, last_exit: null, check: "http" },
        ...{ consecutive_failures: 0, failure_threshold: 3, next_probe: NOW_ISO, results },
      };
      return found.ok ? ok({ id, ...rest }) : found;
    },
    overallHealth: async () => fake.overall,
    async readLogs(id, query: LogQuery) {
      calls.push(["readLogs", id, query]);
      const found = find(id);
      return found.ok ? ok(fake.lines.slice(query.lines === undefined ? 0 : Math.max(0, fake.lines.length - query.lines))) : found;
    },
    async rotateLogs(id) {
      const found = find(id);
      return found.ok ? ok({ rotated: true }) : found;
    },
    async trailLogs(id, request) {
      calls.push(["trailLogs", id, request]);
      const found = find(id);
      if (!found.ok) return found;
      const past = fake.lines.slice(request.lines === undefined ? 0 : Math.max(0, fake.lines.length - request.lines));
      return ok({ past: past.length, resumed: false, invocation: request.invocation ?? null, trail: fakeTrail(followers, past) });
    },
    async followLogs(id, subscriber) {
      const found = find(id);
      if (!found.ok) return found;
      followers.add(subscriber);
      return ok(() => void followers.delete(subscriber));
    },
    async metrics(id, sinceIso, limit, untilIso) {
      calls.push(["metrics", id, sinceIso, limit, ...(untilIso === undefined ? [] : [untilIso])]);
      const point = {
        timestamp: NOW_ISO,
        cpu_percent: 1,
        memory_mb: 2,
        health_status: "healthy" as const,
        response_time_ms: null,
        tasks: 1,
        open_files: 4,
        restarts: 0,
      };
      return ok([point, { ...point, reported: { queue: 3 } }]);
    },
    async forecast(id) {
      const found = find(id);
      return found.ok ? ok(aForecast(id)) : found;
    },
    forecasts: async () => [...services.keys()].map((id) => aForecast(id)),
    async report(report) {
      calls.push(["report", report]);
      const found = find(report.service_id);
      return found.ok ? ok(null) : found;
    },
    async file(id, reveal) {
      calls.push(["file", id, reveal]);
      return ok({
        id,
        files: [{ path: `/units/${id}.unit.json`, text: "{}" }],
        effective: { command: "serve" },
        sources: { command: "default" },
      });
    },
    async events(query) {
      calls.push(["events", query]);
      return ok([anEvent]);
    },
    async subscribe(after, subscriber) {
      calls.push(["subscribe", after]);
      const first = history[0]?.id ?? lastId + 1;
      if (after !== null && after >= first - 1 && after <= lastId) {
        for (const { id, change } of history) if (id > after) subscriber(id, change);
      } else subscriber(lastId, { kind: "snapshot", data: status() });
      subscribers.add(subscriber);
      return () => void subscribers.delete(subscriber);
    },
    host: async () => ({ name: "a", cores: 2, cpu_percent: 1, memory_mb: 9, memory_used_mb: 5, disk_mb: 9, disk_free_mb: 1, load: null }),
    summary: async () => ({
      by_state: { stopped: 0, starting: 0, running: services.size, stopping: 0, failed: 0, backoff: 0, fatal: 0 },
      by_health: { unknown: 0, starting: 0, healthy: services.size, degraded: 0, unhealthy: 0 },
      ...{ total: services.size, restarts_24h: 1, cpu_percent: 2, memory_mb: 3, critical_down: [], open_alerts: 1 },
    }),
    groups: async () => ({ site: ["web", "db"] }),
    async alerts(openOnly) {
      calls.push(["alerts", openOnly]);
      const rest = { severity: "critical" as const, alert_type: "fatal", message: "web gave up", created_at: NOW_ISO };
      return [{ id: 1, service_id: "web", ...rest, resolved_at: null, acknowledged: false }];
    },
    telemetry: async () => ({
      probes: [{ unit: "web", buckets: [{ le: 0.1, count: 2 }], count: 3, sum: 4.5 }],
      reported: [{ unit: "web", name: 'queue "long"', value: 7 }],
      unlogged: [{ unit: "web", why: "limit", lines: 12 }],
      scaling: [{ service: "web", min: 1, max: 8, metrics: [{ metric: "cpu", target: 70, mean: 35.5, needed: 2 }] }],
      notifications: [{ channel: "ops", failing: true, pending: 2, sent: 3, failed: 1 }],
      loopLagSeconds: 0.001,
      mailbox: 0,
      storeBytes: 4096,
      residentBytes: 50_000_000,
      heapBytes: 10_000_000,
      cpuSeconds: 1.5,
    }),
    notifications: fakeNotifications(calls),
    ...fakeUnits(calls, () => fake.lines, followers),
    async acknowledge(ids, units) {
      calls.push(["acknowledge", ids, units]);
      return ok(ids.length + units.length);
    },
    graph: async () => ({
      nodes: [{ id: "web", state: "running", wave: 1 }],
      edges: [{ from: "web", to: "db", condition: "ready", required: true }],
    }),
    async reloadUnits(dryRun, force) {
      calls.push(["reloadUnits", dryRun, force]);
      const problem = {
        severity: "error" as const,
        file: "/units/x.unit.json",
        line: 1,
        column: 2,
        key: "port",
        value: "-1",
        message: "no",
        hint: null,
      };
      const unit = {
        id: "web",
        change: "changed" as const,
        keys: [{ key: "env", applies: "restart" as const }],
        action: "restart" as const,
        message: "",
      };
      return { dry_run: dryRun, units: [unit], problems: [problem] };
    },
    shutdown: async (leave) => void calls.push(["shutdown", leave]),
    reexec: async () => void calls.push(["reexec"]),
  };
  return fake;
}

function aDaemon(): shape.DaemonInfo {
  return {
    ...{ version: "0.1.0", pid: 1, start_time: NOW_ISO, uptime_seconds: 5, mode: "portable", unit_path: ["/units"] },
    ...{ state_dir: "/s", log_dir: "/l", socket: "/r/sup.sock", url: "http://127.0.0.1:7870", notes: [], left_alone: [] },
    ...{ containment: "cgroup", containment_note: null },
  };
}

export interface Rig {
  readonly fake: Fake;
  readonly app: App;
  /** Errors given to onError. */
  readonly bugs: unknown[];
  /** Over the unix socket unless `over` says otherwise. */
  ask(request: string, init?: RequestInit, over?: "unix" | "tcp"): Promise<Response>;
}

/** `rig.ask("POST /api/supervisor/jobs", { body })`. */
export function makeRig(settings: Partial<ApiSettings> = {}, more: Partial<AppOptions> = {}): Rig {
  const fake = fakeSupervisor();
  const bugs: unknown[] = [];
  const app = createApp({
    ...{ supervisor: fake, version: "0.1.0", token: TOKEN, now: () => NOW, onError: (error: unknown) => bugs.push(error) },
    settings: { ...SETTINGS, ...settings },
    ...{ loadPage: async () => PAGE, sessionMemory: { load: () => null, save: () => {} } },
    ...more,
  });
  return {
    fake,
    app,
    bugs,
    async ask(request, init = {}, over = "unix") {
      const [method, path] = request.split(" ") as [string, string];
      const headers = new Headers(init.headers);
      if (init.body && !headers.has("content-type")) headers.set("content-type", "application/json");
      return app.handle(new Request(`http://localhost${path}`, { ...init, method, headers }), over);
    },
  };
}

export const errorOf = async (response: Response): Promise<ApiError> => ((await response.json()) as { error: ApiError }).error;

/** Reads a stream until its text satisfies the condition or it ends; fails when nothing more arrives. */
export function readerOf(response: Response): { until(isEnough: (text: string) => boolean): Promise<string>; cancel(): Promise<void> } {
  const reader = response.body!.pipeThrough(new TextDecoderStream() as never).getReader() as ReadableStreamDefaultReader<string>;
  let text = "";
  return {
    async until(isEnough) {
      while (!isEnough(text)) {
        const part = await Promise.race([reader.read(), late(text)]);
        if (part.done) break;
        text += part.value;
      }
      return text;
    },
    cancel: () => reader.cancel(),
  };
}

const PATIENCE_MS = 15_000;

async function late(text: string): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref());
  throw new Error(`nothing more arrived within ${PATIENCE_MS} ms; so far: ${text.slice(-300)}`);
}
