import { z } from "zod";
import { UNIT_TYPES } from "../../base/words.ts";
import { healthCheckSchema } from "./health.ts";
import { count, live, liveOptional, nonEmpty, type Row, restart, restartOptional, seconds, words } from "./meta.ts";
import * as part from "./parts.ts";

/**
 * The unit file: every key a user may write, its type, its default, what it means and when a change of it takes effect.
 * Messages, the JSON Schema, the reference and the comparison of two versions are derived from here.
 * Keys whose behaviour does not exist yet are in `later.ts`.
 */
export type UnitFile = { [K in keyof typeof UNIT_ROWS]: z.output<ReturnType<(typeof UNIT_ROWS)[K]["schema"]>> };

let built: z.ZodObject | undefined;

/** The whole schema; unit files are read by the rows, one key at a time (`validate.ts`). */
export const unitSchema = (): z.ZodObject =>
  (built ??= z.strictObject(Object.fromEntries(Object.entries<Row<z.ZodType>>(UNIT_ROWS).map(([name, { schema }]) => [name, schema()]))));

/** Seconds; none for a oneshot. */
export const START_TIMEOUT = 60;

const codes = () => z.array(count(0, 255));

/** A process is started with at most 256 descriptors (linux/spawn.c). */
export const MAX_SOCKETS = 128;

export const UNIT_ROWS = {
  $schema: liveOptional("Ignored; for editors. `sup schema` prints the JSON Schema.", () => z.string()),
  name: liveOptional("A name for people; the id is the file name.", () => nonEmpty().max(200)),
  description: live("What the unit is for.", () => z.string().default("")),
  enabled: live(
    "Start it when the daemon starts, and when the file first appears. `sup enable` and `sup disable` override it without editing the file.",
    () => z.boolean().default(false),
  ),
  priority: live("Start order among units that dependencies leave free: lower first.", () => z.int().default(100)),
  critical: live("Shown first; its alerts have the severity `critical`.", () => z.boolean().default(false)),
  groups: live("Groups it belongs to, for commands such as `sup stop @web`.", () =>
    z.array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be a name of letters, digits, _ . and -, without @")).default([]),
  ),
  labels: live("Free texts, shown and filterable.", () => z.record(z.string(), z.string()).default({})),

  type: restart(
    "`simple`: ready once its command was executed and its health check, if any, has passed. `notify`: ready on `READY=1` (sd_notify). `oneshot`: runs to completion.",
    () => z.enum(UNIT_TYPES).default("simple"),
  ),
  remain_after_exit: restart("A oneshot stays `running` after it succeeded.", () => z.boolean().default(false)),
  command: restart("Program to run, found on the unit's PATH. No shell is involved unless `shell` is true.", nonEmpty),
  args: restart("Its arguments, one text each.", () => words().default([])),
  shell: restart(
    "Run `command` by `/bin/sh -c`. `$` is then the shell's own, with the same environment; `%` specifiers are still filled in.",
    () => z.boolean().default(false),
  ),
  working_directory: restartOptional("Directory to run in: absolute or `~/…`.", () =>
    z.string().regex(/^(\/|~(\/|$)|%[hSLt]|\$\{)/, "must be an absolute path or begin with ~/"),
  ),
  environment: restart("Variables, over what every unit gets and over the files.", () =>
    z.record(part.variableName(), z.string()).default({}),
  ),
  environment_files: restart(
    "Dotenv files, absolute or `~/…`, read again at every start; a leading `-` makes one optional. Later ones win. Their values are taken as they are: nothing is filled in.",
    () =>
      z
        .array(z.string().regex(/^-?(\/|~\/|%[hSLt])/, "must be an absolute path or begin with ~/ (after a - when it is optional)"))
        .default([]),
  ),
  port: restartOptional("The port it serves on: shown, and given to it as `PORT`.", () => count(1, 65_535)),

  user: restartOptional("User to run as, by name or number (as a text); HOME, USER and LOGNAME follow it. Needs root.", nonEmpty),
  group: restartOptional("Group to run as, by name or number (as a text); by default the user's own.", nonEmpty),
  umask: restartOptional('File mode mask in octal, as a text: `"027"`.', () =>
    z.string().regex(/^0?[0-7]{3}$/, 'must be an octal text such as "027"'),
  ),
  nice: restartOptional("Scheduling priority, from -20 (first) to 19 (last).", () => z.int().min(-20).max(19)),
  oom_score_adj: restartOptional("From -1000 (spared when memory runs out) to 1000 (killed first).", () => z.int().min(-1000).max(1000)),
  limits: restartOptional(
    'Resource limits of the process (setrlimit) by name: a number, `"unlimited"`, or `{ "soft": …, "hard": … }`.',
    part.limits,
  ),

  pre_start: restart("Commands to run before each start, in order. One that fails is a failed start.", () =>
    z.array(part.hook()).default([]),
  ),
  post_stop: live("Commands to run after each end, in order. One that fails is reported.", () => z.array(part.hook()).default([])),
  start_timeout: liveOptional(
    "Seconds in which the unit must be ready; otherwise the start has failed. A oneshot has no limit unless this is written.",
    () => seconds(0.001),
    START_TIMEOUT,
  ),
  watchdog: restartOptional(
    "Seconds within which the service must say `WATCHDOG=1` (sd_notify) again and again once it is ready; otherwise it gets SIGABRT and has failed. It is told by `WATCHDOG_USEC`.",
    () => seconds(0.001),
  ),
  health_check: liveOptional("How to find out whether the unit is well.", healthCheckSchema),

  auto_restart: live("Restart after failure: a non-zero exit, a signal, lost health, a failed start.", () => z.boolean().default(true)),
  restart_on_exit: live("Restart after a clean exit too.", () => z.boolean().default(false)),
  success_exit_codes: live("Exit codes that count as success.", () => codes().min(1).default([0])),
  no_restart_exit_codes: live("Exit codes after which it is not restarted.", () => codes().default([])),
  restart_policy: live(
    "How restarts are paced and when they end. Retry n waits retry_delay × backoff_multiplier^(n-1), at most max_backoff.",
    () => part.restartPolicy().prefault({}),
  ),

  graceful_shutdown: live("How it is stopped.", () => part.gracefulShutdown().prefault({})),
  reload: liveOptional(
    'What `sup reload UNIT` does: `{ "signal": "SIGHUP" }` or `{ "command": … }`. Without it the unit cannot be reloaded.',
    part.reload,
  ),
  dependencies: live("What has to be there first: names, or objects.", () => z.array(part.dependency()).default([])),
  log: live("How the output is kept.", () => part.log().prefault({})),

  resource_limits: liveOptional("Limits over the whole process tree of the unit.", part.resourceLimits),
  sockets: restartOptional(`Sockets held by the daemon and passed by the LISTEN_FDS protocol; at most ${MAX_SOCKETS}.`, () =>
    z.array(part.socket()),
  ),
  schedule: liveOptional(
    "When a oneshot runs by itself. It does so unless it is disabled; being loaded, or enabled, is no reason to run it.",
    part.schedule,
  ),
  watch: liveOptional("Restart when files change. Uses up no retry, and starts a unit again that has failed.", part.watch),
  instances: liveOptional("How many instances run.", part.instances),
  rolling: liveOptional("How a rolling restart goes.", part.rolling),
  notify: liveOptional("Channels of the settings that get this unit's alerts.", words),
};
