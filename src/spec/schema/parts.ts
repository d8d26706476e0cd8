import { z } from "zod";
import { signalNumber } from "../../base/signals.ts";
import { CONDITIONS, KILL_MODES } from "../../base/words.ts";
import { RESERVED } from "../load/environment.ts";
import { count, nonEmpty, said, seconds, words } from "./meta.ts";

/** Schemas of the objects inside a unit file; `health_check` has a file of its own. */

export const variableName = () =>
  z
    .string()
    .regex(/^[^=\0\s]+$/, "must be the name of a variable: not empty, without = and spaces")
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
  const amount = () =>
    z.union([count(0, Number.MAX_SAFE_INTEGER), z.literal("unlimited")], { error: 'must be a whole number or "unlimited"' });
  const limit = z.union(
    [
      count(0, Number.MAX_SAFE_INTEGER),
      z.literal("unlimited"),
      z.strictObject({
        soft: said("The limit in force, which the process may raise up to hard.", amount()),
        hard: said("The most it may raise it to.", amount()),
      }),
    ],
    {
      error: 'must be a whole number, "unlimited" or { "soft": …, "hard": … }',
    },
  );
  return z.strictObject(Object.fromEntries(RLIMITS.map((name) => [name, said(`RLIMIT_${name.toUpperCase()}.`, limit.optional())])));
}

export function hook() {
  return z.strictObject({
    command: said("Program to run.", nonEmpty()),
    args: said("Its arguments.", words().default([])),
    timeout: said("Seconds after which it is ended and has failed.", seconds(0.001).default(60)),
  });
}

export function restartPolicy() {
  return z.strictObject({
    max_retries: said("Failed retries after which it is given up as `fatal`; -1: never.", count(-1).default(5)),
    retry_delay: said("Seconds before the first retry; 0: at once.", seconds().default(1)),
    backoff_multiplier: said("Factor by which the delay grows with each retry.", z.number().min(1).max(1000).default(2)),
    max_backoff: said("Most seconds between two tries.", seconds().default(300)),
    jitter: said(
      "Fraction of the delay, 0 to 1, by which it is spread at random, so that units don't retry in step.",
      z.number().min(0).max(1).default(0),
    ),
    reset_after: said("Seconds of `running` after which the count of retries returns to 0.", seconds().default(60)),
    fatal_retry_after: said("Seconds after which a `fatal` unit is tried again; without it, never.", seconds(0.001).optional()),
  });
}

export function gracefulShutdown() {
  return z.strictObject({
    enabled: said("False: SIGKILL at once.", z.boolean().default(true)),
    timeout: said("Seconds after which what is left of the whole tree gets SIGKILL.", seconds().default(10)),
    signal: said("Signal that asks it to end.", signal().default("SIGTERM")),
    kill_mode: said(
      "`group`: the signal goes to the whole process tree. `mixed`: to the main process, SIGKILL later to all. `process`: to the main process; what is left of the tree is killed after it ended.",
      z.enum(KILL_MODES).default("group"),
    ),
  });
}

export function reload() {
  return z.strictObject({
    signal: said("Signal to send to the main process.", signal().optional()),
    command: said("Program to run instead, with the unit's environment.", nonEmpty().optional()),
    args: said("Its arguments.", words().default([])),
    timeout: said("Seconds after which the command is ended and has failed.", seconds(0.001).default(60)),
  });
}

export function dependency() {
  const options = z.strictObject({
    unit: said("Name of the unit.", nonEmpty()),
    condition: said(
      "What to wait for: `started`, `ready`, `completed` (ended, however) or `succeeded`; by default `succeeded` for a oneshot and `ready` for the rest.",
      z.enum(CONDITIONS).optional(),
    ),
    required: said("False: only the order matters; its failure or absence holds nothing up.", z.boolean().default(true)),
    restart: said("True: restart this unit when the dependency restarts.", z.boolean().default(false)),
  });
  return z.union([nonEmpty(), options], { error: 'must be the name of a unit or { "unit": … }' });
}

/** Also a part of the settings: there they hold for all units. */
export const logSizes = () => ({
  max_size_mb: said("Size in MiB at which the file is rotated.", z.number().min(0.001).max(1_000_000).default(10)),
  keep: said("Rotated files to keep.", count(0, 1000).default(5)),
  compress: said(
    "Compress rotated files: true is `zstd`; `gzip` is larger and slower, for tools that read nothing else.",
    z.union([z.boolean(), z.enum(["zstd", "gzip"])], { error: 'must be true, false, "zstd" or "gzip"' }).default(true),
  ),
});

