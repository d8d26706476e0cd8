import { signalName } from "../../../base/signals.ts";
import type { RestartPolicy } from "../../../spec/spec.ts";
import type { ServiceExport, Line } from "./context.ts";
import { seconds } from "./quote.ts";

/** Writes `Restart=`, its delays and limits, and the timeouts. Returns the lines for `[Unit]`. */
export function exportRestarts({ draft, lines }: ServiceLinesOf, exportTimeouts: (service: ServiceLinesOf) => void = timeouts): Line[] {
  const { spec } = draft;
  const { autoRestart, restartOnExit, successExitCodes, noRestartExitCodes } = spec.restart;
  const isOneshot = spec.type === "oneshot";
  const always = restartOnExit && !isOneshot;
  const value = autoRestart ? (always ? "always" : "on-failure") : always ? "on-success" : "no";
  lines.push(["Restart", value]);
  draft.carried("auto_restart", "Restart");
  draft.carried("restart_on_exit", "Restart");
  const codes = successExitCodes.filter((code) => code !== 0);
  if (codes.length > 0) lines.push(["SuccessExitStatus", codes.join(" ")]);
  if (successExitCodes.includes(0)) draft.carried("success_exit_codes", "SuccessExitStatus");
  else draft.approximated("success_exit_codes", "SuccessExitStatus: for systemd, 0 is always a success");
  if (noRestartExitCodes.length > 0) lines.push(["RestartPreventExitStatus", noRestartExitCodes.join(" ")]);
  draft.carried("no_restart_exit_codes", "RestartPreventExitStatus");
  exportTimeouts({ draft, lines });
  if (value === "no") {
    for (const key of POLICY) draft.carried(`restart_policy.${key}`, "without effect, because the unit is not restarted");
    return [];
  }
  // systemd counts an end by these signals as a success, but sup counts it as a failure. systemd refuses this key for a oneshot.
  if (autoRestart && !isOneshot) lines.push(["RestartForceExitStatus", "SIGHUP SIGINT SIGTERM SIGPIPE"]);
  return delays({ draft, lines }, spec.restart);
}

const POLICY = ["max_retries", "retry_delay", "backoff_multiplier", "max_backoff", "jitter", "reset_after", "fatal_retry_after"];

/** The lines of `[Service]`, and the report. */
export type ServiceLinesOf = Pick<ServiceExport, "draft" | "lines">;

function delays({ draft, lines }: ServiceLinesOf, policy: RestartPolicy): Line[] {
  const { retryDelayMs, backoffMultiplier, maxBackoffMs } = policy;
  const first = Math.min(retryDelayMs, maxBackoffMs);
  lines.push(["RestartSec", seconds(first)]);
  draft.carried("restart_policy.retry_delay", "RestartSec");
  if (first > 0 && backoffMultiplier > 1 && maxBackoffMs > first) {
    const steps = Math.max(1, Math.round(Math.log(maxBackoffMs / first) / Math.log(backoffMultiplier)));
    lines.push(["RestartSteps", String(steps)], ["RestartMaxDelaySec", seconds(maxBackoffMs)]);
    const factor = Math.round((maxBackoffMs / first) ** (1 / steps) * 1000) / 1000;
    const how = `RestartSteps, RestartMaxDelaySec: the delay grows by ${factor} with each retry; systemd needs version 254 for that`;
    draft.approximated("restart_policy.backoff_multiplier", how);
  } else draft.carried("restart_policy.backoff_multiplier", "RestartSec: the delay does not grow");
  draft.carried("restart_policy.max_backoff", "RestartMaxDelaySec");
  return startLimit(draft, policy);
}

/**
 * Limits the starts. systemd gives up after this many starts within an interval, which must be longer than all delays between
 * the starts.
 */
function startLimit(draft: ServiceExport["draft"], policy: RestartPolicy): Line[] {
  const { maxRetries, resetAfterMs, restartOnExit } = policy;
  if (maxRetries < 0) {
    draft.carried("restart_policy.max_retries", "StartLimitIntervalSec=0: no limit");
    draft.carried("restart_policy.reset_after", "without effect, because the retries have no limit");
    return [["StartLimitIntervalSec", "0"]];
  }
  const needed = 2 * totalDelayMs(policy);
  const interval = Math.max(1000, resetAfterMs, needed);
  const also = restartOnExit ? ", and so do restarts after a clean exit" : "";
  draft.approximated("restart_policy.max_retries", `StartLimitBurst: starts by hand count as well${also}`);
  draft.approximated(
    "restart_policy.reset_after",
    interval > resetAfterMs
      ? `StartLimitIntervalSec: ${interval / 1000} s, because the retries need at least half of this time`
      : "StartLimitIntervalSec: systemd counts the starts within this time",
  );
  return [
    ["StartLimitIntervalSec", seconds(interval)],
    ["StartLimitBurst", String(maxRetries + 1)],
  ];
}

/** Returns the sum of the delays before all retries. */
function totalDelayMs({ maxRetries, retryDelayMs, backoffMultiplier, maxBackoffMs }: RestartPolicy): number {
  let total = 0;
  let delay = Math.min(retryDelayMs, maxBackoffMs);
  for (let retry = 0; retry < maxRetries; retry++) {
    if (delay >= maxBackoffMs || backoffMultiplier === 1) return Math.round(total + delay * (maxRetries - retry));
    total += delay;
    delay = Math.min(delay * backoffMultiplier, maxBackoffMs);
    if (delay === 0) return 0;
  }
  return Math.round(total);
}

function timeouts({ draft, lines }: ServiceLinesOf): void {
  const { startTimeoutMs, stop, watchdogMs } = draft.spec;
  if (startTimeoutMs !== null) lines.push(["TimeoutStartSec", seconds(startTimeoutMs)]);
  draft.carried("start_timeout", "TimeoutStartSec");
  if (watchdogMs !== null) lines.push(["WatchdogSec", seconds(watchdogMs)]);
  draft.carried("watchdog", "WatchdogSec");
  // 0 would mean no limit.
  lines.push(["TimeoutStopSec", seconds(Math.max(1, stop.timeoutMs))]);
  if (stop.timeoutMs === 0) draft.approximated("graceful_shutdown.timeout", "TimeoutStopSec: a millisecond, because 0 means no limit");
  else draft.carried("graceful_shutdown.timeout", "TimeoutStopSec");
  const signal = stop.graceful ? signalName(stop.signal) : "SIGKILL";
  if (signal !== "SIGTERM") lines.push(["KillSignal", signal]);
  draft.carried("graceful_shutdown.enabled", "KillSignal");
  draft.carried("graceful_shutdown.signal", "KillSignal");
  if (stop.killMode !== "group") lines.push(["KillMode", "mixed"]);
  if (stop.killMode === "process")
    draft.approximated("graceful_shutdown.kill_mode", "KillMode=mixed: KillMode=process would leave the other processes running");
  else draft.carried("graceful_shutdown.kill_mode", "KillMode");
}
