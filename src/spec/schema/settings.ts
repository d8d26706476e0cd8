import { z } from "zod";
import type { TextFile } from "../../ports/files.ts";
import type { HeartbeatSpec, NotificationSettings } from "../notifications.ts";
import { issuesToProblems } from "../parse/issues.ts";
import { type KeyInfo, keysOf } from "../parse/keys.ts";
import { count, said } from "./meta.ts";
import { heartbeatSchema, notificationProblems, notificationsSchema, toHeartbeat, toNotifications } from "./notifications.ts";
import { parse } from "../parse/parse.ts";
import { logSizes } from "./parts.ts";
import { weakly } from "../../base/weakly.ts";
import { type Problem, problemAt } from "../parse/problems.ts";
import { nearest, nodeAt, type ObjectNode, Source, toValue } from "../parse/tree.ts";

/** The daemon's settings, `sup.json`. Every key is optional. */
export interface Settings {
  readonly api: {
    readonly enabled: boolean;
    readonly host: string;
    readonly port: number;
    readonly auth: "token" | "none";
    /** Values that are allowed in the Host header, in addition to the listener's own names. */
    readonly allowedHosts: readonly string[];
    readonly allowedOrigins: readonly string[];
    /** The prefix that a reverse proxy adds to every path, for example `/sup`, or "". */
    readonly basePath: string;
    readonly page: "on" | "off" | "read-only";
  };
  readonly metrics: { readonly intervalMs: number; readonly retentionDays: number };
  readonly events: { readonly retentionDays: number };
  /** If the store grows beyond this size, the oldest metrics and events are deleted before their retention ends. */
  readonly store: { readonly maxSizeBytes: number };
  /** Limits that apply to all logs together. */
  readonly logs: { readonly maxTotalBytes: number | null; readonly retentionDays: number };
  /** Maximum number of units that may be starting at the same time; 0 means no limit. */
  readonly startConcurrency: number;
  /**
   * With `auto`, each run gets a cgroup if cgroup v2 is writable. With `cgroup`, the daemon refuses to start if it is not.
   * With `processes`, no cgroups are used.
   */
  readonly containment: "auto" | "processes" | "cgroup";
  /** With `shutdown`, the daemon exits with code 1 when a critical unit becomes `fatal` or `failed`. */
  readonly onCriticalFatal: "nothing" | "shutdown";
  readonly notifications: NotificationSettings;
  /** Address of the web page as its readers reach it, for links in notifications. */
  readonly pageUrl: string | null;
  readonly heartbeat: HeartbeatSpec | null;
  /** Default values for keys that unit files do not set. They have the form of a unit file, for `loadSnapshot`. */
  readonly unitDefaults: ObjectNode | null;
}

export interface LoadedSettings {
  /** The settings of the file. If a problem is an error, these are the defaults. */
  readonly settings: Settings;
  readonly problems: readonly Problem[];
}

/** Loads the settings. `file` is null if there is no settings file. The daemon must not start if a problem is an error. */
export function loadSettings(file: TextFile | null): LoadedSettings {
  if (!file) return { settings: DEFAULTS(), problems: [] };
  const source = new Source(file.path, file.text);
  const refuse = (problems: readonly Problem[]): LoadedSettings => ({ settings: DEFAULTS(), problems });
  const parsed = parse(source);
  if (!parsed.ok) return refuse(parsed.error.map(({ offset, message, hint }) => problemAt({ source, start: offset }, { message, hint })));
  const root = parsed.value;
  if (root.kind !== "object") return refuse([problemAt(root, { message: "the settings must be a JSON object", value: toValue(root) })]);
  const validated = settingsSchema().safeParse(toValue(root));
  if (!validated.success) return refuse(issuesToProblems(validated.error.issues, root, settingsKeys()));
  const problems = [...checkAccess(validated.data, root), ...checkNotifications(validated.data, root)];
  if (problems.some(({ severity }) => severity === "error")) return refuse(problems);
  const log = root.members.get("log");
  const unitDefaults: ObjectNode | null = log ? { ...root, members: new Map([["log", log]]) } : null;
  return { settings: toSettings(validated.data, unitDefaults), problems };
}

export const settingsSchema: () => ReturnType<typeof build> = weakly(() => build());

export const settingsKeys = (): ReadonlyMap<string, KeyInfo> => keysOf(settingsSchema());

type SettingsFile = z.output<ReturnType<typeof build>>;

const logs = (days: z.ZodNumber) =>
  z.strictObject({
    max_total_mb: said(
      "Total size in MiB above which log files are deleted, oldest first: those of units that no longer exist, then rotated files. Without this key there is no limit.",
      z.number().min(1).max(1_000_000_000).optional(),
    ),
    retention_days: said(
      "Days to keep the logs of units that no longer exist, including `sup run` units and former instances.",
      days.default(90),
    ),
  });

const api = () =>
  z.strictObject({
    enabled: said("Serve the API and the web page on TCP. The Unix socket is always available.", z.boolean().default(true)),
    host: said("Address to listen on.", z.string().min(1).default("127.0.0.1")),
    port: said("Port to listen on. 0 picks a free port, which `sup status` shows.", count(0, 65_535).default(7870)),
    auth: said(
      "`token`: requests need the token. `none`: allowed on loopback only; every user of the machine can then control the units.",
      z.enum(["token", "none"]).default("token"),
    ),
    allowed_hosts: said("Host names under which a reverse proxy forwards requests.", z.array(z.string().min(1)).default([])),
    allowed_origins: said(
      "Origins of other web pages that may call the API.",
      z.array(z.string().regex(/^https?:\/\/[^/]+$/, "must be an origin such as https://example.org")).default([]),
    ),
    base_path: said(
      "Path under which a reverse proxy serves the API.",
      z
        .string()
        .regex(/^(\/[\w.~-]+)*$/, "must be empty or a path such as /sup, without a trailing slash")
        .default(""),
    ),
    page: said(
      'The web page at `/`. `false`: no page. `"read-only"`: users of the page can see everything but change nothing. API requests with the token are not restricted.',
      z.union([z.boolean(), z.literal("read-only")]).default(true),
    ),
  });