export function log() {
  return z.strictObject({
    format: said(
      "`cri`: a time, the stream and the text in each line. `raw`: the bytes as they came.",
      z.enum(["cri", "raw"]).default("cri"),
    ),
    ...logSizes(),
    max_age_days: said(
      "Days after its first record at which the file is rotated, and after its last one at which a rotated file is deleted.",
      z.number().positive().optional(),
    ),
    rate_limit: said(
      "Most bytes a second that get into the log, stamps included, with a burst of the same size; what is over it is dropped, counted and told.",
      count(1).optional(),
    ),
  });
}

export function resourceLimits() {
  return z.strictObject({
    max_memory_mb: said("Memory in MiB.", z.number().positive().optional()),
    max_cpu_percent: said("CPU in percent of one core: 200 is two cores.", z.number().positive().optional()),
    max_tasks: said("Processes and threads.", count(1).optional()),
    sustained: said(
      "Samples in a row over a limit that make a breach, and as many that are not end it. A sample is taken every `metrics.interval` seconds.",
      count(1).default(3),
    ),
    warn_at: said("Fraction of a limit from which an event says that it is near.", z.number().min(0).max(1).default(0.8)),
    action: said(
      "What follows a breach. `warn`: a line in the log, an event and an alert. `restart`: the unit is restarted, which uses up a retry. `enforce`: the kernel holds the run to its limits (memory.max, cpu.max, pids.max of cgroup v2); where it cannot, memory is looked at every second and the unit restarted as soon as it is over, and CPU and tasks are told.",
      z.enum(["warn", "restart", "enforce"]).default("warn"),
    ),
  });
}

export function socket() {
  return z.strictObject({
    name: said("Its name in LISTEN_FDNAMES.", nonEmpty()),
    listen: said("`host:port`, or the path of a unix socket.", nonEmpty()),
    reuse_port: said("SO_REUSEPORT.", z.boolean().default(false)),
  });
}

export function schedule() {
  return z.strictObject({
    cron: said(
      "Five cron fields (minute hour day month weekday), such as `30 2 * * MON-FRI`, or a name such as `@daily`.",
      nonEmpty().optional(),
    ),
    timezone: said("Time zone of the cron fields, such as `Europe/Berlin`; by default the machine's.", nonEmpty().optional()),
    every: said(
      "Seconds from one run to the next, instead of `cron`. The first run is one period after the unit was loaded.",
      seconds(1).optional(),
    ),
    catch_up: said(
      "Run once when a time passed while the daemon or the machine was down (or asleep). Otherwise it is left out, and an event says so.",
      z.boolean().default(false),
    ),
    overlap: said(
      "What happens when its time comes and the last run is not over: `skip` leaves it out, `queue` runs it right after, `kill` ends the last run first.",
      z.enum(["skip", "queue", "kill"]).default("skip"),
    ),
  });
}

export function watch() {
  return z.strictObject({
    paths: said("Files and directories (with all below them), absolute, `~/…` or relative to `working_directory`.", words().min(1)),
    ignore: said(
      "Globs to leave out: `*.log` matches a name anywhere below the paths, `tmp/**` begins at the watched path. `.git`, `node_modules` and the temporary files of editors are always left out.",
      words().default([]),
    ),
    debounce: said("Seconds without a change before the restart.", seconds().default(0.5)),
  });
}

export function instances() {
  const scaling = z.strictObject({
    min: said("Fewest instances.", count(0, 1000)),
    max: said("Most instances.", count(1, 1000)),
    metric: said("`cpu`, `memory`, `response_time` or the name of a reported metric.", nonEmpty()),
    target: said("Value of the metric to keep to.", z.number().positive()),
    tolerance: said("Fraction around the target in which nothing changes.", z.number().min(0).max(1).default(0.1)),
    up_after: said("Seconds over the target before more are started.", seconds().default(0)),
    down_after: said("Seconds under the target before some are stopped.", seconds().default(300)),
    cooldown: said("Seconds between two changes.", seconds().default(60)),
  });
  return z.union([count(0, 1000), scaling], { error: "must be a whole number or an object" });
}

export function rolling() {
  return z.strictObject({
    max_surge: said("Instances above the wanted number meanwhile.", count(0, 1000).default(1)),
    max_unavailable: said("Instances below it.", count(0, 1000).default(0)),
    min_healthy_time: said("Seconds a new instance must be healthy.", seconds().default(0)),
  });
}
