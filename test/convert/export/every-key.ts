import type { Json } from "./exporting.ts";

/** Two units that differ only in one key. Both set the key to a value other than its default. */
export interface KeyCase {
  /** Dotted path of the key, without list indexes. */
  readonly key: string;
  readonly first: Json;
  readonly second: Json;
}

/** Returns a pair of units for the values of a top-level key. */
const row = (key: string, first: unknown, second: unknown, base: Json = {}): KeyCase => {
  const top = key.split(".")[0]!;
  return { key, first: { ...base, [top]: first }, second: { ...base, [top]: second } };
};

/** Rows for the members of an object. `base` holds the members that the object needs. */
const members = (top: string, base: Json, values: Readonly<Record<string, readonly [unknown, unknown]>>, unit: Json = {}): KeyCase[] =>
  Object.entries(values).map(([name, [first, second]]) =>
    row(`${top}.${name}`, { ...base, [name]: first }, { ...base, [name]: second }, unit),
  );

/** Rows for the keys of the only item of a list. */
const items = (top: string, base: Json, values: Readonly<Record<string, readonly [unknown, unknown]>>, unit: Json = {}): KeyCase[] =>
  Object.entries(values).map(([name, [first, second]]) =>
    row(`${top}.${name}`, [{ ...base, [name]: first }], [{ ...base, [name]: second }], unit),
  );

const HOOK = { command: ["/bin/a", "/bin/b"], args: [["a"], ["b"]], timeout: [3, 4] } as const;
const ONESHOT = { type: "oneshot" };
const TIMES = {
  timeout: [3, 4],
  interval: [7, 8],
  start_period: [90, 95],
  start_interval: [2, 3],
  failure_threshold: [4, 5],
  success_threshold: [2, 3],
  action: ["none", "restart"],
  fallback_check: [
    { type: "tcp", port: 1 },
    { type: "tcp", port: 2 },
  ],
} as const;

const RLIMITS = "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" ");

