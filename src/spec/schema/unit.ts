import { z } from "zod";
import { ON_FATAL, UNIT_TYPES } from "../../base/words.ts";
import { healthCheckSchema } from "./health.ts";
import { instances } from "./instances.ts";
import { count, live, liveOptional, nonEmpty, type Row, restart, restartOptional, seconds, words } from "./meta.ts";
import * as part from "./parts.ts";

/**
 * The unit file: every key with its type, default, meaning, and whether a change takes effect without a restart. Error
 * messages, the JSON Schema, the reference and the comparison of two versions are derived from these keys. `later.ts` lists
 * the keys that are not implemented yet.
 */
export type UnitFile = { [K in keyof typeof UNIT_ROWS]: z.output<ReturnType<(typeof UNIT_ROWS)[K]["schema"]>> };

let built: z.ZodObject | undefined;

/** Returns the schema of the whole unit file. Loading does not use it; it uses the row of each key separately (`validate.ts`). */
export const unitSchema = (): z.ZodObject =>
  (built ??= z.strictObject(Object.fromEntries(Object.entries<Row<z.ZodType>>(UNIT_ROWS).map(([name, { schema }]) => [name, schema()]))));

/** Default of the start timeout in seconds. A oneshot has no default. */
export const START_TIMEOUT = 60;

const codes = () => z.array(count(0, 255));

/** Maximum number of sockets of a unit. The spawn server can pass at most 253 descriptors in one message. */
export const MAX_SOCKETS = 128;

/** Maximum length of a pattern for lines of output. */
const MAX_PATTERN = 1000;

/** Maximum number of conditions of a unit. An exit code of the process that examines paths tells which path is at fault. */
const MAX_CONDITIONS = 100;

