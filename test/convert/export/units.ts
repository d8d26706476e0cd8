import fc from "fast-check";
import { isSecret } from "../../../src/convert/import/secrets.ts";
import { escapeText } from "../../../src/spec/load/specifiers.ts";
import type { Json } from "./exporting.ts";

/** Generates units with everything that sup shares with another supervisor. */

const NASTY = [..."ab0 %$\"'\\;#{}=,~é*[]@-:+!|()<>&`", "\t", "${A}", "%n", "%(x)s", "$$", "\\n", " ;", " #", "🦊"];

/** Strings with the special characters of all formats, as they stand in a unit file. */
export const nasty = (extra: readonly string[] = []): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...NASTY, ...extra), { maxLength: 12 }).map((parts) => parts.join(""));

const argument = (extra: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    nasty(extra).map((text) => escapeText(text)),
    fc.constantFrom("${A}", "x${A}y", "${B}", "%n", "%h/x", "plain", ""),
  );

const path = nasty().map((text) => escapeText(`/srv/${text.replaceAll("\t", "")}x`));

const command = fc.oneof(
  fc.constantFrom("/usr/bin/node", "node", "%h/bin/x"),
  nasty().map((text) => escapeText(`/opt/${text}x`)),
);

export interface Extras {
  /** Further strings for arguments. */
  readonly argument?: readonly string[];
  /** Whether a value of the environment can be expressed. */
  readonly value?: (value: string) => boolean;
}

const environment = ({ argument: extra = [], value = () => true }: Extras): fc.Arbitrary<Record<string, string>> =>
  fc
    .tuple(nasty(extra), nasty(extra), nasty(extra))
    .filter((values) => values.every((each) => value(each) && !isSecret("A", each)))
    .map(([a, b, c]) => ({ A: escapeText(a), B: escapeText(b), C: `\${A}${escapeText(c)}` }));

const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGRTMIN+3"];

const stop = (modes: readonly string[], step: number): fc.Arbitrary<Json> =>
  fc.record({
    timeout: fc.integer({ min: 1, max: 900 }).map((n) => n * step),
    signal: fc.constantFrom(...SIGNALS.slice(0, modes.length === 1 ? 6 : 8)),
    kill_mode: fc.constantFrom(...modes),
  });

const common = (extras: Extras): Record<string, fc.Arbitrary<unknown>> => ({
  command,
  args: fc.array(argument(extras.argument ?? []), { maxLength: 4 }),
  environment: environment(extras),
  working_directory: sometimes(path),
  user: sometimes(fc.constantFrom("www-data", "1000")),
  umask: sometimes(fc.constantFrom("027", "077", "000")),
  enabled: fc.boolean(),
  success_exit_codes: fc.constantFrom([0], [0, 3], [0, 1, 255]),
});

