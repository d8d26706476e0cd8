import { z } from "zod";
import type { TextFile } from "../../ports/files.ts";
import { issuesToProblems } from "../parse/issues.ts";
import { type KeyInfo, keysOf } from "../parse/keys.ts";
import { count, said } from "./meta.ts";
import { parse } from "../parse/parse.ts";
import { logSizes } from "./parts.ts";
import { type Problem, problemAt } from "../parse/problems.ts";
import { nearest, nodeAt, type ObjectNode, Source, toValue } from "../parse/tree.ts";

/** The daemon's settings, `sup.json`: everything in it is optional. */
export interface Settings {
  readonly api: {
    readonly enabled: boolean;
    readonly host: string;
    readonly port: number;
    readonly auth: "token" | "none";
    /** Names a Host header may carry besides the listener's own. */
    readonly allowedHosts: readonly string[];
    readonly allowedOrigins: readonly string[];
    /** "" or `/sup`: what a reverse proxy puts before every path. */
    readonly basePath: string;
    readonly page: "on" | "off" | "read-only";
  };
  readonly metrics: { readonly intervalMs: number; readonly retentionDays: number };
  readonly events: { readonly retentionDays: number };
  /** Past this the oldest metrics and events go before their time. */
  readonly store: { readonly maxSizeBytes: number };
  /** All logs together. */
  readonly logs: { readonly maxTotalBytes: number | null; readonly retentionDays: number };
  /** Units that may be starting at the same time; 0 is no limit. */
  readonly startConcurrency: number;
  /** Cgroups for runs: where they can be had, never, or nothing starts without them. */
  readonly containment: "auto" | "processes" | "cgroup";
  /** Whether the daemon ends, with exit code 1, when a critical unit has failed for good. */
  readonly onCriticalFatal: "nothing" | "shutdown";
  /** What holds for units whose own files say nothing, as keys of the unit file; give it to `loadSnapshot`. */
  readonly unitDefaults: ObjectNode | null;
}

export interface LoadedSettings {
  /** The defaults alone when a problem is an error. */
  readonly settings: Settings;
  readonly problems: readonly Problem[];
}

/** Null: there is no such file. With an error among the problems the daemon should not start. */
export function loadSettings(file: TextFile | null): LoadedSettings {
  if (!file) return { settings: DEFAULTS(), problems: [] };
  const source = new Source(file.path, file.text);
  const refuse = (problems: readonly Problem[]): LoadedSettings => ({ settings: DEFAULTS(), problems });
  const parsed = parse(source);
  if (!parsed.ok) return refuse(parsed.error.map(({ offset, message, hint }) => problemAt({ source, start: offset }, { message, hint })));
  const root = parsed.value;
  if (root.kind !== "object") return refuse([problemAt(root, { message: "the settings must be an object", value: toValue(root) })]);
  const validated = settingsSchema().safeParse(toValue(root));
  if (!validated.success) return refuse(issuesToProblems(validated.error.issues, root, settingsKeys()));
  const problems = checkAccess(validated.data, root);
  if (problems.some(({ severity }) => severity === "error")) return refuse(problems);
  const log = root.members.get("log");
  const unitDefaults: ObjectNode | null = log ? { ...root, members: new Map([["log", log]]) } : null;
  return { settings: toSettings(validated.data, unitDefaults), problems };
}

let built: ReturnType<typeof build> | undefined;

export const settingsSchema = (): ReturnType<typeof build> => (built ??= build());

export const settingsKeys = (): ReadonlyMap<string, KeyInfo> => keysOf(settingsSchema());

type SettingsFile = z.output<ReturnType<typeof build>>;

const logs = (days: z.ZodNumber) =>
  z.strictObject({
    max_total_mb: said(
      "Size in MiB past which files are deleted, oldest first: those of units that no longer exist, then rotated ones. Without it there is no such bound.",
      z.number().min(1).max(1_000_000_000).optional(),
    ),
    retention_days: said(
      "Days that the logs of units that no longer exist are kept, runs of `sup run` and former instances among them.",
      days.default(90),
    ),
  });

