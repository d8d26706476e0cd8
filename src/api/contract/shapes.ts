import { z } from "zod";
import { CONDITIONS, CONTAINMENTS, HEALTHS, REASONS, SEVERITIES, STATES } from "../../base/words.ts";

/** What goes over the wire. Snake case; times are UTC ISO 8601; durations in seconds unless the name says otherwise. */

const time = z.iso.datetime({ precision: 3 }).or(z.iso.datetime());
const id = z.string().max(129);

export const service = z.object({
  id,
  name: z.string(),
  description: z.string(),
  state: z.enum(STATES),
  sub_state: z.string(),
  reason: z.enum(REASONS),
  /** Since when it is in this state; null before its first change. */
  state_since: time.nullable(),
  health: z.enum(HEALTHS),
  pid: z.number().int().nullable(),
  port: z.number().int().nullable(),
  start_time: time.nullable(),
  uptime_seconds: z.number(),
  restart_count: z.number().int(),
  last_restart: time.nullable(),
  priority: z.number().int(),
  critical: z.boolean(),
  auto_restart: z.boolean(),
  enabled: z.boolean(),
  groups: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  cpu_percent: z.number().nullable(),
  memory_mb: z.number().nullable(),
  tasks: z.number().int().nullable(),
  /** Open file descriptors of the whole tree. */
  open_files: z.number().int().nullable(),
  exit_code: z.number().int().nullable(),
  /** The last end in words: "exit code 3", "killed by SIGKILL", "cannot execute: no such file or directory (ENOENT)". */
  /** What the service says of itself (sd_notify, STATUS=). */
  status_text: z.string().nullable(),
  /** What tells its processes from others: a cgroup of its own, or what they carry with them. Null while none runs. */
  containment: z.enum(CONTAINMENTS).nullable(),
  last_exit: z.string().nullable(),
  /** SUP_INVOCATION_ID of the present run, or of the last one; null before the first. */
  invocation: z.string().nullable(),
  /** Ids of the dependencies it waits for. */
  waiting_for: z.array(z.string()),
  /** The file differs from what runs, or can no longer be read. */
  changed_on_disk: z.boolean(),
  /** Problems of the file on disk, in words, while the last good version is in force. */
  problems: z.array(z.string()),
  /** Failed retries in this episode, and when the next attempt is due. */
  retries: z.number().int(),
  max_retries: z.number().int(),
  next_attempt: time.nullable(),
  file: z.string(),
  type: z.string(),
  /** Null without a schedule. `active`: neither the operator nor the file disables it. */
  schedule: z
    .object({
      cron: z.string().nullable(),
      timezone: z.string().nullable(),
      every_seconds: z.number().nullable(),
      catch_up: z.boolean(),
      overlap: z.enum(["skip", "queue", "kill"]),
      active: z.boolean(),
      next_run: time.nullable(),
      /** When it was last due and ran, or was left out because the last run was not over. */
      last_run: time.nullable(),
      /** A run follows right after the one under way. */
      queued: z.boolean(),
    })
    .nullable(),
  dependencies: z.array(z.object({ unit: id, condition: z.enum(CONDITIONS), required: z.boolean(), restart: z.boolean() })),
});
export type Service = z.infer<typeof service>;

/** `restart_count` and the like are in `service`; this adds what takes a look at the machine. */
export const serviceDetail = service.extend({
  command: z.string(),
  /** What is done about each of its resource limits, in words. */
  enforcement: z.array(z.string()),
  /** Limits that are foreseen to be reached, in sentences. */
  predictions: z.array(z.string()),
  /** Memory of the tree with shared pages counted in parts (PSS); null unless asked for. */
  pss_mb: z.number().nullable(),
  log: z.object({
    /** Output that did not get into the log since the daemon has it open: by `log.rate_limit`, or because the disk refused it. */
    losses: z.array(
      z.object({
        why: z.enum(["limit", "disk"]),
        lines: z.number().int(),
        bytes: z.number().int(),
        since: time,
        cause: z.string(),
        /** False: it goes on. */
        over: z.boolean(),
      }),
    ),
    /** Why the file is not rotated though it is time. */
    trouble: z.string().nullable(),
  }),
  processes: z.array(z.object({ pid: z.number().int(), name: z.string() })),
  recent_events: z.array(z.lazy(() => event)),
  recent_lines: z.array(z.lazy(() => logLine)),
});
export type ServiceDetail = z.infer<typeof serviceDetail>;

