import { formatDuration } from "../../base/duration.ts";
import { signalName } from "../../base/signals.ts";
import type { CheckSpec, ProbeSpec, RestartPolicy, ScheduleSpec, Spec, WatchSpec } from "../../spec/spec.ts";
import type { Display } from "../../spec/load/display.ts";
import { writtenPattern } from "../../base/pattern.ts";
import { redactString } from "../../spec/redact.ts";
import { conditionsWords } from "./conditions.ts";
import { backoffMs } from "../unit/restart.ts";

/** Explains a unit's settings in sentences and numbers, without starting any process. */

/** One retry of a series. The unit starts `delayMs` after the failure. */
export interface Retry {
  readonly attempt: number;
  readonly delayMs: number;
  /** Milliseconds between the first start and this retry, if each run fails immediately. */
  readonly atMs: number;
}

/** Maximum number of retries that are shown for a policy without a limit. */
const SHOWN_RETRIES = 12;

/** Returns the retries with their back-off, without jitter. If the policy has no limit, the list ends where the delay stops growing. */
export function retriesOf(policy: RestartPolicy): Retry[] {
  if (!policy.autoRestart) return [];
  const count = policy.maxRetries < 0 ? SHOWN_RETRIES : Math.min(policy.maxRetries, 1000);
  const retries: Retry[] = [];
  let atMs = 0;
  for (let attempt = 1; attempt <= count; attempt++) {
    const delayMs = Math.round(backoffMs(policy, attempt, 0.5));
    atMs += delayMs;
    retries.push({ attempt, delayMs, atMs });
    if (policy.maxRetries < 0 && delayMs >= policy.maxBackoffMs) break;
  }
  return retries;
}

/** Returns the milliseconds until the unit is fatal if each run fails immediately, or null if it never becomes fatal. */
export const timeToFatalMs = (policy: RestartPolicy): number | null =>
  policy.autoRestart && policy.maxRetries >= 0 ? (retriesOf(policy).at(-1)?.atMs ?? 0) : null;

/** Returns one sentence for each policy of the unit. `display` turns a string of the unit file into the string to show. */
export function policyWords(spec: Spec, display: Display = redactString): string[] {
  return [
    ...(spec.conditions.length === 0 ? [] : [conditionsWords(spec.conditions, display)]),
    ...restartWords(spec.restart),
    ...(spec.onFatal === "shutdown" ? ["If it fails for good: all units stop, and the daemon exits (on_fatal)."] : []),
    ...(spec.check === null ? [] : [checkWords(spec.check, display)]),
    ...(spec.failLog === null ? [] : [`A line of output that matches ${writtenPattern(spec.failLog)} is a failure (fail_log).`]),
    ...(spec.watchdogMs === null ? [] : [`Watchdog: the service must send WATCHDOG=1 every ${formatDuration(spec.watchdogMs)}.`]),
    ...(spec.schedule === null ? [] : [scheduleWords(spec.schedule)]),
    ...(spec.watch === null ? [] : [watchWords(spec.watch, display)]),
    stopWords(spec),
  ];
}

function restartWords(policy: RestartPolicy): string[] {
  const words: string[] = [];
  if (!policy.autoRestart) words.push("After a failure: no restart (auto_restart is off).");
  else if (policy.maxRetries === 0) words.push("After a failure: fatal immediately, without a retry (max_retries is 0).");
  else words.push(retryWords(policy), `The retry counter resets after ${formatDuration(policy.resetAfterMs)} of uptime.`);
  words.push(
    policy.restartOnExit ? `After a clean exit: restart in ${formatDuration(policy.retryDelayMs)}.` : "After a clean exit: stays stopped.",
  );
  const codes = policy.noRestartExitCodes;
  if (codes.length > 0) words.push(`${exitCodes(codes)} ${codes.length === 1 ? "prevents" : "prevent"} a restart.`);
  const clean = policy.successExitCodes;
  if (clean.join() !== "0") words.push(`${exitCodes(clean)} ${clean.length === 1 ? "counts" : "count"} as clean.`);
  if (policy.fatalRetryAfterMs !== null) words.push(`A fatal unit starts again after ${formatDuration(policy.fatalRetryAfterMs)}.`);
  return words;
}

const exitCodes = (codes: readonly number[]): string => `Exit code${codes.length === 1 ? "" : "s"} ${codes.join(", ")}`;

function retryWords(policy: RestartPolicy): string {
  const retries = retriesOf(policy);
  const delays = retries.slice(0, SHOWN_DELAYS).map(({ delayMs }) => formatDuration(delayMs));
  const list = delays.join(", ") + (retries.length > delays.length || policy.maxRetries < 0 ? ", …" : "");
  const jitter = policy.jitter > 0 ? ` (± ${Math.round(policy.jitter * 100)} %)` : "";
  const when = policy.retryDelayMs === 0 ? "immediately" : `after ${list}${jitter}`;
  if (policy.maxRetries < 0) return `After a failure: unlimited retries, ${when}.`;
  return `After a failure: ${policy.maxRetries === 1 ? "1 retry" : `up to ${policy.maxRetries} retries`}, ${when}; then fatal.`;
}

const SHOWN_DELAYS = 6;

function checkWords(check: CheckSpec, display: Display): string {
  const once = check.failureThreshold === 1;
  const failures = once ? "1 failure" : `${check.failureThreshold} consecutive failures`;
  const consequence =
    check.action === "restart"
      ? `${once ? "restarts" : "restart"} the unit and ${once ? "uses" : "use"} up a retry`
      : `${once ? "makes" : "make"} the unit unhealthy without a restart (action none)`;
  const fallback =
    check.fallback === null
      ? ""
      : ` If it fails, the fallback runs: ${probeWords(check.fallback, display)}; if that passes, the unit is degraded.`;
  return `Health check: ${probeWords(check.probe, display)} every ${formatDuration(check.intervalMs)}; ${failures} ${consequence}.${fallback}`;
}

function probeWords(probe: ProbeSpec, display: Display): string {
  switch (probe.type) {
    case "http":
      return `${probe.method} ${display(probe.endpoint)}`;
    case "tcp":
      return `TCP connection to ${display(probe.host)}:${display(probe.port)}`;
    case "process":
      return "the state of the main process";
    case "exec":
      return `command ${[probe.command, ...probe.args]
        .map((text) => display(text))
        .join(" ")
        .slice(0, 80)}`;
  }
}

function scheduleWords({ cron, timezone, everyMs, catchUp, overlap }: ScheduleSpec): string {
  const when = everyMs === null ? `at ${cron}${timezone === null ? "" : ` (${timezone})`}` : `every ${formatDuration(everyMs)}`;
  const missed = catchUp ? "After missed runs, the unit runs once." : "Missed runs are skipped.";
  const busy = {
    skip: "the new run is skipped",
    queue: "the new run starts right after it",
    kill: "it is stopped and the new run starts",
  }[overlap];
  return `Schedule: ${when}. ${missed} If the previous run is still active, ${busy}.`;
}

function watchWords({ paths }: WatchSpec, display: Display): string {
  const shown = paths.map((path) => display(path));
  return shown.length === 1
    ? `The unit restarts when ${shown[0]} changes.`
    : `The unit restarts when one of these changes: ${shown.join(", ")}.`;
}

function stopWords({ stop }: Spec): string {
  if (!stop.graceful) return "Stop: SIGKILL to all processes immediately.";
  const target = stop.killMode === "group" ? "all processes" : "the main process";
  return `Stop: ${signalName(stop.signal)} to ${target}; remaining processes get SIGKILL after ${formatDuration(stop.timeoutMs)}.`;
}
