import type { Amount, RestartPolicy } from "../../../spec/spec.ts";
import type { ExportDraft } from "../draft.ts";
import { nanoseconds, type NomadExport, type Part } from "./context.ts";

/** Nomad accepts no shorter interval of restarts, and no shorter delay of a rescheduling. */
const SHORTEST_MS = 5000;

/** Returns when the client restarts a task, and when the servers replace an allocation that has failed. */
export function exportRestarts({ draft }: NomadExport): Part {
  const { restart, type } = draft.spec;
  const { autoRestart, restartOnExit } = restart;
  draft.carried("auto_restart", "restart");
  if (type !== "oneshot" && autoRestart && !restartOnExit)
    draft.approximated(
      "restart_on_exit",
      "Nomad restarts a task of a service after a clean exit, too",
      'use "type": "oneshot" for a program that ends',
      true,
    );
  else if (restartOnExit && !autoRestart) draft.dropped("restart_on_exit", "Nomad cannot restart a task after clean exits only");
  else draft.carried("restart_on_exit", "restart");
  draft.dropped("success_exit_codes", "for Nomad, only 0 is a success");
  draft.dropped("no_restart_exit_codes", "Nomad restarts a task after every exit code that is a failure");
  for (const key of ["backoff_multiplier", "max_backoff"])
    draft.dropped(`restart_policy.${key}`, "Nomad waits the same time before each restart");
  draft.dropped("restart_policy.jitter", "Nomad always adds up to 25 % to the delay");
  if (!autoRestart) {
    for (const key of ["max_retries", "retry_delay", "reset_after", "fatal_retry_after"])
      draft.carried(`restart_policy.${key}`, "without effect, because the task is not restarted");
    return { RestartPolicy: { Attempts: 0, Interval: nanoseconds(SHORTEST_MS), Delay: nanoseconds(1000), Mode: "fail" }, ...NO_RESCHEDULE };
  }
  return { RestartPolicy: restartPolicy(draft, restart), ...reschedule(draft, restart) };
}

/** sup never moves a unit to another machine. */
const NO_RESCHEDULE = { ReschedulePolicy: { Attempts: 0, Unlimited: false } };

function restartPolicy(draft: ExportDraft, { maxRetries, retryDelayMs, resetAfterMs }: RestartPolicy): Part {
  draft.carried("restart_policy.retry_delay", "restart.delay");
  if (maxRetries < 0) {
    draft.approximated("restart_policy.max_retries", 'restart.mode "delay": one restart in each interval, and no limit');
    draft.carried("restart_policy.reset_after", "without effect, because the retries have no limit");
    const interval = Math.max(SHORTEST_MS, retryDelayMs);
    return { Attempts: 1, Interval: nanoseconds(interval), Delay: nanoseconds(retryDelayMs), Mode: "delay" };
  }
  const interval = Math.max(SHORTEST_MS, resetAfterMs, 2 * maxRetries * retryDelayMs);
  draft.approximated("restart_policy.max_retries", "restart.attempts: Nomad counts the restarts within restart.interval");
  draft.approximated("restart_policy.reset_after", `restart.interval: ${interval / 1000} s, in which Nomad counts the restarts`);
  return { Attempts: maxRetries, Interval: nanoseconds(interval), Delay: nanoseconds(retryDelayMs), Mode: "fail" };
}

function reschedule(draft: ExportDraft, { fatalRetryAfterMs }: RestartPolicy): Part {
  if (fatalRetryAfterMs === null) return NO_RESCHEDULE;
  draft.approximated("restart_policy.fatal_retry_after", "reschedule: Nomad starts a new allocation, perhaps on another machine");
  const Delay = nanoseconds(Math.max(SHORTEST_MS, fatalRetryAfterMs));
  return { ReschedulePolicy: { Delay, DelayFunction: "constant", Unlimited: true } };
}

