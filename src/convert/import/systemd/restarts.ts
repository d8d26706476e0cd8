import { whereOf, type Assignment } from "./parse.ts";
import { take, type Service } from "./service-context.ts";
import { toExitCode, toSeconds } from "./values.ts";

/** Imports `Restart=` and everything about timeouts and limits of starts. */
export function importRestarts(service: Service): void {
  restart(service);
  delays(service);
  timeouts(service);
  codes(service, "SuccessExitStatus", "success_exit_codes", [0]);
  codes(service, "RestartPreventExitStatus", "no_restart_exit_codes", []);
}

function restart(service: Service): void {
  const { unit } = service;
  const found = take(service, "Restart");
  const value = found?.value ?? "no";
  const where = found ? whereOf(found) : unit.origin;
  const isOneshot = unit.json.type === "oneshot";
  if (value === "no" || value === "on-success") unit.set("auto_restart", false);
  if ((value === "always" || value === "on-success") && !isOneshot) unit.set("restart_on_exit", true);
  if (!found) return unit.carried("Restart", "auto_restart is false, because systemd's default is not to restart", where);
  if (value === "no") unit.carried("Restart", "auto_restart", where);
  else if ((value === "always" || value === "on-success") && isOneshot)
    unit.approximated("Restart", where, "a oneshot is not run again after a success", 'use a "schedule" to run it repeatedly');
  else if (value === "always") unit.carried("Restart", "restart_on_exit", where);
  else if (value === "on-success") unit.carried("Restart", "restart_on_exit, and auto_restart is false", where);
  else if (value === "on-failure") unit.carried("Restart", "auto_restart, which is the default", where);
  else if (["on-abnormal", "on-abort", "on-watchdog"].includes(value))
    unit.approximated(
      "Restart",
      where,
      "sup also restarts after an exit code that means failure",
      "add such codes to no_restart_exit_codes",
    );
  else unit.drop("Restart", where, `systemd does not know ${value} and does not restart`);
}

const DEFAULT_DELAY = 0.1;
const DEFAULT_INTERVAL = 10;
const DEFAULT_BURST = 5;

function delays(service: Service): void {
  const { unit, settings } = service;
  if (unit.json.auto_restart === false && unit.json.restart_on_exit === undefined) {
    for (const key of [
      "RestartSec",
      "RestartSteps",
      "RestartMaxDelaySec",
      "StartLimitBurst",
      "StartLimitInterval",
      "StartLimitIntervalSec",
    ]) {
      const found = take(service, key);
      if (found) unit.carried(key, "without effect, because the unit is not restarted", whereOf(found));
    }
    return;
  }
  const delay = seconds(service, take(service, "RestartSec")) ?? DEFAULT_DELAY;
  const steps = take(service, "RestartSteps");
  const most = take(service, "RestartMaxDelaySec");
  const longest = seconds(service, most);
  unit.set("restart_policy.retry_delay", Math.min(delay, MAX_DELAY));
  if (steps && longest !== null && longest > delay && delay > 0 && Number(steps.value) > 0) {
    unit.set("restart_policy.max_backoff", Math.min(longest, MAX_DELAY));
    unit.set("restart_policy.backoff_multiplier", Math.round((longest / delay) ** (1 / Number(steps.value)) * 1000) / 1000);
    unit.carried("RestartSteps", "restart_policy.backoff_multiplier", whereOf(steps));
  } else {
    unit.set("restart_policy.backoff_multiplier", 1);
    if (delay > 300) unit.set("restart_policy.max_backoff", Math.min(delay, MAX_DELAY));
    if (steps) unit.carried("RestartSteps", "without effect, as in systemd", whereOf(steps));
  }
  if (most) unit.carried("RestartMaxDelaySec", "restart_policy.max_backoff", whereOf(most));
  const sec = settings.last("RestartSec");
  if (sec) unit.carried("RestartSec", "restart_policy.retry_delay", whereOf(sec));
  startLimit(service, delay);
}

const MAX_DELAY = 31_536_000;

/**
 * Imports the limit of starts. systemd gives up after this many starts within an interval. sup counts retries, and resets the
 * counter after a time of uptime.
 */
