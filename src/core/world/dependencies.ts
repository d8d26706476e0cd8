import type { Condition } from "../../base/words.ts";
import type { DependencySpec, Spec } from "../../spec/spec.ts";
import { isAsleep } from "../service/on-demand.ts";
import type { Services } from "../service/services.ts";
import { isDown, isProbed, stateOf, type Phase } from "../unit/phase.ts";
import type { Unit } from "../unit/record.ts";

/**
 * Returns the condition of a dependency. If the unit file does not set it, the condition is `succeeded` for a oneshot and
 * `ready` for other types.
 */
export const conditionOf = (dependency: DependencySpec, target: Spec | undefined): Condition =>
  dependency.condition ?? (target?.type === "oneshot" ? "succeeded" : "ready");

/**
 * Returns true if `target` meets the condition, so that units that depend on `target` may start. If the start of `target` was
 * skipped because of its own conditions, it meets every condition.
 */
export function isMet(condition: Condition, target: Unit): boolean {
  if (target.phase === "idle" && target.reason === "condition") return true;
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

export interface Target {
  readonly unit: Unit;
  readonly spec: Spec;
}

/** Finds the services and units that dependencies name. */
export interface Lookup {
  readonly services: Pick<Services, "unitsOf" | "quorumOf">;
  get(id: string): Target | undefined;
}

const targetsOf = ({ services, get }: Lookup, { unit }: DependencySpec): readonly Target[] =>
  services.unitsOf(unit).flatMap((id) => get(id) ?? []);

/** A sleeping unit counts as ready, because a connection to its service is answered. */
const meets = (dependency: DependencySpec, { unit, spec }: Target): boolean => {
  const condition = conditionOf(dependency, spec);
  return isMet(condition, unit) || ((condition === "started" || condition === "ready") && isAsleep(unit, spec));
};

const isQuorate = (dependency: DependencySpec, targets: readonly Target[], { services }: Lookup): boolean => {
  const needed = services.quorumOf(dependency.unit, dependency.quorum);
  return needed === 1 && targets.length === 1
    ? meets(dependency, targets[0]!)
    : targets.filter((target) => meets(dependency, target)).length >= needed;
};

/**
 * Returns true if a unit must wait for this dependency. A required dependency blocks until a quorum of the service's units
 * meets the condition. An optional dependency affects only the order of starts. It blocks only while units that are in
 * progress (`isComing`) can still complete a quorum.
 */
export function blocks(dependency: DependencySpec, lookup: Lookup): boolean {
  const targets = targetsOf(lookup, dependency);
  if (targets.length === 0) return dependency.required;
  if (isQuorate(dependency, targets, lookup)) return false;
  return dependency.required || isReachable(dependency, targets, lookup, new Map());
}

/** The reason why it is useless to wait for a dependency, for example "db, which is fatal". */
export type Culprit = string;

/**
 * Finds out why a required dependency that blocks cannot be met without intervention. A unit cannot meet the dependency if it
 * is down, or if it waits for another unit that is down. Returns null if the dependency can still be met.
 */
export function culpritOf(dependency: DependencySpec, lookup: Lookup, known = new Map<string, Culprit | null>()): Culprit | null {
  const targets = targetsOf(lookup, dependency);
  if (targets.length === 0) return `${dependency.unit}, which is not loaded`;
  const needed = lookup.services.quorumOf(dependency.unit, dependency.quorum);
  if (targets.length < needed)
    return `${needed} units of ${dependency.unit}, of which ${targets.length} ${targets.length === 1 ? "is" : "are"} loaded`;
  const culprits = targets.flatMap((target) => (meets(dependency, target) ? [] : (obstructionOf(target, lookup, known) ?? [])));
  return targets.length - culprits.length < needed ? culprits[0]! : null;
}

/**
 * Returns why this unit cannot meet a condition without intervention, or null if it still can. `known` contains the units
 * that were already visited, so that the recursion ends. In a cycle, a unit whose result is still unknown counts as one that
 * can meet the condition.
 */
function obstructionOf({ unit, spec }: Target, lookup: Lookup, known: Map<string, Culprit | null>): Culprit | null {
  if (isDown(unit.phase)) return `${unit.id}, which is ${stateOf(unit)}`;
  if (unit.phase !== "waiting") return null;
  const before = known.get(unit.id);
  if (before !== undefined) return before;
  known.set(unit.id, null);
  for (const dependency of spec.dependencies) {
    const culprit = dependency.required && blocks(dependency, lookup) ? culpritOf(dependency, lookup, known) : null;
    if (culprit === null) continue;
    known.set(unit.id, culprit);
    return culprit;
  }
  return null;
}

/** Returns true if the units that meet the condition, together with those that are still in progress (`isComing`), make up a quorum. */
function isReachable(dependency: DependencySpec, targets: readonly Target[], lookup: Lookup, known: Map<string, boolean>): boolean {
  const possible = targets.filter((target) => meets(dependency, target) || isComing(target, lookup, known)).length;
  return possible >= lookup.services.quorumOf(dependency.unit, dependency.quorum);
}

/**
 * Returns true if the unit is in progress: it is not at rest, or it waits only for dependencies that can still be met.
 * `known` contains the units that were already visited, so that the recursion ends. In a cycle, a unit whose result is still
 * unknown counts as in progress.
 */
function isComing({ unit, spec }: Target, lookup: Lookup, known: Map<string, boolean>): boolean {
  if (unit.phase !== "waiting") return !isAtRest(unit.phase);
  const before = known.get(unit.id);
  if (before !== undefined) return before;
  known.set(unit.id, true);
  const comes = spec.dependencies.every((dependency) => {
    if (!dependency.required) return true;
    const targets = targetsOf(lookup, dependency);
    return targets.length > 0 && isReachable(dependency, targets, lookup, known);
  });
  known.set(unit.id, comes);
  return comes;
}

/** Returns true if the unit has no process, and remains so until another unit changes or a delay has passed. */
export const isAtRest = (phase: Phase): boolean => isDown(phase) || phase === "backoff" || phase === "waiting";

/** Returns true if the unit is up or starting, and should stay up. */
export const isUp = (unit: Unit | undefined): boolean =>
  unit !== undefined && unit.want === "up" && (unit.phase === "starting" || unit.phase === "running" || unit.phase === "reloading");

/**
 * Returns true if the unit has stopped serving its dependents but will be started again. Dependents with `restart: true` are
 * then restarted.
 */
export const endedToRestart = (before: Unit, after: Unit): boolean => isServing(before) && after.want === "up" && !isServing(after);

export const isServing = (unit: Unit): boolean => isProbed(unit) || unit.phase === "exited";