function build() {
  const days = () => z.number().positive().max(36_500);
  const api = z.strictObject({
    enabled: said("Serve the API and the page on TCP; the unix socket is always there.", z.boolean().default(true)),
    host: said("Address to listen on.", z.string().min(1).default("127.0.0.1")),
    port: said("Port to listen on; 0 takes a free one, which `sup status` shows.", count(0, 65_535).default(7870)),
    auth: said(
      "`token`: requests need the token. `none`: on loopback only; every user of the machine can then control the units.",
      z.enum(["token", "none"]).default("token"),
    ),
    allowed_hosts: said("Host names that a reverse proxy passes on.", z.array(z.string().min(1)).default([])),
    allowed_origins: said(
      "Origins of other pages that may call the API.",
      z.array(z.string().regex(/^https?:\/\/[^/]+$/, "must be an origin such as https://example.org")).default([]),
    ),
    base_path: said(
      "Path under which a reverse proxy serves it.",
      z
        .string()
        .regex(/^(\/[\w.~-]+)*$/, "must be empty or a path such as /sup, without a slash at its end")
        .default(""),
    ),
    page: said(
      'The web page at `/`. `false`: none. `"read-only"`: who signs in to it sees everything and changes nothing; the token itself stays as mighty as ever.',
      z.union([z.boolean(), z.literal("read-only")]).default(true),
    ),
  });
  return z.strictObject({
    $schema: said("Ignored; for editors.", z.string().optional()),
    api: said("The control API on TCP.", api.prefault({})),
    metrics: said(
      "Samples of CPU and memory.",
      z
        .strictObject({
          interval: said("Seconds from one sample to the next.", z.number().min(0.5).max(86_400).default(5)),
          retention_days: said("Days they are kept.", days().default(7)),
        })
        .prefault({}),
    ),
    events: said("The history of units.", z.strictObject({ retention_days: said("Days it is kept.", days().default(90)) }).prefault({})),
    store: said(
      "The database.",
      z
        .strictObject({
          max_size_mb: said(
            "Size in MiB past which the oldest metrics and events go before their time.",
            z.number().min(8).max(1_000_000).default(1024),
          ),
        })
        .prefault({}),
    ),
    logs: said("All logs together.", logs(days()).prefault({})),
    start_concurrency: said("Units that may be starting at the same time; 0: no limit.", count(0, 100_000).default(0)),
    containment: said(
      "What tells the processes of a unit from others. `auto`: a cgroup for each run where cgroup v2 can be written, otherwise what processes carry with them. `cgroup`: the daemon does not start without. `processes`: no cgroups.",
      z.enum(["auto", "cgroup", "processes"]).default("auto"),
    ),
    on_critical_fatal: said(
      "What follows when a unit with `critical: true` is `fatal`, or `failed`. `shutdown`: every unit is stopped in order and the daemon ends with exit code 1, so that a container is replaced.",
      z.enum(["nothing", "shutdown"]).default("nothing"),
    ),
    log: said("What holds for the logs of units that say nothing themselves.", z.strictObject(logSizes()).prefault({})),
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
        message: "every user and every program of this machine can control the units",
      }),
    ];
  }
  const message = `"api.auth": "none" would let everyone who reaches ${api.host} control this machine`;
  return [problemAt(place, { path, value: api.auth, message, hint: 'set "host": "127.0.0.1", or "auth": "token"' })];
}

const isLoopback = (host: string): boolean => /^(localhost|::1|\[::1\]|127(\.\d{1,3}){3})$/.test(host);

const DEFAULTS = (): Settings => toSettings(settingsSchema().parse({}), null);

function toSettings(
  { api, metrics, events, store, logs, start_concurrency, containment, on_critical_fatal }: SettingsFile,
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
    unitDefaults,
  };
}