/** Returns how an update replaces the allocations. `hasFixedPorts` is true if two of them cannot run on one machine. */
export function exportUpdate({ draft }: NomadExport, { hasFixedPorts, hasCheck }: UpdateOptions): Part {
  const { rolling, startTimeoutMs, instances } = draft.spec;
  const count = instances ?? 1;
  const minHealthyMs = rolling?.minHealthyMs ?? 5000;
  // Nomad requires that these times increase in this order.
  const healthyDeadlineMs = Math.max(startTimeoutMs ?? 300_000, minHealthyMs + 1000);
  const progressDeadlineMs = Math.max(rolling?.progressDeadlineMs ?? 600_000, healthyDeadlineMs + 1000);
  draft.approximated("start_timeout", "update.healthy_deadline: only a deployment has a time limit");
  draft.carried("rolling.min_healthy_time", "update.min_healthy_time");
  draft.carried("rolling.progress_deadline", "update.progress_deadline");
  draft.carried("rolling.auto_revert", "update.auto_revert");
  const unavailable = rolling === null ? 1 : resolved(rolling.maxUnavailable, count, Math.floor);
  if (unavailable > 0) draft.carried("rolling.max_unavailable", "update.max_parallel");
  else
    draft.approximated(
      "rolling.max_unavailable",
      "update.max_parallel: 1, because Nomad stops an allocation before it starts the new one",
      null,
      rolling !== null,
    );
  draft.dropped("rolling.order", "Nomad replaces allocations in no particular order");
  draft.dropped(
    "rolling.drain",
    "Nomad sends one stop signal",
    "set shutdown_delay of the task: it is the time between leaving the service and the signal",
  );
  const surge = rolling === null ? 0 : resolved(rolling.maxSurge, count, Math.ceil);
  const asked = rolling?.canary ?? 0;
  const canary = hasFixedPorts ? 0 : Math.min(count, asked > 0 ? asked : surge);
  if (hasFixedPorts && rolling !== null) {
    for (const key of ["max_surge", "canary"])
      draft.dropped(
        `rolling.${key}`,
        "a further allocation could not have the port of the one that runs",
        "export with --image, or use PORT",
      );
  } else {
    draft.approximated("rolling.max_surge", "update.canary: so many new allocations start before the first old one stops");
    draft.carried("rolling.canary", "update.canary: `nomad deployment promote` continues");
  }
  return {
    Update: {
      MaxParallel: Math.max(1, unavailable),
      HealthCheck: hasCheck ? "checks" : "task_states",
      MinHealthyTime: nanoseconds(minHealthyMs),
      HealthyDeadline: nanoseconds(healthyDeadlineMs),
      ProgressDeadline: nanoseconds(progressDeadlineMs),
      AutoRevert: rolling?.autoRevert ?? false,
      ...(canary > 0 && { Canary: canary, AutoPromote: asked === 0 }),
    },
  };
}

export interface UpdateOptions {
  readonly hasFixedPorts: boolean;
  readonly hasCheck: boolean;
}

const resolved = ({ count, percent }: Amount, of: number, round: (value: number) => number): number =>
  percent === null ? count : round((of * percent) / 100);

/** Returns the number of allocations and the rules by which the Nomad Autoscaler changes it. */
export function exportScaling({ draft }: NomadExport): Part {
  const { scaling, instances } = draft.spec;
  if (scaling === null) {
    draft.carried("instances", "count");
    return { Count: instances ?? 1 };
  }
  const checks: Part[] = [];
  for (const { metric, target } of scaling.metrics) {
    const isKnown = metric === "cpu" || metric === "memory";
    for (const key of ["metric", "target", "metrics"])
      if (isKnown) draft.approximated(`instances.${key}`, `scaling: the check ${metric}, for which the Nomad Autoscaler must run`);
      else draft.dropped(`instances.${key}`, `Nomad does not measure ${metric}`, "write a check with the source prometheus");
    if (!isKnown) continue;
    const strategy = {
      target: metric === "cpu" ? target : target * 1024 * 1024,
      threshold: scaling.tolerance,
      ...(scaling.maxStepUp.count > 0 && scaling.maxStepUp.percent === 0 && { max_scale_up: scaling.maxStepUp.count }),
      ...(scaling.maxStepDown.count > 0 && { max_scale_down: scaling.maxStepDown.count }),
    };
    checks.push({ [metric]: [{ source: "nomad-apm", query: `avg_${metric}`, strategy: [{ "target-value": [strategy] }] }] });
  }
  reportSteps(draft);
  const policy = {
    cooldown: `${Math.ceil(scaling.downAfterMs / 1000)}s`,
    cooldown_on_scale_up: `${Math.ceil(scaling.upAfterMs / 1000)}s`,
    ...(checks.length > 0 && { check: checks }),
  };
  return { Count: instances ?? 1, Scaling: { Enabled: true, Min: scaling.min, Max: scaling.max, Policy: policy } };
}

function reportSteps(draft: ExportDraft): void {
  const { maxStepUp, maxStepDown } = draft.spec.scaling!;
  for (const key of ["min", "max"]) draft.carried(`instances.${key}`, `scaling.${key}`);
  draft.carried("instances.start", "count");
  draft.carried("instances.tolerance", "threshold");
  draft.approximated("instances.up_after", "cooldown_on_scale_up: the time after an action in which the number stays");
  draft.dropped("instances.idle_after", "the autoscaler starts no allocation at the first connection", "set min to 1");
  draft.approximated("instances.down_after", "cooldown: the time after an action in which the number stays");
  for (const [key, { percent }] of [
    ["max_step_up", maxStepUp],
    ["max_step_down", maxStepDown],
  ] as const) {
    if (percent > 0) draft.dropped(`instances.${key}`, "the autoscaler limits a step by a number only", "write a number");
    else draft.carried(`instances.${key}`, key === "max_step_up" ? "max_scale_up" : "max_scale_down");
  }
}
