import { parseTextPattern } from "../../base/pattern.ts";
import type { ProbeFile } from "../schema/health.ts";
import { nextCronMs } from "../cron.ts";
import { endpointFault } from "../endpoint.ts";
import { parseListen } from "../schema/listen.ts";
import { shortJson } from "../parse/problems.ts";
import type { Context, IsSet, Report, Rule } from "./rule.ts";
import { outputPatterns, startConditions, textPattern } from "./start-rules.ts";
import { scaling } from "./scaling-rules.ts";
import { statusRange } from "./to-spec.ts";
import type { Path } from "../parse/tree.ts";
import { MAX_SOCKETS, type UnitFile } from "../schema/unit.ts";

/** A problem with values that are valid by themselves, but contradict each other or have no effect in combination. */
export interface Finding {
  readonly path: Path;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly hint?: string;
}

/**
 * Applies all rules and returns their findings. `isSet` says whether the file itself contains a key, as opposed to its
 * default being used. `unusable` are top-level keys without a valid value; a rule stops when it needs one of them.
 */
export function findContradictions(unit: UnitFile, isSet: IsSet, unusable: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = [];
  const add =
    (severity: Finding["severity"]): Report =>
    (path, message, hint) =>
      void findings.push(hint === undefined ? { path, severity, message } : { path, severity, message, hint });
  const context = { error: add("error"), warning: add("warning"), isSet };
  const guarded = unusable.size === 0 ? unit : guard(unit, unusable);
  for (const rule of RULES) {
    try {
      rule(guarded, context);
    } catch (thrown) {
      if (!(thrown instanceof UnusableKey)) throw thrown;
    }
  }
  return findings;
}

/** Ends a rule. It is thrown when the rule reads an unusable key. */
class UnusableKey {}

function guard(unit: UnitFile, unusable: ReadonlySet<string>): UnitFile {
  const copy = { ...unit };
  for (const key of unusable) {
    Object.defineProperty(copy, key, {
      get() {
        throw new UnusableKey();
      },
    });
  }
  return copy;
}

const RULES: readonly Rule[] = [
  oneshots,
  outputPatterns,
  schedules,
  commands,
  startConditions,
  exitCodes,
  pacing,
  givingUp,
  stopping,
  reloading,
  limits,
  environment,
  dependencies,
  sockets,
  checks,
  instances,
  scaling,
  rolling,
];

function oneshots(unit: UnitFile, { error }: Context): void {
  if (unit.type !== "oneshot") {
    if (unit.remain_after_exit)
      error(
        ["remain_after_exit"],
        `"remain_after_exit" works with type "oneshot" only, not with "${unit.type}"`,
        'set "type": "oneshot", or remove remain_after_exit',
      );
    return;
  }
  if (unit.restart_on_exit)
    error(
      ["restart_on_exit"],
      'a oneshot is done after a clean exit: "restart_on_exit" contradicts "type": "oneshot"',
      'use "type": "simple" for a process that should keep running',
    );
  if (unit.instances !== undefined)
    error(
      ["instances"],
      'a oneshot runs to completion, so there is no number of instances to keep: "instances" contradicts "type": "oneshot"',
      "use a template file NAME@.unit.json, and start as many of its instances as you need",
    );
  if (unit.health_check)
    error(["health_check"], 'a oneshot runs to completion, so "health_check" has nothing to check', "remove health_check");
  if (unit.reload?.signal !== undefined)
    error(["reload", "signal"], '"reload.signal" does not work with type "oneshot": no process runs after completion');
}

function schedules(unit: UnitFile, { error }: Context): void {
  const { schedule } = unit;
  if (!schedule) return;
  if (unit.type !== "oneshot")
    error(["schedule"], `"schedule" works with type "oneshot" only, not with "${unit.type}"`, 'set "type": "oneshot"');
  if (schedule.cron !== undefined && schedule.every !== undefined)
    error(["schedule", "every"], '"schedule" has both "cron" and "every"', "keep one of the two");
  if (schedule.cron === undefined && schedule.every === undefined) error(["schedule"], '"schedule" has neither "cron" nor "every"');
  const zone = schedule.timezone;
  if (zone !== undefined && schedule.cron === undefined)
    error(
      ["schedule", "timezone"],
      '"schedule.timezone" has no effect without "cron"',
      'remove it: "every" is an interval and needs no time zone',
    );
  const zoneIsKnown = zone === undefined || isTimeZone(zone);
  if (!zoneIsKnown) error(["schedule", "timezone"], `${shortJson(zone)} is not a time zone`, 'use a name such as "UTC" or "Europe/Berlin"');
  if (schedule.cron === undefined) return;
  const fault = cronFault(schedule.cron);
  if (fault !== null)
    error(["schedule", "cron"], fault, 'five fields: minute hour day month weekday, such as "30 2 * * MON-FRI", or "@daily"');
}

