import { compilePattern } from "../../base/pattern.ts";
import type { ProbeFile } from "../schema/health.ts";
import { parseListen } from "../schema/listen.ts";
import { shortJson } from "../parse/problems.ts";
import { statusRange } from "./to-spec.ts";
import type { Path } from "../parse/tree.ts";
import { MAX_SOCKETS, type UnitFile } from "../schema/unit.ts";

/** Settings that are right one by one and contradict each other, or do nothing together. */
export interface Finding {
  readonly path: Path;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly hint?: string;
}

/** `wrote` says whether the file itself has a key, rather than its default. */
export function findContradictions(unit: UnitFile, wrote: Wrote): Finding[] {
  const findings: Finding[] = [];
  const add =
    (severity: Finding["severity"]): Say =>
    (path, message, hint) =>
      void findings.push(hint === undefined ? { path, severity, message } : { path, severity, message, hint });
  const context = { error: add("error"), warning: add("warning"), wrote };
  for (const rule of RULES) rule(unit, context);
  return findings;
}

type Wrote = (path: Path) => boolean;
type Say = (path: Path, message: string, hint?: string) => void;

interface Context {
  readonly error: Say;
  readonly warning: Say;
  readonly wrote: Wrote;
}

type Rule = (unit: UnitFile, context: Context) => void;

const RULES: readonly Rule[] = [
  oneshots,
  schedules,
  commands,
  exitCodes,
  pacing,
  stopping,
  reloading,
  limits,
  environment,
  dependencies,
  sockets,
  checks,
];

function oneshots(unit: UnitFile, { error }: Context): void {
  if (unit.type !== "oneshot") {
    if (unit.remain_after_exit)
      error(
        ["remain_after_exit"],
        `"remain_after_exit" is for the type "oneshot", not for "${unit.type}"`,
        'set "type": "oneshot", or remove it',
      );
    return;
  }
  if (unit.restart_on_exit)
    error(
      ["restart_on_exit"],
      'a oneshot that ended well is done: "restart_on_exit" contradicts "type": "oneshot"',
      'use "type": "simple" for what runs for ever',
    );
  if (unit.health_check)
    error(["health_check"], 'a oneshot runs to completion: there is nothing for "health_check" to watch', "remove health_check");
  if (unit.reload?.signal !== undefined) error(["reload", "signal"], 'a oneshot has no process that "reload" could signal');
}