/** A row for each key of the schema. */
export const KEY_CASES: readonly KeyCase[] = [
  row("name", "Shop", "Store"),
  row("description", "One", "Two"),
  row("enabled", true, false),
  row("priority", 5, 6),
  row("critical", true, false),
  row("groups", ["a"], ["b"]),
  row("labels", { a: "1" }, { a: "2" }),
  row("type", "notify", "simple"),
  row("remain_after_exit", true, false, ONESHOT),
  row("command", "/bin/a", "/bin/b"),
  row("args", ["a"], ["b"]),
  row("shell", true, false),
  row("working_directory", "/srv/a", "/srv/b"),
  row("environment", { A: "1" }, { A: "2" }),
  row("environment_files", ["/etc/a"], ["/etc/b"]),
  row("port", 81, 82),
  row("user", "1001", "1002"),
  row("group", "1001", "1002", { user: "1000" }),
  row("umask", "027", "077"),
  row("nice", 1, 2),
  row("oom_score_adj", 1, 2),
  ...RLIMITS.map((name) => row(`limits.${name}`, { [name]: 20 }, { [name]: 30 })),
  ...items("conditions", {}, {
    path_exists: ["/a", "/b"],
    path_missing: ["/a", "/b"],
    file_not_empty: ["/a", "/b"],
    directory_not_empty: ["/a", "/b"],
    command: ["/bin/a", "/bin/b"],
  }),
  ...items("conditions", { command: "/bin/x" }, { args: HOOK.args, timeout: HOOK.timeout }),
  ...items("conditions", { path_exists: "/a" }, { not: [true, false] }),
  ...["pre_start", "pre_restart", "post_stop"].flatMap((key) => items(key, { command: "/bin/x" }, HOOK)),
  row("tty", true, false),
  row("start_timeout", 33, 44),
  row("ready_log", "ready", "up"),
  row("fail_log", "bad", "worse"),
  row("watchdog", 5, 6),
  ...members("health_check", { type: "http", endpoint: "https://localhost:81/" }, {
    endpoint: ["http://localhost:81/a", "http://localhost:82/a"],
    method: ["HEAD", "POST"],
    headers: [{ A: "1" }, { A: "2" }],
    expected_status: [200, 204],
    expected_content: ["a", "b"],
    insecure_tls: [true, false],
  }),
  ...members("health_check", { type: "tcp", port: 81 }, { ...TIMES, host: ["127.0.0.1", "127.0.0.2"], port: [81, 82] }),
  ...members("health_check", { type: "exec", command: "/bin/x" }, { command: HOOK.command, args: HOOK.args }),
  row("health_check.type", { type: "process" }, { type: "tcp", port: 81 }, { port: 81 }),
  row("auto_restart", false, true),
  row("restart_on_exit", true, false),
  row("success_exit_codes", [0, 3], [0, 4]),
  row("no_restart_exit_codes", [3], [4]),
  ...members("restart_policy", {}, {
    max_retries: [7, 8],
    retry_delay: [3, 4],
    backoff_multiplier: [3, 4],
    max_backoff: [100, 1000],
    jitter: [0.1, 0.2],
    reset_after: [700, 800],
    fatal_retry_after: [900, 1000],
  }),
  row("on_fatal", "shutdown", "nothing"),
  ...members("graceful_shutdown", {}, {
    enabled: [false, true],
    timeout: [20, 30],
    signal: ["SIGINT", "SIGQUIT"],
    kill_mode: ["mixed", "process"],
  }),
  row("reload.signal", { signal: "SIGHUP" }, { signal: "SIGUSR1" }),
  ...members("reload", { command: "/bin/x" }, HOOK),
  ...items("dependencies", { unit: "db" }, {
    condition: ["started", "completed"],
    required: [false, true],
    restart: [true, false],
  }),
  row("dependencies.unit", ["db"], ["cache"]),
  row("dependencies.quorum", [{ unit: "pool", quorum: 1 }], [{ unit: "pool", quorum: 2 }]),
  ...members("log", {}, {
    format: ["raw", "cri"],
    max_size_mb: [3, 4],
    keep: [7, 8],
    compress: [false, "gzip"],
    max_age_days: [3, 4],
    group: ["a", "b"],
    rate_limit: [1000, 2000],
  }),
  ...members("resource_limits", { action: "enforce", max_memory_mb: 64 }, {
    max_memory_mb: [65, 66],
    max_cpu_percent: [50, 60],
    max_tasks: [50, 60],
    sustained: [4, 5],
    warn_at: [0.5, 0.6],
    action: ["restart", "enforce"],
  }),
  ...items("sockets", { name: "a", listen: "127.0.0.1:81" }, {
    name: ["b", "c"],
    listen: ["127.0.0.1:82", "127.0.0.1:83"],
    reuse_port: [true, false],
    non_blocking: [true, false],
  }),
  ...members("schedule", { cron: "0 1 * * *" }, {
    cron: ["0 2 * * *", "0 3 * * *"],
    timezone: ["Europe/Berlin", "Europe/Paris"],
    catch_up: [true, false],
    overlap: ["queue", "kill"],
  }, ONESHOT),
  row("schedule.every", { every: 3600 }, { every: 7200 }, ONESHOT),
  ...members("watch", { paths: ["/a"] }, { paths: [["/b"], ["/c"]], ignore: [["a"], ["b"]], debounce: [2, 3] }),
  row("instances", 2, 3),
  ...members("instances", { min: 1, max: 9, metric: "cpu", target: 50 }, {
    min: [2, 3],
    max: [7, 8],
    start: [4, 5],
    metric: ["memory", "queue"],
    target: [60, 70],
    tolerance: [0.2, 0.3],
    up_after: [20, 30],
    down_after: [100, 200],
    idle_after: [100, 200],
    max_step_up: [2, 3],
    max_step_down: [2, 3],
  }),
  ...["metric", "target"].map((name) => {
    const metrics = (value: unknown): unknown => ({ min: 1, max: 9, metrics: [{ metric: "cpu", target: 50, [name]: value }] });
    return row(`instances.metrics.${name}`, metrics(name === "metric" ? "memory" : 60), metrics(name === "metric" ? "queue" : 70));
  }),
  ...members("rolling", {}, {
    max_surge: [2, 3],
    max_unavailable: [1, 2],
    min_healthy_time: [7, 8],
    progress_deadline: [700, 800],
    order: ["newest-first", "newest-last"],
    canary: [1, 2],
    auto_revert: [false, true],
    drain: [
      { signal: "SIGUSR1", timeout: 5 },
      { signal: "SIGUSR2", timeout: 5 },
    ],
  }, { instances: 4 }),
  ...["signal", "timeout"].map((name) => {
    const drain = (value: unknown): unknown => ({ drain: { signal: "SIGUSR1", timeout: 5, [name]: value } });
    return row(`rolling.drain.${name}`, drain(name === "signal" ? "SIGWINCH" : 6), drain(name === "signal" ? "SIGUSR2" : 7), { instances: 4 });
  }),
  row("notify", ["a"], ["b"]),
]; // prettier-ignore