export const UNIT_ROWS = {
  $schema: liveOptional("Ignored; for editors. `sup schema` prints the JSON Schema.", () => z.string()),
  name: liveOptional("Display name. The unit's id is its file name.", () => nonEmpty().max(200)),
  description: live("What the unit does, in one line.", () => z.string().default("")),
  enabled: live(
    "Start the unit when the daemon starts and when its file first appears. `sup enable` and `sup disable` override this without editing the file.",
    () => z.boolean().default(false),
  ),
  priority: live("Start order among units that do not depend on each other: lower values start first.", () => z.int().default(100)),
  critical: live("List the unit first and give its alerts the severity `critical`.", () => z.boolean().default(false)),
  groups: live("Groups that the unit belongs to, for commands such as `sup stop @web`.", () =>
    z.array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be a name of letters, digits, _ . and -, without @")).default([]),
  ),
  labels: live("Arbitrary strings to display and filter by.", () => z.record(z.string(), z.string()).default({})),

  type: restart(
    "`simple`: ready once the command was executed and the health check, if any, has passed. `notify`: ready when the service sends `READY=1` (sd_notify). `oneshot`: runs to completion.",
    () => z.enum(UNIT_TYPES).default("simple"),
  ),
  remain_after_exit: restart("Keep a oneshot `running` after it has succeeded.", () => z.boolean().default(false)),
  command: restart(
    "Program to run, looked up in the unit's PATH; `sup` is the executable of the daemon itself. No shell is involved unless `shell` is true.",
    nonEmpty,
  ),
  args: restart("Arguments of the command, one string each.", () => words().default([])),
  shell: restart(
    "Run `command` with `/bin/sh -c`. The shell then expands `$`, with the unit's environment; sup still expands `%` specifiers.",
    () => z.boolean().default(false),
  ),
  working_directory: restartOptional(
    "Directory in which the unit's commands run: absolute or `~/…`. Without this key, units of the system daemon run in `/`, and units of other daemons run in the home directory of the unit's user.",
    () => z.string().regex(/^(\/|~(\/|$)|%[hSLt]|\$\{)/, "must be an absolute path or start with ~/"),
  ),
  environment: restart("Environment variables. They override the variables that every unit gets and those from `environment_files`.", () =>
    z.record(part.variableName(), z.string()).default({}),
  ),
  environment_files: restart(
    "Paths of dotenv files, absolute or `~/…`. They must be regular files of UTF-8 text, at most 1 MiB each, and are read at every start with the rights of `user` and `group`. A leading `-` makes a file optional. Later files override earlier ones. Values are taken literally, without expansion.",
    () =>
      z
        .array(z.string().regex(/^-?(\/|~\/|%[hSLt])/, "must be an absolute path or start with ~/ (after a - if it is optional)"))
        .default([]),
  ),
  tty: restart(
    "Give the main process a terminal as its standard input, output and error, for programs that people type into. `sup attach UNIT` connects to it. What the program prints goes to the log as `stdout`. `TERM` is `xterm-256color` unless the unit sets it.",
    () => z.boolean().default(false),
  ),
  port: restartOptional(
    "Port that the service listens on: shown in `sup status` and passed to the service as `PORT`. As long as only a process that listened there before the unit started answers on this port, health checks of it fail.",
    () => count(1, 65_535),
  ),

  user: restartOptional(
    "User to run as: a name, or a numeric id as a string. A numeric id needs no entry in the user database; without one, the home directory is `/`. HOME, USER and LOGNAME are set to match. Needs root.",
    nonEmpty,
  ),
  group: restartOptional(
    "Group to run as: a name, or a numeric id as a string. The default is the user's primary group. For a user without an entry in the user database, it is the group with the same number as the user.",
    nonEmpty,
  ),
  umask: restartOptional('File mode creation mask, an octal string such as `"027"`.', () =>
    z.string().regex(/^0?[0-7]{3}$/, 'must be an octal string such as "027"'),
  ),
  nice: restartOptional(
    "CPU scheduling priority, from -20 (highest) to 19 (lowest). Without this key it is 0, unless the daemon lacks the permission to set it.",
    () => z.int().min(-20).max(19),
  ),
  oom_score_adj: restartOptional("OOM killer preference, from -1000 (never killed) to 1000 (killed first).", () =>
    z.int().min(-1000).max(1000),
  ),
  limits: restartOptional(
    'Resource limits of the process (setrlimit), by name: a number, `"unlimited"`, or `{ "soft": …, "hard": … }`.',
    part.limits,
  ),

  conditions: live(
    "What must be true for a start, checked at each start after the dependencies are met. If a condition is not met, the start is skipped without a failure: the unit is `stopped` with the reason `condition`, and its dependents treat their dependency on it as met. sup checks the paths first, with its own rights, and then runs the commands in order. A restart stops the unit before it checks.",
    () => z.array(part.startCondition()).max(MAX_CONDITIONS).default([]),
  ),
  pre_start: restart("Commands to run before each start, in order. If one fails, the start has failed.", () =>
    z.array(part.hook()).default([]),
  ),
  pre_restart: live(
    "Commands to run before a running unit is stopped for a restart, in order, with `MAINPID` in their environment. If one fails, the restart has failed and the unit keeps running. Use this key to test the configuration.",
    () => z.array(part.hook()).default([]),
  ),
  post_stop: live("Commands to run after each stop or exit, in order. A failure is reported only.", () => z.array(part.hook()).default([])),
  start_timeout: liveOptional(
    "Seconds within which the unit must become ready; otherwise the start has failed. A oneshot has no limit unless this key is set.",
    () => seconds(0.001),
    START_TIMEOUT,
  ),
  ready_log: liveOptional(
    "Line of output that makes the unit ready, instead of a health check or `READY=1`: a string that the line contains, or a `/regex/` that it matches. Only the first 16 KiB of a line count. Health checks begin after this line.",
    () => nonEmpty().max(MAX_PATTERN),
  ),
  fail_log: liveOptional(
    "Line of output after which the unit has failed, while it starts and while it runs: a string or a `/regex/`, as for `ready_log`. sup stops the unit and applies its restart policy.",
    () => nonEmpty().max(MAX_PATTERN),
  ),
  watchdog: restartOptional(
    "Maximum seconds between `WATCHDOG=1` notifications (sd_notify) once the service is ready. A service that misses one gets SIGABRT and has failed. The service finds the interval in `WATCHDOG_USEC`.",
    () => seconds(0.001),
  ),
  health_check: liveOptional("How to check whether the unit works.", healthCheckSchema),

  auto_restart: live("Restart after a failure: a non-zero exit code, a signal, a failed health check or a failed start.", () =>
    z.boolean().default(true),
  ),
  restart_on_exit: live("Restart after a clean exit as well.", () => z.boolean().default(false)),
  success_exit_codes: live("Exit codes that count as success.", () => codes().min(1).default([0])),
  no_restart_exit_codes: live("Exit codes after which the unit is not restarted.", () => codes().default([])),
  restart_policy: live(
    "Delays between retries and when to give up. Retry n waits retry_delay × backoff_multiplier^(n-1) seconds, at most max_backoff.",
    () => part.restartPolicy().prefault({}),
  ),
  on_fatal: live(
    "What the daemon does when the unit is `fatal` or `failed`, so that nothing restarts it. `shutdown`: stop all units in order and exit with the exit code of the unit, or with 1 if it has none, so that a container gets replaced.",
    () => z.enum(ON_FATAL).default("nothing"),
  ),

  graceful_shutdown: live("How to stop the unit.", () => part.gracefulShutdown().prefault({})),
  reload: liveOptional(
    'What `sup reload UNIT` does: `{ "signal": "SIGHUP" }` or `{ "command": … }`. A unit without this key cannot be reloaded.',
    part.reload,
  ),
  dependencies: live("Units that must run, or have run, before this one starts: names, or objects with options.", () =>
    z.array(part.dependency()).default([]),
  ),
  log: live("How the output of the unit is logged.", () => part.log().prefault({})),

  resource_limits: liveOptional("Limits on the whole process tree of the unit.", part.resourceLimits),
  sockets: restartOptional(
    `Sockets that the daemon holds open and passes to the service with the LISTEN_FDS protocol; at most ${MAX_SOCKETS}.`,
    () => z.array(part.socket()),
  ),
  schedule: liveOptional(
    'When to run a oneshot automatically. The schedule is active unless the unit is disabled, by `sup disable` or by an explicit `"enabled": false`. Loading or enabling the unit does not run it.',
    part.schedule,
  ),
  watch: liveOptional(
    "Restart the unit when files change. This does not use up a retry, and also starts a unit that has failed.",
    part.watch,
  ),
  instances: liveOptional(
    "Number of units to run, with the ids `NAME@1`, `NAME@2` and so on. Each unit gets its number as SUP_INSTANCE and its own PORT, which is `port` + number - 1. If the service has `sockets`, all units share them and have the same PORT. `sup scale` overrides the number without editing the file. With an object, sup changes the number by itself.",
    instances,
  ),
  rolling: liveOptional("How `sup rolling-restart` restarts the units of a service with `instances`.", part.rolling),
  sandbox: restartOptional("What the process may see and do. Not supported yet.", () => z.record(z.string(), z.unknown())),
  credentials: restartOptional("Secrets that the process gets as files. Not supported yet.", () => z.record(z.string(), z.unknown())),
  notify: liveOptional(
    "Notification channels of the settings that get this unit's alerts. If the list is empty, no channel gets them. Without this key, only the rules of the settings decide.",
    words,
  ),
};
