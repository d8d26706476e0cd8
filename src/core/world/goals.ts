import type { Spec } from "../../spec/spec.ts";
import { isDown, stateOf } from "../unit/phase.ts";
import type { Unit } from "../unit/record.ts";

/** What somebody who asked for an action waits for. */
export interface Goal {
  readonly action: "start" | "stop" | "restart" | "reload";
  /** The unit's run when it was asked. */
  readonly run: number;
}

export type Progress =
  | { readonly kind: "pending" }
  | { readonly kind: "done"; readonly message: string }
  | { readonly kind: "failed"; readonly message: string };

/** A dependency that a waiting unit waits for, as far as the goal cares. */
export interface Obstacle {
  readonly id: string;
  readonly unit: Unit | undefined;
}

const PENDING: Progress = { kind: "pending" };

/**
 * Is the goal reached, or out of reach? A start that fails is told at its first failure, though the unit goes on trying;
 * a start that waits for a dependency fails when that one has given up or is down, though it starts when that recovers.
 */
export function progress(goal: Goal, spec: Spec, unit: Unit, obstacles: readonly Obstacle[]): Progress {
  switch (goal.action) {
    case "stop":
      return stopProgress(unit);
    case "reload":
      return reloadProgress(unit);
    case "restart":
      if (unit.run === goal.run && unit.phase !== "waiting" && !isDown(unit.phase)) return PENDING;
      return startProgress(spec, unit, obstacles);
    case "start":
      return startProgress(spec, unit, obstacles);
  }
}

function startProgress(spec: Spec, unit: Unit, obstacles: readonly Obstacle[]): Progress {
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
      return { kind: "failed", message: `it was stopped meanwhile (${unit.reason})` };
    case "backoff":
    case "failed":
    case "fatal":
      return { kind: "failed", message: how || stateOf(unit) };
    case "waiting": {
      const hopeless = obstacles.find((obstacle) => obstacle.unit === undefined || isDown(obstacle.unit.phase));
      if (hopeless === undefined) return PENDING;
      const state = hopeless.unit === undefined ? "not loaded" : stateOf(hopeless.unit);
      return { kind: "failed", message: `it needs ${hopeless.id}, which is ${state}; it will start when that one is up` };
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

function reloadProgress(unit: Unit): Progress {
  if (unit.phase === "reloading") return PENDING;
  if (unit.phase === "running") return { kind: "done", message: "reloaded" };
  return { kind: "failed", message: `it is ${stateOf(unit)}` };
}