const isTimeZone = (name: string): boolean => {
  try {
    Bun.cron.parse("* * * * *", 0, { tz: name });
    return true;
  } catch {
    return false;
  }
};

/** Returns what is wrong with a cron expression, or null if it is valid. */
function cronFault(cron: string): string | null {
  try {
    return nextCronMs(cron, 0, "UTC") === null ? `${shortJson(cron)} never matches: there is no such day` : null;
  } catch (error) {
    const words = (error as Error).message.replace(/^Invalid cron expression: /, "").replace(/\. Bun\.cron.*$/, "");
    return `${shortJson(cron)} is not a cron expression: ${words}`;
  }
}

function commands(unit: UnitFile, { error, warning }: Context): void {
  if (unit.shell && unit.args.length > 0)
    error(
      ["args"],
      '"args" contradicts "shell": the shell gets "command" as one string',
      "write the arguments into command, or remove shell",
    );
  if (unit.shell || unit.args.length > 0) return;
  if (SHELL_SYNTAX.test(unit.command)) {
    warning(
      ["command"],
      '"command" uses shell syntax, but no shell runs it: the whole string is looked up as one program name',
      'set "shell": true',
    );
  } else if (/\S\s+\S/.test(unit.command)) {
    const [program, ...args] = unit.command.trim().split(/\s+/);
    warning(
      ["command"],
      '"command" contains spaces, but no shell splits it: the whole string is looked up as one program name',
      `write "command": ${shortJson(program)}, "args": ${shortJson(args)}, or set "shell": true`,
    );
  }
}