/** systemd: everything but names, health checks, logs and what is for people. */
export const systemdUnit: fc.Arbitrary<Json> = fc
  .record({
    ...common({ argument: ["\n", "\u0001"] }),
    description: fc.constantFrom("", "The shop", 'A "b" 100% $x; #y', "x\\y"),
    type: fc.constantFrom("simple", "notify", "oneshot"),
    group: sometimes(fc.constant("adm")),
    nice: sometimes(fc.integer({ min: -20, max: 19 })),
    oom_score_adj: sometimes(fc.integer({ min: -1000, max: 1000 })),
    limits: sometimes(
      fc.constantFrom({ nofile: 1024 }, { nofile: { soft: 1024, hard: "unlimited" }, core: "unlimited", cpu: 60 }, { stack: 8_388_608 }),
    ),
    pre_start: fc.array(fc.record({ command, args: fc.array(argument(["\n"]), { maxLength: 2 }) }), { maxLength: 2 }),
    post_stop: fc.array(fc.record({ command, args: fc.array(argument([]), { maxLength: 2 }) }), { maxLength: 1 }),
    start_timeout: sometimes(fc.integer({ min: 1, max: 10_000 }).map((n) => n / 4)),
    watchdog: sometimes(fc.integer({ min: 1, max: 100 })),
    auto_restart: fc.boolean(),
    restart_on_exit: fc.boolean(),
    no_restart_exit_codes: fc.constantFrom([], [4], [4, 200]),
    restart_policy: fc.constantFrom<Json>(
      { max_retries: -1, retry_delay: 5, backoff_multiplier: 1 },
      { max_retries: 5, retry_delay: 1, backoff_multiplier: 2, max_backoff: 256, reset_after: 90 },
      { max_retries: 3, retry_delay: 0.25, backoff_multiplier: 1, reset_after: 30 },
      { max_retries: 0, retry_delay: 1, backoff_multiplier: 1.5, max_backoff: 7.59375, reset_after: 60 },
    ),
    graceful_shutdown: stop(["group", "mixed"], 0.25),
    reload: sometimes(fc.constantFrom<Json>({ signal: "SIGHUP" }, { signal: "SIGUSR2" }, { command: "/bin/reload", args: ["a b", "$$x"] })),
    dependencies: fc.constantFrom<unknown[]>([], ["db"], [{ unit: "db", required: false }], [{ unit: "db", restart: true }]),
    resource_limits: sometimes(
      fc.constantFrom<Json>(
        { action: "enforce", max_memory_mb: 512 },
        { action: "enforce", max_memory_mb: 0.5, max_cpu_percent: 150.25, max_tasks: 100 },
      ),
    ),
    sockets: sometimes(
      fc.constantFrom<unknown[]>(
        [{ name: "http", listen: "127.0.0.1:8080" }],
        [
          { name: "http", listen: "*:80", reuse_port: true },
          { name: "admin", listen: "/run/a b.sock" },
          { name: "six", listen: "[::1]:81" },
        ],
      ),
    ),
    conditions: fc.constantFrom<Json[]>(
      [],
      [{ path_exists: "/etc/web%%" }, { path_exists: "/a b", not: true }],
      [{ file_not_empty: "/x" }, { directory_not_empty: "/y", not: true }, { command: "/bin/test", args: ["-e", "$x y"] }],
    ),
    on_fatal: fc.constantFrom("nothing", "shutdown"),
    environment_files: fc.constantFrom<string[]>([], ["/etc/default/web", "-/etc/x%%y"]),
    schedule: sometimes(
      fc.constantFrom<Json>(
        { cron: "30 2 * * MON-FRI", timezone: "Europe/Berlin" },
        { cron: "*/15 1-3 1,15 * *", catch_up: true },
        { every: 90 },
      ),
    ),
  })
  .map(consistent);

/** Removes combinations that the unit file does not allow, or that have no effect. */
function consistent(unit: Json): Json {
  const json: Record<string, unknown> = { ...unit };
  if (json.type !== "oneshot") delete json.schedule;
  else {
    json.restart_on_exit = false;
    delete json.watchdog;
    if ((json.reload as Json | undefined)?.signal !== undefined) delete json.reload;
  }
  if (json.schedule !== undefined) json.enabled = false;
  if (json.auto_restart === false) json.no_restart_exit_codes = [];
  if (json.auto_restart === false && json.restart_on_exit === false) delete json.restart_policy;
  // An environment file would override the values in systemd, unless they are defaults for it.
  if ((json.environment_files as unknown[]).length > 0) {
    json.environment = { A: "${A:-1 2}" };
    json.args = (json.args as string[]).filter((text) => !/\$\{[A-Z]/.test(text));
    for (const key of ["pre_start", "post_stop"]) json[key] = [];
  }
  return json;
}

/** supervisord: what a `[program:x]` section has. */
export const supervisordUnit = (extras: Extras): fc.Arbitrary<Json> =>
  fc
    .record({
      ...common(extras),
      working_directory: sometimes(path.filter((text) => !/[ \t][;#]/.test(text))),
      priority: fc.integer({ min: -5, max: 900 }),
      restart: fc.constantFrom([false, false], [true, false], [true, true]),
      restart_policy: fc.record({ max_retries: fc.integer({ min: 0, max: 20 }), reset_after: fc.integer({ min: 1, max: 300 }) }),
      graceful_shutdown: stop(["group", "mixed"], 1).map((json) => ({
        ...json,
        signal: json.signal === "SIGRTMIN+3" ? "SIGTERM" : json.signal,
      })),
      log: fc.record({ max_size_mb: fc.constantFrom(0.5, 1, 50, 1.25), keep: fc.integer({ min: 0, max: 30 }) }),
    })
    .map(({ restart, ...json }) => ({ ...json, auto_restart: restart[0], restart_on_exit: restart[1] }));
