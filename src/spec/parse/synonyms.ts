/**
 * The names that other supervisors (supervisord, systemd, PM2, Docker Compose, process-compose, Kubernetes) use for keys of a
 * unit file. Hints ("did you mean") are based on them. Case, `_` and `-` are ignored, so `ExecStart` and `exec_start` are the
 * same name.
 */

/**
 * Returns the key that corresponds to another supervisor's key in the object `parent`, or undefined if there is none. The
 * result is dotted and relative to `parent`, which is a path without list indexes.
 */
export function synonymOf(key: string, parent: string): string | undefined {
  return lookUp(SYNONYMS, parent.replace(/(\.fallback_check)+$/, ""), key);
}

/** Returns advice for a top-level key that has no counterpart in unit files. */
export const adviceOn = (key: string): string | undefined => lookUp(ADVICE, "", key);

type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

function lookUp(table: Table, home: string, key: string): string | undefined {
  const wanted = plain(key);
  return Object.entries(table[home] ?? {}).find(([, words]) => words.split(" ").some((word) => plain(word) === wanted))?.[0];
}

const plain = (key: string): string => key.toLowerCase().replaceAll(/[_-]/g, "");

/**
 * Maps each parent object and key to the words that other supervisors use for it. A fallback check has the same words as
 * `health_check`.
 */
export const SYNONYMS: Table = {
  "": {
    command: "exec cmd script entrypoint program run ExecStart",
    working_directory: "directory dir cwd chdir working_dir",
    environment: "env env_vars vars",
    environment_files: "env_file env_files dotenv",
    enabled: "autostart start_on_boot WantedBy",
    auto_restart: "restart autorestart restart_always",
    groups: "namespace profiles tags",
    name: "container_name display_name",
    port: "ports",
    user: "user_name uid",
    group: "group_name gid",
    oom_score_adj: "OOMScoreAdjust",
    conditions: "ConditionPathExists ConditionFileNotEmpty ConditionDirectoryNotEmpty ExecCondition",
    pre_start: "ExecStartPre before_start",
    post_stop: "ExecStopPost after_stop",
    ready_log: "ready_log_line",
    start_timeout: "TimeoutStartSec listen_timeout startup_timeout",
    watchdog: "WatchdogSec",
    health_check: "healthcheck liveness_probe readiness_probe startup_probe probe",
    success_exit_codes: "exitcodes SuccessExitStatus success_codes",
    no_restart_exit_codes: "stop_exit_codes RestartPreventExitStatus",
    restart_policy: "availability backoff",
    "restart_policy.max_retries": "startretries max_restarts StartLimitBurst",
    "restart_policy.retry_delay": "RestartSec restart_delay",
    "restart_policy.max_backoff": "RestartMaxDelaySec",
    "restart_policy.backoff_multiplier": "exp_backoff_restart_delay",
    "restart_policy.reset_after": "startsecs min_uptime StartLimitIntervalSec",
    graceful_shutdown: "shutdown stop ExecStop",
    "graceful_shutdown.signal": "stopsignal KillSignal",
    "graceful_shutdown.timeout": "stopwaitsecs stop_grace_period kill_timeout stop_timeout TimeoutStopSec",
    "graceful_shutdown.kill_mode": "stopasgroup killasgroup KillMode treekill",
    reload: "ExecReload",
    dependencies: "depends_on after requires wants BindsTo needs links",
    limits: "ulimits rlimits",
    "limits.nofile": "LimitNOFILE minfds",
    "limits.nproc": "LimitNPROC minprocs",
    "limits.core": "LimitCORE",
    "resource_limits.max_memory_mb": "max_memory_restart mem_limit memory max_memory memory_limit MemoryMax",
    "resource_limits.max_cpu_percent": "CPUQuota cpus cpu max_cpu cpu_limit",
    "resource_limits.max_tasks": "TasksMax pids_limit",
    log: "logging logs",
    "log.max_size_mb": "stdout_logfile_maxbytes stderr_logfile_maxbytes",
    "log.keep": "stdout_logfile_backups stderr_logfile_backups",
    sockets: "ListenStream socket listen",
    "schedule.cron": "cron cron_restart OnCalendar",
    "schedule.every": "OnUnitActiveSec interval",
    "watch.ignore": "ignore_watch",
    remain_after_exit: "RemainAfterExit",
  },
  health_check: {
    endpoint: "url uri path http_get",
    command: "cmd exec script test",
    interval: "period period_seconds every",
    timeout: "timeout_seconds",
    start_period: "initial_delay initial_delay_seconds delay",
    failure_threshold: "retries max_failures",
    expected_status: "status status_code expect_status",
    expected_content: "body content response",
  },
  dependencies: { unit: "name service", condition: "when wait wait_for", required: "optional" },
  restart_policy: {
    max_retries: "retries max_restarts max_attempts attempts",
    retry_delay: "delay backoff_seconds",
    backoff_multiplier: "backoff factor multiplier",
    max_backoff: "max_delay",
    reset_after: "window min_uptime",
  },
  graceful_shutdown: { signal: "stop_signal", timeout: "timeout_seconds grace_period stop_timeout", kill_mode: "mode" },
  schedule: { cron: "calendar", every: "interval", timezone: "tz zone", catch_up: "persistent" },
  conditions: { path_exists: "exists path file", directory_not_empty: "directory", command: "cmd exec", not: "negate" },
  log: { max_size_mb: "max_size max_bytes", keep: "backups max_files", max_age_days: "max_age" },
  resource_limits: {
    max_memory_mb: "memory mem max_memory",
    max_cpu_percent: "cpu cpus max_cpu",
    max_tasks: "tasks pids processes",
  },
  watch: { paths: "files directories path", ignore: "exclude ignored" },
  sockets: { listen: "address addr path", reuse_port: "reuseport", non_blocking: "nonblocking nonblock" },
};

/** Examples of top-level keys whose value is an object, for files that have something else there. */
export const EXAMPLES: Readonly<Record<string, string>> = {
  environment: '{ "NAME": "value" }',
  health_check: '{ "type": "http", "endpoint": "http://localhost:PORT/PATH" }',
  restart_policy: '{ "max_retries": 5, "retry_delay": 1 }',
  graceful_shutdown: '{ "signal": "SIGTERM", "timeout": 10 }',
  reload: '{ "signal": "SIGHUP" }',
  limits: '{ "nofile": 65536 }',
  resource_limits: '{ "max_memory_mb": 512 }',
  log: '{ "max_size_mb": 10, "keep": 5 }',
  schedule: '{ "cron": "0 3 * * *" }',
  watch: '{ "paths": ["DIRECTORY"] }',
  sockets: '[{ "name": "http", "listen": "127.0.0.1:8080" }]',
};

/** Maps each advice to the keys for which it is given. */
export const ADVICE: Table = {
  "": {
    'write "enabled": false': "disabled",
    "write a template NAME@.unit.json and start NAME@1, NAME@2, …": "numprocs replicas scale exec_mode",
    "output is always captured: see `sup logs UNIT`": "stdout_logfile stderr_logfile out_file error_file log_file redirect_stderr StandardOutput StandardError merge_logs log_location", // prettier-ignore
    'write the interpreter as "command" and the script in "args"': "interpreter",
    "write one file NAME.unit.json for each": "services processes programs apps units",
    'write "type": "notify" or a "health_check"': "wait_ready",
    "a unit is a program, not a container": "image build volumes networks",
  },
};