function build() {
  const days = () => z.number().positive().max(36_500);
  return z.strictObject({
    $schema: said("Ignored; for editors.", z.string().optional()),
    api: said("The control API on TCP.", api().prefault({})),
    metrics: said(
      "Samples of CPU and memory.",
      z
        .strictObject({
          interval: said("Seconds between samples.", z.number().min(0.5).max(86_400).default(5)),
          retention_days: said("Days to keep samples.", days().default(7)),
        })
        .prefault({}),
    ),
    events: said(
      "The event history of units.",
      z.strictObject({ retention_days: said("Days to keep events.", days().default(90)) }).prefault({}),
    ),
    store: said(
      "The database.",
      z
        .strictObject({
          max_size_mb: said(
            "Size in MiB above which the oldest metrics and events are deleted before their retention ends.",
            z.number().min(8).max(1_000_000).default(1024),
          ),
        })
        .prefault({}),
    ),
    logs: said("Limits for all logs together.", logs(days()).prefault({})),
    start_concurrency: said("Number of units that may start at the same time; 0: no limit.", count(0, 100_000).default(0)),
    containment: said(
      "How the processes of a unit are tracked. `auto`: one cgroup per run if cgroup v2 is writable, otherwise like `processes`. `cgroup`: the daemon refuses to start without writable cgroups. `processes`: track processes by session, parent and environment, without cgroups.",
      z.enum(["auto", "cgroup", "processes"]).default("auto"),
    ),
    on_critical_fatal: said(
      "What to do when a unit with `critical: true` is `fatal` or `failed`. `shutdown`: stop all units in order and exit with code 1, so that a container gets replaced.",
      z.enum(["nothing", "shutdown"]).default("nothing"),
    ),
    log: said("Log defaults for units that do not set these keys.", z.strictObject(logSizes()).prefault({})),
    // Built only for settings that have the key, because it is larger than all others together.
    notifications: said("Messages about alerts: see docs/notifications.md.", z.lazy(notificationsSchema).optional()),
    page_url: said(
      "Address at which people reach the web page, for links in notifications.",
      z
        .string()
        .regex(/^https?:\/\/[^\s@]+$/, "must be a URL without credentials")
        .optional(),
    ),
    heartbeat: said(
      "A URL that the daemon requests regularly, so that another machine notices when the daemon or this machine is gone.",
      z.lazy(heartbeatSchema).optional(),
    ),
  });
}

function checkAccess({ api }: SettingsFile, root: ObjectNode): Problem[] {
  if (api.auth !== "none" || !api.enabled) return [];
  const path = ["api", "auth"];
  const place = nodeAt(root, path) ?? nearest(root, path);
  if (isLoopback(api.host)) {
    return [
      problemAt(place, {
        severity: "warning",
        path,
        value: api.auth,
        message: "every user and every program on this machine can control the units",
      }),
    ];
  }
  const message = `"api.auth": "none" would let everyone who can reach ${api.host} control this machine`;
  return [problemAt(place, { path, value: api.auth, message, hint: 'set "host": "127.0.0.1", or "auth": "token"' })];
}

function checkNotifications({ notifications }: SettingsFile, root: ObjectNode): Problem[] {
  return notificationProblems(notifications ?? { channels: {} }).map(([below, message]) => {
    const path = ["notifications", ...below];
    return problemAt(nodeAt(root, path) ?? nearest(root, path), { path, message });
  });
}

const isLoopback = (host: string): boolean => /^(localhost|::1|\[::1\]|127(\.\d{1,3}){3})$/.test(host);

const DEFAULTS = (): Settings => toSettings(settingsSchema().parse({}), null);

function toSettings(
  { api, metrics, events, store, logs, start_concurrency, containment, on_critical_fatal, ...rest }: SettingsFile,
  unitDefaults: ObjectNode | null,
): Settings {
  return {
    api: {
      enabled: api.enabled,
      host: api.host,
      port: api.port,
      auth: api.auth,
      allowedHosts: api.allowed_hosts,
      allowedOrigins: api.allowed_origins,
      basePath: api.base_path,
      page: typeof api.page === "string" ? api.page : api.page ? "on" : "off",
    },
    metrics: { intervalMs: metrics.interval * 1000, retentionDays: metrics.retention_days },
    events: { retentionDays: events.retention_days },
    store: { maxSizeBytes: store.max_size_mb * 1024 * 1024 },
    logs: {
      maxTotalBytes: logs.max_total_mb === undefined ? null : logs.max_total_mb * 1024 * 1024,
      retentionDays: logs.retention_days,
    },
    startConcurrency: start_concurrency,
    containment,
    onCriticalFatal: on_critical_fatal,
    notifications: toNotifications(rest.notifications),
    pageUrl: rest.page_url?.replace(/\/+$/, "") ?? null,
    heartbeat: toHeartbeat(rest.heartbeat),
    unitDefaults,
  };
}
