import { z } from "zod";
import { MAX_UNITS } from "../../base/names.ts";
import { signalNumber } from "../../base/signals.ts";
import { CONDITIONS, KILL_MODES } from "../../base/words.ts";
import { RESERVED } from "../load/environment.ts";
import { count, nonEmpty, said, seconds, words } from "./meta.ts";

/** Schemas of the objects inside a unit file. The schema of `health_check` is in `health.ts`. */

export const variableName = () =>
  z
    .string()
    .regex(/^[^=\0\s]+$/, "must be a variable name: not empty, without = and white space")
    .refine((name) => !RESERVED.has(name), { error: "is set by sup itself" });

export const signal = () => z.string().refine((text) => signalNumber(text) !== undefined, { error: "must be a signal such as SIGTERM" });

export const RLIMITS = [
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
] as const;

export function limits() {
  const amount = () => z.union([count(0, Number.MAX_SAFE_INTEGER), z.literal("unlimited")], { error: 'must be an integer or "unlimited"' });
  const limit = z.union(
    [
      count(0, Number.MAX_SAFE_INTEGER),
      z.literal("unlimited"),
      z.strictObject({
        soft: said("The effective limit. The process may raise it up to the hard limit.", amount()),
        hard: said("The highest value to which the process may raise the soft limit.", amount()),
      }),
    ],
    {
      error: 'must be an integer, "unlimited" or { "soft": …, "hard": … }',
    },
  );
  return z.strictObject(Object.fromEntries(RLIMITS.map((name) => [name, said(`RLIMIT_${name.toUpperCase()}.`, limit.optional())])));
}

export function hook() {
  return z.strictObject({
    command: said("Program to run.", nonEmpty()),
    args: said("Arguments of the command.", words().default([])),
    timeout: said("Seconds after which the command is killed and counts as failed.", seconds(0.001).default(60)),
  });
}

