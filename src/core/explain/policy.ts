import { formatDuration } from "../../base/duration.ts";
import { signalName } from "../../base/signals.ts";
import type { CheckSpec, ProbeSpec, RestartPolicy, ScheduleSpec, Spec } from "../../spec/spec.ts";
import { backoffMs } from "../unit/restart.ts";

/** What a unit's settings come to, in sentences and in numbers, without running anything. */

/** One retry after failures in a row: it comes `delayMs` after the failure. */
export interface Retry {
  readonly attempt: number;
  readonly delayMs: number;
  /** After the first start, if each run fails at once. */
  readonly atMs: number;
}

/** For a policy that never gives up: as many as are worth showing. */
const SHOWN_RETRIES = 12;

/** The back-off sequence without its jitter; for a policy without an end, until the delay does not grow any more. */
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

/** How long until it is given up when each run fails at once; null: never, or nothing is retried. */
export const timeToFatalMs = (policy: RestartPolicy): number | null =>
  policy.autoRestart && policy.maxRetries >= 0 ? (retriesOf(policy).at(-1)?.atMs ?? 0) : null;

export function policyWords(spec: Spec): string[] {
  return [
    ...restartWords(spec.restart),
    ...(spec.check === null ? [] : [checkWords(spec.check)]),
    ...(spec.watchdogMs === null ? [] : [`It has to give a sign of life (WATCHDOG=1) every ${formatDuration(spec.watchdogMs)}.`]),
    ...(spec.schedule === null ? [] : [scheduleWords(spec.schedule)]),
    ...(spec.watch === null ? [] : [`It is restarted when ${spec.watch.paths.join(", ")} changes.`]),
    stopWords(spec),
  ];
}

function restartWords(policy: RestartPolicy): string[] {
  const words: string[] = [];
  if (!policy.autoRestart) words.push("After a failure it is not restarted (auto_restart is off).");
  else if (policy.maxRetries === 0) words.push("After a failure it is given up at once (max_retries is 0).");
  else words.push(`${retryWords(policy)} ${formatDuration(policy.resetAfterMs)} of running set the count of retries back to 0.`);
  words.push(
    policy.restartOnExit
      ? `After a clean exit it is started again after ${formatDuration(policy.retryDelayMs)}.`
      : "After a clean exit it stays stopped.",
  );
  const codes = policy.noRestartExitCodes;
  if (codes.length > 0) words.push(`Exit code ${codes.join(", ")} is never followed by a restart.`);
  if (policy.successExitCodes.join() !== "0") words.push(`Exit code ${policy.successExitCodes.join(", ")} counts as clean.`);
  if (policy.fatalRetryAfterMs !== null)
    words.push(`When it was given up it is tried again after ${formatDuration(policy.fatalRetryAfterMs)}.`);
  return words;
}

function retryWords(policy: RestartPolicy): string {
  const retries = retriesOf(policy);
  const delays = retries.slice(0, 6).map(({ delayMs }) => (delayMs === 0 ? "at once" : formatDuration(delayMs)));
  const list = delays.join(", ") + (retries.length > delays.length || policy.maxRetries < 0 ? ", …" : "");
  const jitter = policy.jitter > 0 ? ` (± ${Math.round(policy.jitter * 100)} %)` : "";
  const limit =
    policy.maxRetries < 0
      ? "for ever"
      : `${policy.maxRetries} ${policy.maxRetries === 1 ? "time" : "times"} in a row, then it is given up (fatal)`;
  return `After a failure it is tried again ${limit}: after ${list}${jitter}.`;
}

function checkWords(check: CheckSpec): string {
  const every = formatDuration(check.intervalMs);
  const count = check.failureThreshold === 1 ? "One failure" : `${check.failureThreshold} failures in a row`;
  const consequence = check.action === "restart" ? "restart it, which uses up a retry" : "are told and change nothing (action none)";
  const fallback = check.fallback === null ? "" : ` If it fails, ${probeWords(check.fallback)} is asked: passing that, it is degraded.`;
  return `Its health is asked every ${every} by ${probeWords(check.probe)}.${fallback} ${count} ${check.failureThreshold === 1 ? consequence.replace(/^restart/, "restarts").replace(/^are told and change/, "is told and changes") : consequence}.`;
}

function probeWords(probe: ProbeSpec): string {
  switch (probe.type) {
    case "http":
      return `${probe.method} ${probe.endpoint}`;
    case "tcp":
      return `a connection to ${probe.host}:${probe.port}`;
    case "process":
      return "the state of its process";
    case "exec":
      return `the command ${[probe.command, ...probe.args].join(" ").slice(0, 80)}`;
  }
}

function scheduleWords({ cron, timezone, everyMs, catchUp, overlap }: ScheduleSpec): string {
  const when = everyMs === null ? `at ${cron}${timezone === null ? "" : ` (${timezone})`}` : `every ${formatDuration(everyMs)}`;
  const late = catchUp ? "a time that was missed is made up for once" : "a time that was missed is left out";
  const busy = { skip: "left out", queue: "run right after it", kill: "run instead of it, which is ended first" }[overlap];
  return `It runs ${when}; ${late}; one whose time comes while the last is not over is ${busy}.`;
}

function stopWords({ stop }: Spec): string {
  if (!stop.graceful) return "To stop it, SIGKILL goes to its whole tree at once.";
  const whom = stop.killMode === "group" ? "its whole tree" : "its main process";
  const wait = formatDuration(stop.timeoutMs);
  return `To stop it, ${signalName(stop.signal)} goes to ${whom}; what is left after ${wait} gets SIGKILL.`;
}
