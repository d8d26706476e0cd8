import { signalName, signalNumber } from "../../../base/signals.ts";
import { asBoolean, asNumber, asText, isMap, lookUp, type Data } from "../data.ts";
import { parseDuration } from "../../../base/duration.ts";
import { isBackground, type Process, type Role } from "./process.ts";
import { bashOf } from "./shell.ts";

/** Imports restarts, dependencies, the stop and the schedule. */
export function importLifecycle(proc: Process, role: Role): void {
  const { unit } = proc;
  unit.set("enabled", true);
  if (role === "oneshot") unit.set("type", "oneshot");
  availability(proc, role);
  dependencies(proc);
  shutdown(proc);
  schedule(proc);
  const codes = proc.data.success_exit_codes;
  if (Array.isArray(codes)) {
    const numbers = codes.map(asNumber).filter((code) => code !== null);
    unit.carry("success_exit_codes", "success_exit_codes", [...new Set([0, ...numbers])], proc.where);
  }
}

function availability(proc: Process, role: Role): void {
  const { unit, where } = proc;
  const given = withDefaults(proc);
  const restart = asText(given.restart)?.replaceAll("-", "_").toLowerCase() ?? "no";
  const field = "availability.restart";
  if (restart === "always" || restart === "unless_stopped") {
    if (role === "service") unit.set("restart_on_exit", true);
    if (role === "oneshot") unit.approximated(field, where, "a oneshot is not run again after a success");
    else unit.carried(field, "restart_on_exit", where);
  } else if (restart === "on_failure") unit.carried(field, "auto_restart, which is the default", where);
  else {
    unit.set("auto_restart", false);
    if (restart === "exit_on_failure")
      unit.carryIfSupported(field, "on_fatal", "shutdown", where, "`sup up --exit-on failure` stops everything at the first failure");
    else if (given.restart === undefined)
      unit.carried(field, "auto_restart is false, because process-compose's default is not to restart", where);
    else if (["no", "false"].includes(restart)) unit.carried(field, "auto_restart", where);
    else unit.drop(field, where, `process-compose does not know ${JSON.stringify(restart)}`);
  }
  if (unit.json.auto_restart !== false) {
    const delay = Math.max(1, asNumber(given.backoff_seconds) ?? 1);
    const most = Math.trunc(asNumber(given.max_restarts) ?? 0);
    unit.set("restart_policy", {
      max_retries: most > 0 ? most : -1,
      retry_delay: delay,
      backoff_multiplier: 1,
      ...(delay > 300 ? { max_backoff: delay } : {}),
    });
  }
  for (const [key, value] of Object.entries(given)) {
    if (key === "restart") continue;
    if (key === "backoff_seconds") unit.carried(`availability.${key}`, "restart_policy.retry_delay", where);
    else if (key === "max_restarts") unit.carried(`availability.${key}`, "restart_policy.max_retries", where);
    else if (asBoolean(value) === false) unit.carried(`availability.${key}`, "off, which is the default", where);
    else if (key === "exit_on_end" || key === "exit_on_skipped")
      unit.drop(`availability.${key}`, where, "the daemon goes on when a unit ends", "see `sup up --exit-on`");
    else unit.drop(`availability.${key}`, where, "this key is unknown");
  }
}

/** A variable of process-compose's own environment is unknown during the import, so its default is used. */
function withDefaults({ unit, data, where }: Process): Data {
  if (!isMap(data.availability)) return {};
  const entries = Object.entries(data.availability).map(([key, value]) => {
    const text = typeof value === "string" ? value.replaceAll(/\$\{\w+:?-([^{}]*)\}/g, "$1") : value;
    if (text !== value) unit.approximated(`availability.${key}`, where, `the default of ${String(value)} is used`);
    return [key, text];
  });
  return Object.fromEntries(entries) as Data;
}

const CONDITIONS: Readonly<Record<string, string>> = {
  process_started: "started",
  process_healthy: "ready",
  process_completed: "completed",
  process_completed_successfully: "succeeded",
  process_log_ready: "ready",
};

function dependencies({ unit, data, where, roles }: Process): void {
  const given = data.depends_on;
  const names = Array.isArray(given) ? given.map((each) => [asText(each) ?? "", {}] as const) : isMap(given) ? Object.entries(given) : [];
  if ((Array.isArray(given) || isMap(given)) && names.length === 0) unit.carried("depends_on", "it depends on nothing", where);
  for (const [name, options] of names) {
    const word = (isMap(options) ? asText(options.condition) : null) ?? "process_started";
    const condition = lookUp(CONDITIONS, word);
    const field = `depends_on.${name}`;
    if (condition === undefined) unit.drop(field, where, `process-compose does not know the condition ${JSON.stringify(word)}`);
    else unit.depend(name, { condition: condition === "ready" && roles.get(name) === "oneshot" ? "succeeded" : condition }, field, where);
  }
}

function shutdown({ unit, data, where, expander, shell }: Process): void {
  if (!isMap(data.shutdown)) return;
  for (const [key, value] of Object.entries(data.shutdown)) {
    const field = `shutdown.${key}`;
    const number = asNumber(value);
    if (key === "signal") {
      const signal = signalNumber(asText(value) ?? "");
      if (signal === undefined) unit.drop(field, where, "there is no such signal");
      else if (signal === 15) unit.carried(field, "the default", where);
      else unit.carry(field, "graceful_shutdown.signal", signalName(signal), where);
    } else if (key === "timeout_seconds" && number !== null && number >= 0) unit.carry(field, "graceful_shutdown.timeout", number, where);
    else if (key === "parent_only") {
      if (asBoolean(value) === true) unit.set("graceful_shutdown.kill_mode", "mixed");
      unit.carried(field, "graceful_shutdown.kill_mode", where);
    } else if (key === "command" && isBackground(data)) {
      unit.set("remain_after_exit", true);
      unit.carry(field, "post_stop", [bashOf(expander.shell(asText(value)!), shell)], where);
    } else if (key === "command")
      unit.drop(
        field,
        where,
        "sup stops a service with a signal, not with a command",
        'find the signal that makes it stop, and set "graceful_shutdown": { "signal": … }',
      );
    else unit.drop(field, where, "this key is unknown, or its value is not valid");
  }
}

function schedule({ unit, data, where }: Process): void {
  if (!isMap(data.schedule)) return;
  const { cron, interval, timezone, max_concurrent: most, run_on_start: atStart } = data.schedule;
  const every = parseDuration(asText(interval) ?? "");
  const expression = asText(cron);
  if (expression !== null && expression.trim().split(/\s+/).length === 6)
    unit.drop("schedule.cron", where, "sup's cron has no seconds", "write five fields: minute hour day month weekday");
  else if (expression !== null) unit.carry("schedule.cron", "schedule.cron", expression, where);
  else if (every !== undefined) unit.carry("schedule.interval", "schedule.every", Math.max(1, every / 1000), where);
  else unit.drop("schedule", where, "it has neither cron nor a valid interval");
  const zone = asText(timezone);
  if (zone !== null && isMap(unit.json.schedule)) unit.carry("schedule.timezone", "schedule.timezone", zone, where);
  if (most !== undefined && asNumber(most) === 1) unit.carried("schedule.max_concurrent", "schedule.overlap", where);
  else if (most !== undefined) unit.drop("schedule.max_concurrent", where, "sup runs one instance at a time");
  if (asBoolean(atStart) === true) unit.drop("schedule.run_on_start", where, "a schedule does not run at the start of the daemon");
  // The unit is started by its schedule instead of the daemon.
  delete unit.json.enabled;
}