export function startCondition() {
  const path = () =>
    z
      .string()
      .regex(/^(\/|~(\/|$)|%[hSLt]|\$\{)/, "must be an absolute path or start with ~/")
      .optional();
  return z.strictObject({
    path_exists: said("This path must exist. Symbolic links are followed.", path()),
    path_missing: said("This path must not exist.", path()),
    file_not_empty: said("This path must be a regular file that is not empty.", path()),
    directory_not_empty: said("This path must be a directory that is not empty.", path()),
    command: said(
      "Program to run, like a `pre_start` command; the condition is met if it exits with code 0. If it times out, cannot be executed, or ends by a signal or with code 255, the start has failed.",
      nonEmpty().optional(),
    ),
    args: said("Arguments of the command.", words().default([])),
    timeout: said("Seconds after which the command is killed and the start has failed.", seconds(0.001).default(60)),
    not: said("If true, the condition is met when the path or the command does not meet the requirement.", z.boolean().default(false)),
  });
}

export function restartPolicy() {
  return z.strictObject({
    max_retries: said("Failed retries after which the unit is `fatal`; -1: retry forever.", count(-1).default(5)),
    retry_delay: said("Seconds before the first retry; 0: immediately.", seconds().default(1)),
    backoff_multiplier: said("Factor by which each retry increases the delay.", z.number().min(1).max(1000).default(2)),
    max_backoff: said("Longest delay between two retries, in seconds.", seconds().default(300)),
    jitter: said(
      "Random variation of the delay, as a fraction from 0 to 1, so that units do not retry in lockstep.",
      z.number().min(0).max(1).default(0),
    ),
    reset_after: said("Seconds in the state `running` after which the retry counter resets to 0.", seconds().default(60)),
    fatal_retry_after: said(
      "Seconds after which a `fatal` unit is started again. Without this key it stays `fatal`.",
      seconds(0.001).optional(),
    ),
  });
}

export function gracefulShutdown() {
  return z.strictObject({
    enabled: said("If false, the unit gets SIGKILL immediately.", z.boolean().default(true)),
    timeout: said("Seconds after which all remaining processes of the unit get SIGKILL.", seconds().default(10)),
    signal: said("Signal that asks the unit to stop.", signal().default("SIGTERM")),
    kill_mode: said(
      "`group`: send the signal to the whole process tree. `mixed`: send it to the main process only, and SIGKILL after the timeout to the whole tree. `process`: send it to the main process only; remaining processes are killed after the main process has ended.",
      z.enum(KILL_MODES).default("group"),
    ),
  });
}

export function reload() {
  return z.strictObject({
    signal: said("Signal to send to the main process.", signal().optional()),
    command: said("Program to run instead of sending a signal, with the unit's environment.", nonEmpty().optional()),
    args: said("Arguments of the command.", words().default([])),
    timeout: said("Seconds after which the command is killed and counts as failed.", seconds(0.001).default(60)),
  });
}

export function dependency() {
  const options = z.strictObject({
    unit: said("Name of the unit.", nonEmpty()),
    condition: said(
      "What to wait for: `started`, `ready`, `completed` (ended with any result) or `succeeded`. The default is `succeeded` for a oneshot and `ready` for other types.",
      z.enum(CONDITIONS).optional(),
    ),
    required: said(
      "If false, the dependency affects the start order only: its failure or absence does not block this unit.",
      z.boolean().default(true),
    ),
    restart: said("If true, restart this unit when the dependency restarts.", z.boolean().default(false)),
    quorum: said(
      `How many units of the named service must meet the condition. The default is all units that should run. A service without \`instances\` has one unit, and no service has more than ${MAX_UNITS}.`,
      count(1).optional(),
    ),
  });
  return z.union([nonEmpty(), options], { error: 'must be a unit name or { "unit": … }' });
}

/** The schemas of log keys that the settings contain as well, as defaults for all units. */
export const logSizes = () => ({
  max_size_mb: said("Size in MiB at which the log file is rotated.", z.number().min(0.001).max(1_000_000).default(10)),
  keep: said("Number of rotated files to keep.", count(0, 1000).default(5)),
  compress: said(
    "Compression of rotated files: true means `zstd`. `gzip` is larger and slower, for tools that cannot read zstd.",
    z.union([z.boolean(), z.enum(["zstd", "gzip"])], { error: 'must be true, false, "zstd" or "gzip"' }).default(true),
  ),
});

export function log() {
  return z.strictObject({
    format: said(
      "`cri`: each line has a timestamp, the stream and the text. `raw`: the unmodified bytes.",
      z.enum(["cri", "raw"]).default("cri"),
    ),
    ...logSizes(),
    max_age_days: said(
      "Rotate the file this many days after its first record, and delete a rotated file this many days after its last record.",
      z.number().positive().optional(),
    ),
    group: said(
      "Group that can read the unit's log files, for log shippers: a name, or a numeric id as a string. The files get this group and mode 0640. The log directory gets this group and mode 0750. All units must name the same group. The daemon must be root or a member of the group, otherwise the start fails.",
      nonEmpty().optional(),
    ),
    rate_limit: said(
      "Maximum bytes per second that are logged, timestamps included, with a burst of the same size. Output above the limit is dropped, counted and reported.",
      count(1).optional(),
    ),
  });
}

export function resourceLimits() {
  return z.strictObject({
    max_memory_mb: said("Memory in MiB.", z.number().positive().optional()),
    max_cpu_percent: said("CPU in percent of one core: 200 means two cores.", z.number().positive().optional()),
    max_tasks: said("Number of processes and threads.", count(1).optional()),
    sustained: said(
      "Consecutive samples above a limit after which the limit counts as exceeded; the same number of samples below it ends this. A sample is taken every `metrics.interval` seconds.",
      count(1).default(3),
    ),
    warn_at: said("Fraction of a limit at which a warning event is emitted.", z.number().min(0).max(1).default(0.8)),
    action: said(
      "What to do when a limit is exceeded. `warn`: write a log line, emit an event and raise an alert. `restart`: restart the unit, which uses up a retry. `enforce`: the kernel enforces the limits (memory.max, cpu.max and pids.max of cgroup v2). Without writable cgroups, memory is sampled every second and the unit restarts as soon as it exceeds the limit, while CPU and tasks are only reported.",
      z.enum(["warn", "restart", "enforce"]).default("warn"),
    ),
  });
}

export function socket() {
  return z.strictObject({
    name: said("Name of the socket in LISTEN_FDNAMES.", nonEmpty()),
    listen: said("`host:port`, or the path of a Unix socket.", nonEmpty()),
    reuse_port: said("Set SO_REUSEPORT on the socket.", z.boolean().default(false)),
    non_blocking: said(
      "Set O_NONBLOCK on the socket, for a server that expects it. Without it, such a server can hang: when another unit of the service accepts a connection first, accept(2) blocks.",
      z.boolean().default(false),
    ),
  });
}

export function schedule() {
  return z.strictObject({
    cron: said(
      "Five cron fields (minute hour day month weekday), such as `30 2 * * MON-FRI`, or a name such as `@daily`.",
      nonEmpty().optional(),
    ),
    timezone: said("Time zone of the cron fields, such as `Europe/Berlin`. The default is the machine's time zone.", nonEmpty().optional()),
    every: said(
      "Seconds between runs, instead of `cron`. The first run starts one interval after the unit was loaded.",
      seconds(1).optional(),
    ),
    catch_up: said(
      "If a scheduled time passed while the daemon or the machine was down or asleep, run the unit once afterwards. If false, the run is skipped and an event reports it.",
      z.boolean().default(false),
    ),
    overlap: said(
      "What to do if the previous run is still active at a scheduled time: `skip` this run, `queue` it until the previous run ends, or `kill` the previous run first.",
      z.enum(["skip", "queue", "kill"]).default("skip"),
    ),
  });
}

export function watch() {
  return z.strictObject({
    paths: said(
      "Files and directories (including everything below them): absolute, `~/…` or relative to `working_directory`.",
      words().min(1),
    ),
    ignore: said(
      "Globs of files to ignore: `*.log` matches a name anywhere below the paths, `tmp/**` is relative to the watched path. `.git`, `node_modules` and temporary files of editors are always ignored.",
      words().default([]),
    ),
    debounce: said("Seconds to wait after the last change before the restart.", seconds().default(0.5)),
  });
}

export function rolling() {
  const amount = () =>
    z.union([count(0, MAX_UNITS), z.string().regex(/^(\d{1,3})(\.\d+)?%$/, 'must be a number or a percentage such as "25%"')], {
      error: 'must be a number or a percentage such as "25%"',
    });
  return z.strictObject({
    max_surge: said(
      "How many additional units run during the restart: a number, or a percentage of the units, rounded up. They are started first, and removed at the end.",
      amount().default(1),
    ),
    max_unavailable: said(
      "How many units may be unavailable during the restart: a number, or a percentage of the units, rounded down.",
      amount().default(0),
    ),
    min_healthy_time: said(
      "Seconds that a new unit must be healthy before it counts and the next one is restarted. Without a `health_check` it must be `running` for this time.",
      seconds().default(5),
    ),
    progress_deadline: said(
      "Seconds without progress after which the restart has failed. Must exceed `min_healthy_time`.",
      seconds(0.001).default(600),
    ),
    order: said(
      "Which units are restarted first: with `newest-last`, those that have run longest; with `newest-first`, those that started last.",
      z.enum(["newest-last", "newest-first"]).default("newest-last"),
    ),
    canary: said(
      "How many new units to start before the restart pauses until `sup rollout promote` or `sup rollout rollback`; 0: it does not pause.",
      count(0, MAX_UNITS).default(0),
    ),
    auto_revert: said(
      "If a rolling restart that `sup reload` began fails, return to the definition that worked last, and restart the units that run the new definition. If false, the new definition stays in force.",
      z.boolean().default(true),
    ),
    drain: said(
      "How to make a unit finish its requests before a rolling restart stops it. Without this key, the unit gets its stop signal immediately.",
      z
        .strictObject({
          signal: said("Signal that tells the unit to take no further requests, for example SIGUSR1.", signal()),
          timeout: said("Seconds to wait before the stop signal. If the unit exits earlier, the wait ends.", seconds(0.001)),
        })
        .optional(),
    ),
  });
}