export const why = z.object({
  service: z.lazy(() => service),
  /** Oldest first; what kept repeating is told once. `lines` is what a failed run wrote last. */
  story: z.array(z.object({ time, text: z.string(), lines: z.array(z.string()) })),
  policy: z.array(z.string()),
  /** `time`: when it will be; null for what waits for something else. */
  next: z.array(z.object({ text: z.string(), time: time.nullable() })),
});
export type Why = z.infer<typeof why>;

export const explanation = z.object({
  id,
  /** The unit and all that it needs, in the order of the start: those of a wave start side by side. */
  waves: z.array(z.array(id)),
  needs: z.array(z.object({ unit: id, condition: z.enum(CONDITIONS), required: z.boolean() })),
  needed_by: z.array(id),
  ready_when: z.string(),
  /** `at_seconds` counts from the first start, if each run fails at once. Without an end, the first ones. */
  retries: z.array(z.object({ attempt: z.number().int(), delay_seconds: z.number(), at_seconds: z.number() })),
  /** Null: never given up, or never retried. */
  fatal_after_seconds: z.number().nullable(),
  policy: z.array(z.string()),
  enforcement: z.array(z.string()),
});
export type Explanation = z.infer<typeof explanation>;

export const daemon = z.object({
  version: z.string(),
  pid: z.number().int(),
  start_time: time,
  uptime_seconds: z.number(),
  /** `system`, `user` or `portable` (SUP_HOME). */
  mode: z.string(),
  unit_path: z.array(z.string()),
  state_dir: z.string(),
  log_dir: z.string(),
  socket: z.string(),
  /** `http://127.0.0.1:7870`, or null with the reason in `notes`. */
  url: z.string().nullable(),
  /** What tells the processes of units from others; why there are no cgroups is in `containment_note`. */
  containment: z.enum(CONTAINMENTS),
  containment_note: z.string().nullable(),
  /** What an operator should know: a taken port, a damaged database set aside, a bad unit file. */
  notes: z.array(z.string()),
  /** Directories of the unit path that a user's daemon leaves to the system's while that one answers on `owner`, and the units there. */
  left_alone: z.array(z.object({ directory: z.string(), units: z.array(z.string()), owner: z.string() })),
});
export type DaemonInfo = z.infer<typeof daemon>;

export const status = z.object({ daemon, services: z.array(service) });
export type Status = z.infer<typeof status>;

