/**
 * All routes of the control API as plain data. The file needs no schema library, so the command line can use it and still start
 * fast. `contract.ts` has the schemas of each row; `openapi.ts` and the reference are generated from both.
 *
 * The levels of `access` are: `open` needs no token even over TCP; `read` only reads; `write` changes something; `admin` shows
 * secrets, runs commands or ends the daemon.
 */
export type Access = "open" | "read" | "write" | "admin";

export interface Route {
  readonly method: "GET" | "POST" | "PUT";
  /** `:id` stands for the id of a unit, or of a job. */
  readonly path: string;
  readonly access: Access;
  /** Query parameters that need more access when they are given. */
  readonly parameters?: Readonly<Record<string, Access>>;
  readonly summary: string;
  /** The format of the body of a 200 response if it is not JSON. `lines` applies only with `follow`, `objects` always. */
  readonly streams?: "events" | "lines" | "objects" | "text";
}

const row = <R extends Route>(route: R): Route => route;
const get = (path: string, summary: string, access: Access = "read"): Route => row({ method: "GET", path, access, summary });
const post = (path: string, summary: string, access: Access = "write"): Route => row({ method: "POST", path, access, summary });

const BASE = "/api/supervisor";

export const routes = {
  healthz: get("/healthz", "Liveness check of the daemon itself", "open"),
  openapi: get("/openapi.json", "The OpenAPI 3.1 document of this API"),
  prometheus: row({
    method: "GET",
    path: "/metrics",
    access: "read",
    summary: "Metrics of every unit and of the daemon itself, for Prometheus",
    streams: "text",
  }),
  status: get(`${BASE}/status`, "The daemon and all units"),
  services: get(`${BASE}/services`, "All services. A service with `instances` has the totals of its units, and the units themselves"),
  service: get(`${BASE}/services/:id`, "A unit with all its details, or the totals of a service"),
  processes: get(`${BASE}/services/:id/processes`, "The processes of a unit, with the CPU and memory usage of each"),
  start: post(`${BASE}/services/:id/start`, "Start a unit and the units it requires"),
  stop: post(`${BASE}/services/:id/stop`, "Stop a unit"),
  restart: post(`${BASE}/services/:id/restart`, "Restart a unit"),
  reload: post(`${BASE}/services/:id/reload`, "Make the service reload its own configuration"),
  kill: post(`${BASE}/services/:id/kill`, "Send a signal to the main process"),
  enable: post(`${BASE}/services/:id/enable`, "Start the unit when the daemon starts"),
  disable: post(`${BASE}/services/:id/disable`, "Do not start the unit when the daemon starts"),
  scale: post(`${BASE}/services/:id/scale`, "Change the number of units of a service. The number survives restarts of the daemon"),
  rollingRestart: post(`${BASE}/services/:id/rolling-restart`, "Restart the units of a service one after the other while the others serve"),
  rollout: get(`${BASE}/services/:id/rollout`, "The rollout of a service that is under way, or the last one"),
  controlRollout: post(`${BASE}/services/:id/rollout`, "Pause, resume, cancel, promote or roll back the rollout of a service"),
  resetFailed: post(`${BASE}/services/:id/reset-failed`, "Clear failures: failed and fatal become stopped"),
  serviceHealth: row({
    method: "GET",
    path: `${BASE}/services/:id/health`,
    access: "read",
    parameters: { run: "write" },
    summary:
      "Health of a unit, or of a service and its units, with the latest probe results; ?run=true probes it first, which needs write access",
  }),
  probe: post(`${BASE}/services/:id/health`, "Probe a unit, or the running units of a service, now, and return its health with the result"),
  serviceLogs: row({
    method: "GET",
    path: `${BASE}/services/:id/logs`,
    access: "read",
    summary: "Log lines; ?follow=true streams them",
    streams: "lines",
  }),
  attach: row({
    method: "POST",
    path: `${BASE}/services/:id/attach`,
    access: "admin",
    summary: "Attach to the terminal of a unit with `tty`: streams its output; `attach/input` types into it",
    streams: "objects",
  }),
  attachInput: post(`${BASE}/services/:id/attach/input`, "Type into the terminal of a unit, or change its size", "admin"),
  logs: row({
    method: "GET",
    path: `${BASE}/logs`,
    access: "read",
    summary: "Log lines of several units, merged by time; ?follow=true streams them as server-sent events",
    streams: "lines",
  }),
  rotateLogs: post(`${BASE}/services/:id/logs/rotate`, "Rotate the log file now"),
  serviceMetrics: get(`${BASE}/services/:id/metrics`, "Stored metrics of a unit, or the sums of the units of a service"),
  serviceForecast: get(
    `${BASE}/services/:id/forecast`,
    "Trends of memory and CPU of a unit, or of a service and its units, and when they will reach the limits",
  ),
  forecasts: get(`${BASE}/forecasts`, "The latest forecast of every running unit"),
  serviceFile: row({
    method: "GET",
    path: `${BASE}/services/:id/file`,
    access: "read",
    parameters: { reveal: "admin" },
    summary: "The files of a unit and its effective settings with their sources; ?reveal=true shows secrets, which needs admin access",
  }),
  unitText: get(
    `${BASE}/unit-files/:id`,
    "The file of a unit as it is on disk; ?reveal=true shows its secrets, and its ETag, with which it can be replaced",
    "admin",
  ),
  writeUnit: row({
    method: "PUT",
    path: `${BASE}/unit-files/:id`,
    access: "admin",
    summary:
      "Check a unit file like `sup verify`, plan the reload that would follow, and write the file. If-Match has the ETag of the file that is replaced; without it, only a new file is created",
  }),
  why: get(
    `${BASE}/services/:id/why`,
    "Why a unit, or a service and its units, is in its state: what happened, what its policy is, what will happen next",
  ),
  explain: get(
    `${BASE}/services/:id/explain`,
    "What the settings of a unit or a service mean: retries, start order, readiness; runs nothing",
  ),
  diff: get(
    `${BASE}/services/:id/diff`,
    "What changed between two runs of a unit, or of each unit of a service, with exits, memory, CPU and errors of both. The default is the latest run and the last run before the newest change",
  ),
  figures: get(
    `${BASE}/services/:id/figures`,
    "What a unit used and how often it failed in a range of time: memory, CPU, response time, starts, exits and errors",
  ),
  jobs: post(`${BASE}/jobs`, "One action on many units, selected by names, globs and @groups"),
  job: get(`${BASE}/jobs/:id`, "The outcome of a job, even if an earlier daemon began it. A job is kept for 10 minutes after its end"),
  resolve: get(`${BASE}/resolve`, "The units that names, globs and @groups select"),
  run: row({
    method: "POST",
    path: `${BASE}/run`,
    access: "admin",
    summary: "Run a command as a transient unit, which is removed when it ends; `follow` streams its output and result",
    streams: "lines",
  }),
  health: get(`${BASE}/health`, "Overall health: 200, or 503 when a unit is unhealthy"),
  report: post(`${BASE}/metrics`, "Store metrics that a service reports about itself"),
  events: get(`${BASE}/events`, "Events, oldest first"),
  eventStream: row({
    method: "GET",
    path: `${BASE}/events/stream`,
    access: "read",
    summary: "Server-sent events: a snapshot, then changes with consecutive ids",
    streams: "events",
  }),
  host: get(`${BASE}/host`, "CPU, memory, disk and load of the machine"),
  summary: get(`${BASE}/summary`, "Totals for a dashboard"),
  groups: get(`${BASE}/groups`, "The units of each group"),
  alerts: get(`${BASE}/alerts`, "Alerts, open ones first"),
  acknowledge: post(`${BASE}/alerts/ack`, "Acknowledge alerts: those with the given ids, and all open alerts of the given units"),
  notifications: get(`${BASE}/notifications`, "The channels of notifications, and the newest messages"),
  notificationTest: post(`${BASE}/notifications/test`, "Send a test message to one channel or to all"),
  notificationRetry: post(
    `${BASE}/notifications/retry`,
    "Try to send messages again now: those with the given ids, those of the given channels, or all",
  ),
  notificationDrop: post(
    `${BASE}/notifications/drop`,
    "Drop pending messages: those with the given ids, those of the given channels, or all",
  ),
  notificationSilence: post(
    `${BASE}/notifications/silence`,
    "Send no message for some time, and afterwards report the problems that remain",
  ),
  notificationExplain: get(`${BASE}/notifications/explain`, "Which channels would get a message about an alert, and when; sends nothing"),
  notificationSimulate: get(
    `${BASE}/notifications/simulate`,
    "Which messages the present rules would have sent about past alerts; sends nothing",
  ),
  graph: get(`${BASE}/graph`, "Units and their dependencies, with the wave in which each starts"),
  reloadUnits: post(`${BASE}/reload`, "Apply changed unit files with as few restarts as possible; ?dry_run=true only returns the plan"),
  session: get(`${BASE}/session`, "Whether this browser is signed in, and what it may do", "open"),
  signIn: post(`${BASE}/session`, "Sign a browser in with the token or a one-time code; the answer sets a cookie", "open"),
  signOut: post(`${BASE}/session/end`, "Sign this browser out", "open"),
  signInLink: post(`${BASE}/session/link`, "A link to the page that signs a browser in: usable once, within two minutes", "admin"),
  reexec: post(`${BASE}/reexec`, "Re-execute the daemon from the program on disk, with the same pid; services keep running", "admin"),
  shutdown: post(`${BASE}/shutdown`, "Stop all units in order and end the daemon", "admin"),
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

/** Returns the path of a route with `:id` filled in. */
export const pathOf = (route: Route, id?: string): string =>
  id === undefined ? route.path : route.path.replace(":id", encodeURIComponent(id));