function startLimit(service: Service, delay: number): void {
  const { unit } = service;
  const interval = take(service, "StartLimitIntervalSec") ?? take(service, "StartLimitInterval");
  const burst = take(service, "StartLimitBurst");
  take(service, "StartLimitInterval");
  const within = seconds(service, interval) ?? DEFAULT_INTERVAL;
  const starts = burst && /^\d{1,6}$/.test(burst.value) ? Number(burst.value) : DEFAULT_BURST;
  const isEndless = within === 0 || starts === 0 || delay * starts > within;
  unit.set("restart_policy.max_retries", isEndless ? -1 : Math.max(0, starts - 1));
  if (!isEndless) unit.set("restart_policy.reset_after", Math.min(within, MAX_DELAY));
  const how = isEndless
    ? "the limit can never be reached, so the unit is retried without a limit"
    : "sup counts retries until the unit has run this long";
  for (const found of [interval, burst])
    if (found) unit.approximated(found.key, whereOf(found), `restart_policy.max_retries, reset_after: ${how}`);
}

function timeouts(service: Service): void {
  const { unit } = service;
  const both = take(service, "TimeoutSec");
  const start = take(service, "TimeoutStartSec") ?? both;
  const stop = take(service, "TimeoutStopSec") ?? both;
  const isOneshot = unit.json.type === "oneshot";
  const startSeconds = seconds(service, start) ?? (isOneshot ? Infinity : 90);
  // Both 0 and infinity mean that there is no limit.
  if (startSeconds === 0 || startSeconds === Infinity) {
    if (!isOneshot) unit.set("start_timeout", MAX_DELAY);
  } else if (start || unit.json.type === "notify") unit.set("start_timeout", Math.min(startSeconds, MAX_DELAY));
  if (start) unit.carried(start.key, "start_timeout", whereOf(start));
  const stopSeconds = seconds(service, stop) ?? 90;
  unit.set("graceful_shutdown.timeout", stopSeconds === 0 ? MAX_DELAY : Math.min(stopSeconds, MAX_DELAY));
  if (stop && stop.key !== start?.key) unit.carried(stop.key, "graceful_shutdown.timeout", whereOf(stop));
  const watchdog = take(service, "WatchdogSec");
  const watchdogSeconds = seconds(service, watchdog);
  if (!watchdog || watchdogSeconds === null) return;
  if (watchdogSeconds === 0 || watchdogSeconds === Infinity) unit.carried("WatchdogSec", "no watchdog", whereOf(watchdog));
  else unit.carry("WatchdogSec", "watchdog", watchdogSeconds, whereOf(watchdog));
}

/** Converts a time span. If the time span is not valid, reports it and returns null. */
function seconds({ unit }: Service, found: Assignment | undefined): number | null {
  if (!found) return null;
  const value = toSeconds(found.value);
  if (value === null) unit.drop(found.key, whereOf(found), `systemd ignores ${JSON.stringify(found.value)}, which is not a time span`);
  return value;
}

function codes(service: Service, key: string, target: string, base: readonly number[]): void {
  const { unit, settings, done } = service;
  done.add(key);
  const found = settings.all(key);
  if (found.length === 0) return;
  const words = found.flatMap(({ value }) => value.split(/\s+/));
  const numbers = words.map(toExitCode);
  const others = words.filter((_, index) => numbers[index] === null);
  const list = [...new Set([...base, ...numbers.filter((code) => code !== null)])];
  if (list.length > base.length) {
    const taken =
      key === "RestartPreventExitStatus"
        ? list.filter((code) => !((unit.json.success_exit_codes as number[] | undefined) ?? [0]).includes(code))
        : list;
    if (taken.length > 0 && !(key === "RestartPreventExitStatus" && unit.json.auto_restart === false)) unit.set(target, taken);
  }
  const where = whereOf(found.at(-1)!);
  if (others.length === 0) unit.carried(key, target, where);
  else unit.approximated(key, where, `${target}: it lists exit codes only, so ${others.join(", ")} is left out`, null);
}
