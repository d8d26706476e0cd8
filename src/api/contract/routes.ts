/**
 * Every route of the control API, as plain data: no schema library, so that the command line can use it and start fast.
 * `contract.ts` gives each row its schemas; `openapi.ts` and the reference are made from both.
 *
 * `access`: `open` needs no token even on TCP; `read` shows; `write` changes; `admin` shows secrets or ends the daemon.
 */
export type Access = "open" | "read" | "write" | "admin";

export interface Route {
  readonly method: "GET" | "POST";
  /** `:id` stands for a unit id. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  /** What the body of a 200 is, when it is not JSON. */
  readonly streams?: "events" | "lines" | "text";
}

const row = <R extends Route>(route: R): Route => route;
const get = (path: string, summary: string, access: Access = "read"): Route => row({ method: "GET", path, access, summary });
const post = (path: string, summary: string, access: Access = "write"): Route => row({ method: "POST", path, access, summary });

const BASE = "/api/supervisor";

export const routes = {
  healthz: get("/healthz", "Liveness of the daemon itself", "open"),
  openapi: get("/openapi.json", "This API as OpenAPI 3.1"),
  prometheus: row({
    method: "GET",
    path: "/metrics",
    access: "read",
    summary: "Every unit and the daemon itself, for Prometheus",
    streams: "text",
  }),
  status: get(`${BASE}/status`, "The daemon and every unit"),
  service: get(`${BASE}/services/:id`, "One unit in full"),
  start: post(`${BASE}/services/:id/start`, "Start a unit and what it needs"),
  stop: post(`${BASE}/services/:id/stop`, "Stop a unit"),
  restart: post(`${BASE}/services/:id/restart`, "Stop and start a unit"),
  reload: post(`${BASE}/services/:id/reload`, "Ask the service to reload its own configuration"),
  kill: post(`${BASE}/services/:id/kill`, "Send a signal"),
  enable: post(`${BASE}/services/:id/enable`, "Start it when the daemon starts"),
  disable: post(`${BASE}/services/:id/disable`, "Do not start it when the daemon starts"),
  resetFailed: post(`${BASE}/services/:id/reset-failed`, "Forget failures: failed and fatal become stopped"),
  serviceHealth: get(`${BASE}/services/:id/health`, "Health of a unit with the last probe results; ?run=true probes now"),
  serviceLogs: row({
    method: "GET",
    path: `${BASE}/services/:id/logs`,
    access: "read",
    summary: "Log lines; ?follow=true streams them",
    streams: "lines",
  }),
  rotateLogs: post(`${BASE}/services/:id/logs/rotate`, "Begin a new log file now"),
  serviceMetrics: get(`${BASE}/services/:id/metrics`, "Stored metrics of a unit"),
  serviceForecast: get(`${BASE}/services/:id/forecast`, "The trends of a unit's memory and CPU, and when they will reach its limits"),
  forecasts: get(`${BASE}/forecasts`, "The forecast of every running unit, as it was at the last look"),
  serviceFile: get(`${BASE}/services/:id/file`, "The unit's files and its effective settings with their sources"),
  why: get(`${BASE}/services/:id/why`, "Why a unit is as it is: what happened, what its policy says, what comes next"),
  explain: get(`${BASE}/services/:id/explain`, "What a unit's settings come to: retries, waves, readiness; nothing is run"),
  jobs: post(`${BASE}/jobs`, "One action on many units, chosen by names, globs and @groups"),
  resolve: get(`${BASE}/resolve`, "The units that names, globs and @groups stand for"),
  run: row({
    method: "POST",
    path: `${BASE}/run`,
    access: "admin",
    summary: "Run a command as a transient unit, which is gone when it ends; `follow` streams its output and its end",
    streams: "lines",
  }),
  health: get(`${BASE}/health`, "Overall health: 200, or 503 when something is not healthy"),
  report: post(`${BASE}/metrics`, "A service reports numbers of its own"),
  events: get(`${BASE}/events`, "History, oldest first"),
  eventStream: row({
    method: "GET",
    path: `${BASE}/events/stream`,
    access: "read",
    summary: "Server-sent events: a snapshot, then changes with consecutive ids",
    streams: "events",
  }),
  summary: get(`${BASE}/summary`, "The numbers of a dashboard"),
  groups: get(`${BASE}/groups`, "Groups and their units"),
  alerts: get(`${BASE}/alerts`, "Alerts, open ones first"),
  acknowledge: post(`${BASE}/alerts/ack`, "Say that alerts were seen: by their ids, or all open ones of units"),
  graph: get(`${BASE}/graph`, "Units and their dependencies, with the start waves"),
  reloadUnits: post(`${BASE}/reload`, "Compare unit files with what runs and do the least; ?dry_run=true gives the plan"),
  session: get(`${BASE}/session`, "Whether this browser is signed in, and what it may do", "open"),
  signIn: post(`${BASE}/session`, "Sign a browser in by the token or a one-time code; answers with a cookie", "open"),
  signOut: post(`${BASE}/session/end`, "Sign this browser out", "open"),
  signInLink: post(`${BASE}/session/link`, "A link to the page that signs in once, within two minutes", "admin"),
  reexec: post(`${BASE}/reexec`, "Execute the program on disk anew, same pid; services go on", "admin"),
  shutdown: post(`${BASE}/shutdown`, "Stop every unit in order and end the daemon", "admin"),
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

/** The path of a route with `:id` filled in. */
export const pathOf = (route: Route, id?: string): string =>
  id === undefined ? route.path : route.path.replace(":id", encodeURIComponent(id));
