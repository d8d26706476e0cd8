import type { Condition } from "../base/words.ts";
import type { DependencySpec, Spec } from "../spec/spec.ts";
import { isDown } from "./unit/phase.ts";
import type { Unit } from "./unit/record.ts";

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

/**
 * Must a unit wait for this dependency? One that only orders (`required: false`) is not waited for when it is down and
 * nothing brings it up.
 */
export function blocks(dependency: DependencySpec, target: { readonly unit: Unit; readonly spec: Spec } | undefined): boolean {
  if (target === undefined) return dependency.required;
  if (isMet(conditionOf(dependency, target.spec), target.unit)) return false;
  return dependency.required || !isDown(target.unit.phase);
}