/** Matches operators, redirections, quotes and expansions of sh(1), built-in commands of the shell, and assignments before the command. */
const SHELL_SYNTAX = /[|;<>`"']|&&|&\s*$|\$\(|\$[A-Za-z_]|^\s*(?:(?:cd|exec|export|source|\.|ulimit|umask|set|trap)\s|[A-Za-z_]\w*=)/;

function sockets(unit: UnitFile, { error }: Context): void {
  const count = unit.sockets?.length ?? 0;
  if (count > MAX_SOCKETS) error(["sockets"], `a unit can have at most ${MAX_SOCKETS} sockets, not ${count}`);
  const names = new Set<string>();
  const addresses = new Set<string>();
  for (const [index, { name, listen, reuse_port }] of (unit.sockets ?? []).entries()) {
    if (/[:\s]/.test(name))
      error(["sockets", index, "name"], `"${name}" cannot be passed in LISTEN_FDNAMES: it contains a colon or a space`);
    if (names.has(name)) error(["sockets", index, "name"], `two sockets are named "${name}"`, "give each a different name");
    if (addresses.has(listen) && !reuse_port) error(["sockets", index, "listen"], `two sockets listen on ${listen}`);
    names.add(name);
    addresses.add(listen);
    const address = /[$%]/.test(listen) ? null : parseListen(listen); // an address with a specifier or variable is checked at each start
    if (address?.ok === false) error(["sockets", index, "listen"], address.error);
  }
}

function exitCodes(unit: UnitFile, { error, warning }: Context): void {
  const both = unit.no_restart_exit_codes.filter((code) => unit.success_exit_codes.includes(code));
  if (both.length > 0) {
    error(
      ["no_restart_exit_codes"],
      `exit code ${both.join(", ")} is in "no_restart_exit_codes" and counts as success`,
      "only restart_on_exit restarts after a success; remove the code from one of the lists",
    );
  }
  if (!unit.auto_restart && unit.no_restart_exit_codes.length > 0)
    warning(["no_restart_exit_codes"], '"no_restart_exit_codes" has no effect: "auto_restart" is false');
  if (!unit.auto_restart && unit.restart_on_exit)
    warning(["restart_on_exit"], 'the unit is restarted after a clean exit but not after a failure, because "auto_restart" is false');
}

function pacing(unit: UnitFile, { error, isSet }: Context): void {
  const { retry_delay, max_backoff } = unit.restart_policy;
  if (max_backoff >= retry_delay) return;
  const key = isSet(["restart_policy", "max_backoff"]) ? "max_backoff" : "retry_delay";
  error(
    ["restart_policy", key],
    `"restart_policy.max_backoff" (${max_backoff}) is less than "retry_delay" (${retry_delay})`,
    `raise max_backoff to ${retry_delay} or more`,
  );
}

function givingUp(unit: UnitFile, { warning }: Context): void {
  if (unit.on_fatal === "shutdown" && unit.restart_policy.fatal_retry_after !== undefined)
    warning(
      ["restart_policy", "fatal_retry_after"],
      '"fatal_retry_after" has no effect: with "on_fatal": "shutdown" the daemon exits first',
    );
}

function stopping(unit: UnitFile, { warning, isSet }: Context): void {
  if (unit.graceful_shutdown.enabled) return;
  for (const key of ["timeout", "signal"]) {
    const path = ["graceful_shutdown", key];
    if (isSet(path)) warning(path, `"graceful_shutdown.${key}" has no effect: "enabled" is false, so the unit gets SIGKILL immediately`);
  }
}

function reloading(unit: UnitFile, { error }: Context): void {
  const { reload } = unit;
  if (!reload) return;
  if (reload.signal === undefined && reload.command === undefined)
    error(["reload"], '"reload" has neither "signal" nor "command"', 'write { "signal": "SIGHUP" } or { "command": … }');
  if (reload.signal !== undefined && reload.command !== undefined)
    error(["reload", "command"], '"reload" has both "signal" and "command"', "keep one of the two");
  if (reload.command === undefined && reload.args.length > 0) error(["reload", "args"], '"reload.args" needs a "reload.command"');
}

function limits(unit: UnitFile, { error }: Context): void {
  for (const [name, limit] of Object.entries(unit.limits ?? {})) {
    if (typeof limit !== "object") continue;
    const [soft, hard] = [limit.soft, limit.hard].map((amount) => (amount === "unlimited" ? Infinity : amount)) as [number, number];
    if (soft > hard)
      error(["limits", name], `the soft limit of "${name}" is above its hard limit`, "raise the hard limit or lower the soft limit");
  }
}

function environment(unit: UnitFile, { warning }: Context): void {
  const own = unit.environment.PORT;
  if (unit.port !== undefined && own !== undefined && own !== String(unit.port)) {
    warning(["environment", "PORT"], `PORT will be ${shortJson(own)}, but "port" is ${unit.port}`, "remove one of the two");
  }
}

function dependencies(unit: UnitFile, { error }: Context): void {
  const seen = new Set<string>();
  for (const [index, dependency] of unit.dependencies.entries()) {
    const name = typeof dependency === "string" ? dependency : dependency.unit;
    if (seen.has(name)) error(["dependencies", index], `"${name}" is listed twice in "dependencies"`, "keep one of the two");
    seen.add(name);
  }
}

function instances(unit: UnitFile, { error, warning }: Context): void {
  const { instances: file, port } = unit;
  if (file === undefined) return;
  const number = typeof file === "object" ? file.max : file;
  const shared = unit.sockets ?? [];
  for (const [index, { listen }] of shared.entries()) {
    if (/%[in]|\$\{SUP_(INSTANCE|UNIT)/.test(listen.replaceAll("%%", "")))
      error(["sockets", index, "listen"], "all instances share the socket, so its address cannot contain the name of one of them");
  }
  if (shared.length > 0 || port === undefined) return;
  if (port + number - 1 > 65_535)
    error(["port"], `${number} instances need the ports ${port} to ${port + number - 1}, and 65535 is the last port`, "use a lower port");
  let path: Path = ["health_check"];
  for (let probe: ProbeFile | undefined = unit.health_check; probe && number > 1; probe = probe.fallback_check) {
    const key = probe.type === "tcp" ? "port" : "endpoint";
    if (isFixed(probe, port))
      warning(
        [...path, key],
        `every instance is probed at port ${port}, but each instance has its own port`,
        "write ${PORT} instead of the number",
      );
    path = [...path, "fallback_check"];
  }
}

function rolling(unit: UnitFile, { error, isSet }: Context): void {
  const { rolling: file } = unit;
  if (!file) return;
  if (unit.instances === undefined && (unit.sockets ?? []).length === 0)
    error(
      ["rolling"],
      '"rolling" needs "sockets" or "instances": a second process of this unit could not listen on the same port',
      'add "sockets", or "instances": 1 or more',
    );
  if (unit.instances === undefined && unit.type === "oneshot")
    error(["rolling"], 'a oneshot runs to completion: "rolling" contradicts "type": "oneshot"');
  const isNone = (value: number | string): boolean => Number.parseFloat(String(value)) === 0;
  if (isNone(file.max_surge) && isNone(file.max_unavailable))
    error(
      ["rolling", isSet(["rolling", "max_surge"]) ? "max_surge" : "max_unavailable"],
      '"max_surge" and "max_unavailable" are both 0, so no unit could ever be restarted',
      "raise one of them",
    );
  if (file.progress_deadline <= file.min_healthy_time)
    error(
      ["rolling", isSet(["rolling", "progress_deadline"]) ? "progress_deadline" : "min_healthy_time"],
      `"rolling.progress_deadline" (${file.progress_deadline}) must exceed "min_healthy_time" (${file.min_healthy_time})`,
    );
  else if (file.drain !== undefined && file.progress_deadline <= file.drain.timeout + file.min_healthy_time)
    error(
      ["rolling", "drain", "timeout"],
      `"rolling.progress_deadline" (${file.progress_deadline}) must exceed "drain.timeout" and "min_healthy_time" together (${file.drain.timeout + file.min_healthy_time})`,
      `raise "progress_deadline" or lower "drain.timeout"`,
    );
}

/** Returns true if the probe names this port as a number, so that it is the same for all instances. */
function isFixed(probe: ProbeFile, port: number): boolean {
  if (probe.type === "tcp") return Number(probe.port) === port;
  return probe.type === "http" && new RegExp(`:${port}(?!\\d)`).test(probe.endpoint);
}

const MAX_FALLBACKS = 3;

function checks(unit: UnitFile, context: Context): void {
  const { error, warning, isSet } = context;
  const check = unit.health_check;
  if (!check) return;
  if (check.type !== "process" && check.timeout > check.interval && isSet(["health_check", "timeout"])) {
    warning(
      ["health_check", "timeout"],
      `"health_check.timeout" (${check.timeout}) is longer than "interval" (${check.interval}): a hanging probe delays the next one`,
    );
  }
  if (check.failure_threshold === 1 && check.start_period === 0) {
    warning(
      ["health_check", "failure_threshold"],
      'with "failure_threshold": 1 and no "start_period", the first failed probe counts, even while the service is still starting',
      'set "start_period" to the seconds that the service needs to start',
    );
  }
  let probe: ProbeFile | undefined = check;
  let path: Path = ["health_check"];
  for (let depth = 0; probe; depth++) {
    if (depth > MAX_FALLBACKS) {
      error(path, `fallback checks are nested deeper than ${MAX_FALLBACKS} levels`);
      return;
    }
    probes(probe, path, unit, context);
    probe = probe.fallback_check;
    path = [...path, "fallback_check"];
  }
}

function probes(probe: ProbeFile, path: Path, unit: UnitFile, { error, warning }: Context): void {
  if (probe.type === "tcp") {
    if (probe.port === undefined && unit.port === undefined)
      error([...path, "port"], "a tcp check needs a port: neither the check nor the unit has one");
    if (typeof probe.port === "string" && !/[$%]/.test(probe.port))
      error([...path, "port"], `the port must be a number or a string such as "\${PORT}", not ${shortJson(probe.port)}`);
  }
  if (probe.type !== "http") return;
  // An endpoint with specifiers or variables cannot be checked here. It is checked when they are expanded.
  const endpoint = probe.endpoint.replaceAll("%%", "");
  const fault = /\$\{|%/.test(endpoint) ? null : endpointFault(probe.endpoint.replaceAll("%%", "%"));
  if (fault) error([...path, "endpoint"], `"${[...path, "endpoint"].join(".")}" ${fault.message}`, fault.hint);
  for (const status of [probe.expected_status ?? []].flat()) {
    const [from, to] = statusRange(status);
    if (from > to)
      error([...path, "expected_status"], `${shortJson(status)} is not a range: it ends before it starts`, `write "${to}-${from}"`);
  }
  const content = probe.expected_content ?? "";
  // A pattern with specifiers or variables is checked when they are expanded.
  const isExpanded = parseTextPattern(content).kind === "regex" && /[$%]\W/.test(content.slice(1, -1));
  if (!isExpanded) textPattern(content, [...path, "expected_content"], { error, warning });
}
