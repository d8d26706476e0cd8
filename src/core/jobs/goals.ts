import type { Spec } from "../../spec/spec.ts";
import type { GoalAction } from "./job.ts";
import { isDown, stateOf } from "../unit/phase.ts";
import type { Unit } from "../unit/record.ts";
import type { Culprit } from "../world/dependencies.ts";

/** The state that a job waits for one unit to reach. */
export interface Goal {
  readonly action: GoalAction;
  /** The unit's run when the job was created. */
  readonly run: number;
}

export type Progress =
  | { readonly kind: "pending" }
  | { readonly kind: "done"; readonly message: string }
  | { readonly kind: "failed"; readonly message: string };

/** Returns true if the unit is already in the state that the action leads to, so that there is nothing to do. */
export function isReached(action: GoalAction, unit: Unit): boolean {
  // A stop has an effect on a sleeping unit: connections do not start it any more.
  if (action === "stop") return isDown(unit.phase) && unit.reason !== "scaling";
  if (action !== "start") return false;
  return unit.want === "up" && (unit.phase === "running" || unit.phase === "reloading" || unit.phase === "exited");
}

const PENDING: Progress = { kind: "pending" };

/**
 * Returns whether the goal is reached, has failed or is still pending. For the job, a start fails at its first failed run, although
 * sup may retry it. If a start waits for a dependency that is down or was given up, the job counts the start as failed. The unit
 * nevertheless starts once the dependency recovers.
 */
export function progress(goal: Goal, spec: Spec, unit: Unit, culprit: Culprit | null): Progress {
  switch (goal.action) {
    case "stop":
      return stopProgress(unit);
    case "reload":
      return reloadProgress(unit, goal.run);
    case "restart":
      if (unit.run === goal.run && unit.phase !== "waiting" && !isDown(unit.phase)) return testProgress(unit);
      return startProgress(spec, unit, culprit);
    case "start":
      return startProgress(spec, unit, culprit);
  }
}

/**
 * Returns the progress of a restart before the unit is stopped. If its `pre_restart` commands fail, the unit is not restarted. It is not
 * restarted either if a stop and then a start were requested while the commands ran.
 */
function testProgress({ phase, want, testedRestart }: Unit): Progress {
  if (want === "down") return PENDING;
  if (testedRestart?.state === "failed") return { kind: "failed", message: `not restarted, it goes on running: ${testedRestart.failure}` };
  const isUntouched = testedRestart === null && (phase === "running" || phase === "reloading");
  return isUntouched ? { kind: "failed", message: "not restarted, it goes on running: another request came in between" } : PENDING;
}

function startProgress(spec: Spec, unit: Unit, culprit: Culprit | null): Progress {
  const how = unit.last?.detail ?? "";
  switch (unit.phase) {
    case "running":
    case "reloading":
      if (unit.want === "down") return { kind: "failed", message: "it was told to stop meanwhile" };
      return spec.type === "oneshot"
        ? PENDING
        : { kind: "done", message: unit.process === null ? "running" : `running (pid ${unit.process.pid})` };
    case "exited":
      return { kind: "done", message: "finished; counts as running" };
    case "idle":
      if (unit.reason === "success") return { kind: "done", message: `finished: ${how}` };
      if (unit.reason === "condition") return { kind: "done", message: `skipped: ${how}` };
      return { kind: "failed", message: `it was stopped meanwhile (${unit.reason})` };
    case "backoff":
    case "failed":
    case "fatal":
      return { kind: "failed", message: how || stateOf(unit) };
    case "waiting": {
      if (culprit === null) return PENDING;
      return { kind: "failed", message: `it needs ${culprit}; it will start when that one is up` };
    }
    default:
      return PENDING;
  }
}

function stopProgress(unit: Unit): Progress {
  if (unit.want === "up") return { kind: "failed", message: "it was started again meanwhile" };
  if (!isDown(unit.phase)) return PENDING;
  const killed = unit.last?.killed ?? [];
  return { kind: "done", message: killed.length === 0 ? "stopped" : `stopped; needed SIGKILL: ${killed.join(", ")}` };
}

function reloadProgress(unit: Unit, run: number): Progress {
  if (unit.run !== run || unit.phase !== "running") {
    if (unit.run === run && unit.phase === "reloading") return PENDING;
    return { kind: "failed", message: `the reload did not finish: it is ${stateOf(unit)} now` };
  }
  const result = unit.reload?.result;
  if (result == null) return { kind: "failed", message: "the reload did not begin" };
  return result.failure === null ? { kind: "done", message: result.message } : { kind: "failed", message: result.failure };
}