function schedules(unit: UnitFile, { error }: Context): void {
  const { schedule } = unit;
  if (!schedule) return;
  if (unit.type !== "oneshot") error(["schedule"], `"schedule" is for the type "oneshot", not for "${unit.type}"`, 'set "type": "oneshot"');
  if (schedule.cron !== undefined && schedule.every !== undefined)
    error(["schedule", "every"], '"schedule" has both "cron" and "every"', "keep one of the two");
  if (schedule.cron === undefined && schedule.every === undefined) error(["schedule"], '"schedule" has neither "cron" nor "every"');
  const zone = schedule.timezone;
  if (zone !== undefined && schedule.cron === undefined)
    error(["schedule", "timezone"], '"schedule.timezone" has no effect without "cron"', 'remove it: "every" is a distance in time');
  const zoneIsKnown = zone === undefined || isTimeZone(zone);
  if (!zoneIsKnown) error(["schedule", "timezone"], `${shortJson(zone)} is no time zone`, 'use a name such as "UTC" or "Europe/Berlin"');
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

/** What is wrong with a cron expression, or null. */
function cronFault(cron: string): string | null {
  try {
    return Bun.cron.parse(cron, 0, { tz: "UTC" }) === null ? `${shortJson(cron)} never comes: there is no such day` : null;
  } catch (error) {
    const words = (error as Error).message.replace(/^Invalid cron expression: /, "").replace(/\. Bun\.cron.*$/, "");
    return `${shortJson(cron)} is no cron expression: ${words}`;
  }
}

function commands(unit: UnitFile, { error, warning }: Context): void {
  if (unit.shell && unit.args.length > 0)
    error(["args"], '"args" contradicts "shell": the shell gets one text', "write the arguments into command, or remove shell");
  if (!unit.shell && unit.args.length === 0 && /\S\s+\S/.test(unit.command)) {
    const [program, ...args] = unit.command.trim().split(/\s+/);
    warning(
      ["command"],
      '"command" has spaces and no shell takes it apart: it is looked up as one name',
      `write "command": ${shortJson(program)}, "args": ${shortJson(args)}, or set "shell": true`,
    );
  }
}

function sockets(unit: UnitFile, { error }: Context): void {
  const count = unit.sockets?.length ?? 0;
  if (count > MAX_SOCKETS) error(["sockets"], `${count} sockets are too many for one unit: at most ${MAX_SOCKETS}`);
  const names = new Set<string>();
  const addresses = new Set<string>();
  for (const [index, { name, listen, reuse_port }] of (unit.sockets ?? []).entries()) {
    if (/[:\s]/.test(name)) error(["sockets", index, "name"], `"${name}" cannot be passed in LISTEN_FDNAMES: it holds a colon or a space`);
    if (names.has(name)) error(["sockets", index, "name"], `two sockets are called "${name}"`, "give each a name of its own");
    if (addresses.has(listen) && !reuse_port) error(["sockets", index, "listen"], `two sockets listen on ${listen}`);
    names.add(name);
    addresses.add(listen);
    const address = /[$%]/.test(listen) ? null : parseListen(listen); // with a variable it is known at the start
    if (address?.ok === false) error(["sockets", index, "listen"], address.error);
  }
}

function exitCodes(unit: UnitFile, { error, warning }: Context): void {
  const both = unit.no_restart_exit_codes.filter((code) => unit.success_exit_codes.includes(code));
  if (both.length > 0) {
    error(
      ["no_restart_exit_codes"],
      `exit code ${both.join(", ")} is in "no_restart_exit_codes" and counts as success`,
      "after a success only restart_on_exit restarts; remove it from one of the lists",
    );
  }
  if (!unit.auto_restart && unit.no_restart_exit_codes.length > 0)
    warning(["no_restart_exit_codes"], '"no_restart_exit_codes" has no effect: "auto_restart" is false');
  if (!unit.auto_restart && unit.restart_on_exit)
    warning(["restart_on_exit"], 'it will be restarted after a clean exit but not after a failure, as "auto_restart" is false');
}

function pacing(unit: UnitFile, { error, wrote }: Context): void {
  const { retry_delay, max_backoff } = unit.restart_policy;
  if (max_backoff >= retry_delay) return;
  const key = wrote(["restart_policy", "max_backoff"]) ? "max_backoff" : "retry_delay";
  error(
    ["restart_policy", key],
    `"restart_policy.max_backoff" (${max_backoff}) is less than "retry_delay" (${retry_delay})`,
    `raise max_backoff to ${retry_delay} or more`,
  );
}

function stopping(unit: UnitFile, { warning, wrote }: Context): void {
  if (unit.graceful_shutdown.enabled) return;
  for (const key of ["timeout", "signal"]) {
    const path = ["graceful_shutdown", key];
    if (wrote(path)) warning(path, `"graceful_shutdown.${key}" has no effect: "enabled" is false, so it gets SIGKILL at once`);
  }
}

function reloading(unit: UnitFile, { error }: Context): void {
  const { reload } = unit;
  if (!reload) return;
  if (reload.signal === undefined && reload.command === undefined)
    error(["reload"], '"reload" has neither "signal" nor "command"', 'write { "signal": "SIGHUP" } or { "command": … }');
  if (reload.signal !== undefined && reload.command !== undefined)
    error(["reload", "command"], '"reload" has both "signal" and "command"', "keep one of the two");
  if (reload.command === undefined && reload.args.length > 0) error(["reload", "args"], '"reload.args" has no "command" to go with');
}

function limits(unit: UnitFile, { error }: Context): void {
  for (const [name, limit] of Object.entries(unit.limits ?? {})) {
    if (typeof limit !== "object") continue;
    const [soft, hard] = [limit.soft, limit.hard].map((amount) => (amount === "unlimited" ? Infinity : amount)) as [number, number];
    if (soft > hard) error(["limits", name], `the soft limit of "${name}" is above its hard limit`, "raise hard, or lower soft");
  }
}

function environment(unit: UnitFile, { warning }: Context): void {
  const own = unit.environment.PORT;
  if (unit.port !== undefined && own !== undefined && own !== String(unit.port)) {
    warning(["environment", "PORT"], `PORT will be ${shortJson(own)}, though "port" is ${unit.port}`, "remove one of the two");
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

const MAX_FALLBACKS = 3;

function checks(unit: UnitFile, context: Context): void {
  const { error, warning, wrote } = context;
  const check = unit.health_check;
  if (!check) return;
  if (check.type !== "process" && check.timeout > check.interval && wrote(["health_check", "timeout"])) {
    warning(
      ["health_check", "timeout"],
      `"health_check.timeout" (${check.timeout}) is longer than "interval" (${check.interval}): a probe that hangs delays the next one`,
    );
  }
  let probe: ProbeFile | undefined = check;
  let path: Path = ["health_check"];
  for (let depth = 0; probe; depth++) {
    if (depth > MAX_FALLBACKS) {
      error(path, `fallback checks are nested more than ${MAX_FALLBACKS} deep`);
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
      error([...path, "port"], 'a tcp check needs a "port": neither the check nor the unit has one');
    if (typeof probe.port === "string" && !/[$%]/.test(probe.port))
      error([...path, "port"], `the port must be a number or a text such as "\${PORT}", not ${shortJson(probe.port)}`);
  }
  if (probe.type !== "http") return;
  // What holds specifiers is checked when they are filled in.
  if (!probe.endpoint.startsWith("unix:") && !/[$%]/.test(probe.endpoint) && !URL.canParse(probe.endpoint))
    error([...path, "endpoint"], `${shortJson(probe.endpoint)} is not a URL`);
  for (const status of [probe.expected_status ?? []].flat()) {
    const [from, to] = statusRange(status);
    if (from > to)
      error([...path, "expected_status"], `${shortJson(status)} is no range: it ends before it begins`, `write "${to}-${from}"`);
  }
  const content = probe.expected_content ?? "";
  const regex = /^\/(.+)\/$/s.exec(content)?.[1];
  const pattern = regex === undefined || /[$%]\W/.test(regex) ? null : compilePattern(regex);
  if (pattern?.ok === false) error([...path, "expected_content"], `${shortJson(content)} is not a regular expression: ${pattern.error}`);
  if (/^\/.+\/[gimsuvy]{1,3}$/s.test(content)) {
    warning(
      [...path, "expected_content"],
      `${shortJson(content)} is looked for as plain text: flags after a regular expression are not known`,
      "(?i:…) inside the expression ignores case",
    );
  }
}