export const event = z.object({
  id: z.number().int(),
  service_id: id.nullable(),
  event_type: z.string(),
  timestamp: time,
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type Event = z.infer<typeof event>;

export const logLine = z.object({
  time: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  full: z.boolean(),
  text: z.string(),
  service_id: id.optional(),
});
export type LogLineShape = z.infer<typeof logLine>;

export const probeResult = z.object({
  time,
  kind: z.enum(["ok", "bad", "broken"]),
  detail: z.string(),
  response_ms: z.number().nullable(),
  fallback: z.boolean(),
});
export type ProbeResultShape = z.infer<typeof probeResult>;

export const serviceHealth = z.object({
  id,
  health: z.enum(HEALTHS),
  check: z.string().nullable(),
  consecutive_failures: z.number().int(),
  failure_threshold: z.number().int().nullable(),
  next_probe: time.nullable(),
  results: z.array(probeResult),
});
export type ServiceHealth = z.infer<typeof serviceHealth>;

export const overallHealth = z.object({
  status: z.enum(["healthy", "degraded", "unhealthy"]),
  counts: z.record(z.string(), z.number().int()),
  not_healthy: z.array(z.object({ id, state: z.enum(STATES), health: z.enum(HEALTHS), reason: z.enum(REASONS) })),
});
export type OverallHealth = z.infer<typeof overallHealth>;

export const summary = z.object({
  total: z.number().int(),
  by_state: z.record(z.enum(STATES), z.number().int()),
  by_health: z.record(z.enum(HEALTHS), z.number().int()),
  restarts_24h: z.number().int(),
  cpu_percent: z.number(),
  memory_mb: z.number(),
  critical_down: z.array(id),
  open_alerts: z.number().int(),
});
export type Summary = z.infer<typeof summary>;

export const ACTIONS = ["start", "stop", "restart", "reload", "kill", "enable", "disable", "reset-failed"] as const;
export type Action = (typeof ACTIONS)[number];

export const jobRequest = z.strictObject({
  action: z.enum(ACTIONS),
  units: z.array(z.string()).min(1).max(10_000).describe("Names, globs and `@groups`"),
  wait: z.boolean().default(true).describe("Answer when done (true), or as soon as it is under way (false)"),
  now: z.boolean().default(false).describe("With enable: start now; with disable: stop now"),
  cascade: z.boolean().default(false).describe("With stop: stop the running units that need them first"),
  dry_run: z.boolean().default(false).describe("Only say what would happen"),
  signal: z.string().optional().describe("With kill: `SIGHUP`, `HUP` or `1`"),
});
export type JobRequest = z.input<typeof jobRequest>;

export const jobOutcome = z.object({
  id,
  /** `failed` says why in `message`; `unchanged`: there was nothing to do; `pending`: under way (wait=false). */
  result: z.enum(["done", "unchanged", "failed", "pending", "planned"]),
  state: z.enum(STATES),
  message: z.string(),
  /** Why it failed, when it did, as an error code of `errors.ts`. */
  code: z.string().optional(),
});
export type JobOutcome = z.infer<typeof jobOutcome>;

export const jobResult = z.object({ job: z.string().optional(), outcomes: z.array(jobOutcome), warnings: z.array(z.string()) });
export type JobResult = z.infer<typeof jobResult>;

/** How a transient unit ended. */
export const runEnd = z.object({
  id,
  state: z.enum(STATES),
  reason: z.enum(REASONS),
  /** Of the main process; 128 + its number for a signal; null when it never ran. */
  exit_code: z.number().int().nullable(),
  message: z.string(),
});
export type RunEnd = z.infer<typeof runEnd>;

export const reloadPlan = z.object({
  dry_run: z.boolean(),
  units: z.array(
    z.object({
      id,
      change: z.enum(["added", "removed", "changed", "broken"]),
      /** Dotted keys that differ, each `live` (applies at once) or `restart`. */
      keys: z.array(z.object({ key: z.string(), applies: z.enum(["live", "restart"]) })),
      action: z.enum(["start", "stop", "restart", "apply", "keep", "load"]),
      message: z.string(),
    }),
  ),
  problems: z.array(z.lazy(() => problem)),
});
export type ReloadPlan = z.infer<typeof reloadPlan>;

export const problem = z.object({
  severity: z.enum(["error", "warning"]),
  file: z.string(),
  line: z.number().int().nullable(),
  column: z.number().int().nullable(),
  /** Dotted path of the key, "" for the whole file. */
  key: z.string(),
  /** The offending value as JSON. */
  value: z.string().nullable(),
  message: z.string(),
  hint: z.string().nullable(),
});
export type ProblemShape = z.infer<typeof problem>;

export const serviceFile = z.object({
  id,
  files: z.array(z.object({ path: z.string(), text: z.string() })),
  /** The merged unit with defaults, in the unit file's own words. */
  effective: z.record(z.string(), z.unknown()),
  /** Where each dotted key comes from: `default`, or `path:line`. */
  sources: z.record(z.string(), z.string()),
});
export type ServiceFile = z.infer<typeof serviceFile>;

export const metricPoint = z.object({
  timestamp: time,
  cpu_percent: z.number().nullable(),
  memory_mb: z.number().nullable(),
  health_status: z.enum(HEALTHS),
  response_time_ms: z.number().nullable(),
  tasks: z.number().nullable(),
  open_files: z.number().nullable(),
  /** How often the unit was restarted up to then. */
  restarts: z.number().nullable(),
  /** Seconds that the point is the mean of, with the peaks beside it; absent for a sample. */
  step: z.number().int().optional(),
  cpu_max: z.number().nullable().optional(),
  memory_max: z.number().nullable().optional(),
  reported: z.record(z.string(), z.number()).optional(),
});
export type MetricPoint = z.infer<typeof metricPoint>;

export const trend = z.object({
  /** `rising` and `falling` are told only of what goes on evenly; a cycle, a step and noise are `steady`. */
  verdict: z.enum(["not-running", "warming-up", "steady", "falling", "rising"]),
  /** A sentence that says it all. */
  text: z.string(),
  /** Memory that has grown for long and evenly. */
  leak: z.boolean(),
  /** MiB, or percent of one core; null without a limit. */
  limit: z.number().nullable(),
  /** What is reached first is not the limit but the end of the machine's memory. */
  of_machine: z.boolean(),
  /** Where the trend stands, without the noise; null while it does not run. */
  level: z.number().nullable(),
  per_hour: z.number(),
  per_hour_low: z.number(),
  per_hour_high: z.number(),
  seen_seconds: z.number(),
  /** Null: not to be expected as far as can be seen. */
  limit_in_seconds: z.number().nullable(),
  limit_at: time.nullable(),
  limit_at_soonest: time.nullable(),
  limit_at_latest: time.nullable(),
});
export type Trend = z.infer<typeof trend>;

export const forecast = z.object({ id, run_since: time.nullable(), memory: trend, cpu: trend });
export type Forecast = z.infer<typeof forecast>;

export const alert = z.object({
  id: z.number().int(),
  service_id: id.nullable(),
  severity: z.enum(SEVERITIES),
  alert_type: z.string(),
  message: z.string(),
  created_at: time,
  resolved_at: time.nullable(),
  acknowledged: z.boolean(),
});
export type Alert = z.infer<typeof alert>;

/** A service reports at most this many names. */
export const MAX_REPORTED = 64;
export const metricsReport = z.strictObject({ service_id: id, metrics: z.record(z.string().min(1).max(128), z.number()) });
export type MetricsReport = z.infer<typeof metricsReport>;

export const graph = z.object({
  nodes: z.array(z.object({ id, state: z.enum(STATES), wave: z.number().int() })),
  edges: z.array(z.object({ from: id, to: id, condition: z.enum(CONDITIONS), required: z.boolean() })),
});
export type Graph = z.infer<typeof graph>;

/** How the page stands with the daemon. */
export const session = z.object({
  signed_in: z.boolean(),
  /** A session that was known once is over: it expired, was signed out, or the token was renewed. */
  ended: z.boolean(),
  /** Null where no session is needed (the unix socket, `api.auth` none). */
  expires: time.nullable(),
  access: z.enum(["read", "write"]),
});
export type Session = z.infer<typeof session>;

/** What the event stream carries after its `id:`; the names are the SSE event names. */
export type StreamChange =
  | { readonly kind: "snapshot"; readonly data: Status }
  | { readonly kind: "service"; readonly data: Service }
  | { readonly kind: "removed"; readonly data: { readonly id: string } }
  | { readonly kind: "event"; readonly data: Event }
  | {
      readonly kind: "metrics";
      readonly data: ReadonlyArray<{
        readonly id: string;
        readonly cpu_percent: number | null;
        readonly memory_mb: number | null;
        readonly tasks: number | null;
        readonly open_files: number | null;
      }>;
    };
