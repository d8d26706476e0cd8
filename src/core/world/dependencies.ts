import type { Condition } from "../../base/words.ts";
import type { DependencySpec, Spec } from "../../spec/spec.ts";
import { isDown, isProbed, type Phase } from "../unit/phase.ts";
import type { Unit } from "../unit/record.ts";

/** The condition in force: what the file says, else `succeeded` for a oneshot and `ready` for the rest. */
export const conditionOf = (dependency: DependencySpec, target: Spec | undefined): Condition =>
  dependency.condition ?? (target?.type === "oneshot" ? "succeeded" : "ready");

/** Does the state of `target` let a unit start that needs `condition` of it? */
export function isMet(condition: Condition, target: Unit): boolean {
  const up = target.want === "up" && (target.phase === "running" || target.phase === "reloading" || target.phase === "exited");
  switch (condition) {
    case "started":
      return up || (target.phase === "starting" && target.process !== null) || target.succeeded;
    case "ready":
      return up || target.succeeded;
    case "completed":
      return target.phase === "exited" || (target.run > 0 && isDown(target.phase));
    case "succeeded":
      return target.succeeded || (target.phase === "exited" && target.want === "up");
  }
}

interface Target {
  readonly unit: Unit;
  readonly spec: Spec;
}
type Find = (id: string) => Target | undefined;

/**
 * Must a unit wait for this dependency? One that only orders (`required: false`) is waited for while it is on its way,
 * and no longer when it has failed, is down, or waits itself for what is not coming.
 */
export function blocks(dependency: DependencySpec, find: Find): boolean {
  const target = find(dependency.unit);
  if (target === undefined) return dependency.required;
  if (isMet(conditionOf(dependency, target.spec), target.unit)) return false;
  return dependency.required || isComing(target, find, new Set());
}

/** `seen` bounds the walk; what was seen is coming, or the walk would have ended there. */
function isComing({ unit, spec }: Target, find: Find, seen: Set<string>): boolean {
  if (unit.phase !== "waiting" && isAtRest(unit.phase)) return false;
  if (unit.phase !== "waiting" || seen.has(unit.id)) return true;
  seen.add(unit.id);
  return spec.dependencies.every((dependency) => {
    const target = find(dependency.unit);
    if (!dependency.required || (target && isMet(conditionOf(dependency, target.spec), target.unit))) return true;
    return target !== undefined && isComing(target, find, seen);
  });
}

/** Nothing of it runs, and what comes next is up to others or to time. */
export const isAtRest = (phase: Phase): boolean => isDown(phase) || phase === "backoff" || phase === "waiting";

/** It is there, or about to be, and is meant to stay. */
export const isUp = (unit: Unit | undefined): boolean =>
  unit !== undefined && unit.want === "up" && (unit.phase === "starting" || unit.phase === "running" || unit.phase === "reloading");

/** What it did for its dependents it does no more, and it will come back: what `restart: true` asks. */
export const endedToRestart = (before: Unit, after: Unit): boolean => isServing(before) && after.want === "up" && !isServing(after);

const isServing = (unit: Unit): boolean => isProbed(unit) || unit.phase === "exited";
