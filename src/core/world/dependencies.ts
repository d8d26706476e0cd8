import type { Condition } from "../../base/words.ts";
import type { DependencySpec, Spec } from "../../spec/spec.ts";
import type { Services } from "../service/services.ts";
import { isDown, isProbed, stateOf, type Phase } from "../unit/phase.ts";
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

export interface Target {
  readonly unit: Unit;
  readonly spec: Spec;
}

/** Where dependencies are looked up: the services, and the units that they name. */
export interface Lookup {
  readonly services: Pick<Services, "unitsOf" | "quorumOf">;
  get(id: string): Target | undefined;
}

const targetsOf = ({ services, get }: Lookup, { unit }: DependencySpec): readonly Target[] =>
  services.unitsOf(unit).flatMap((id) => get(id) ?? []);

const meets = (dependency: DependencySpec, { unit, spec }: Target): boolean => isMet(conditionOf(dependency, spec), unit);

const isQuorate = (dependency: DependencySpec, targets: readonly Target[], { services }: Lookup): boolean => {
  const needed = services.quorumOf(dependency.unit, dependency.quorum);
  return needed === 1 && targets.length === 1
    ? meets(dependency, targets[0]!)
    : targets.filter((target) => meets(dependency, target)).length >= needed;
};

/**
 * Must a unit wait for this dependency? A quorum of the service's units must meet the condition. A dependency that only orders
 * (`required: false`) is waited for as long as a quorum can still be reached by units that are on their way.
 */
export function blocks(dependency: DependencySpec, lookup: Lookup): boolean {
  const targets = targetsOf(lookup, dependency);
  if (targets.length === 0) return dependency.required;
  if (isQuorate(dependency, targets, lookup)) return false;
  return dependency.required || isReachable(dependency, targets, lookup, new Map());
}

/** Because of what waiting is in vain: "db, which is fatal". */
export type Culprit = string;

/**
 * Of a required dependency that blocks: what keeps a quorum from being reached without somebody's help. A unit that is down is out
 * of reach, and so is one that waits itself for what is out of reach. Null: a quorum can still come about by itself.
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

/** `known` bounds the walk: a unit that is being looked at, in a circle, obstructs nobody. */
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

/** Do the units that meet the condition, together with those on their way, make a quorum? */
function isReachable(dependency: DependencySpec, targets: readonly Target[], lookup: Lookup, known: Map<string, boolean>): boolean {
  const possible = targets.filter((target) => meets(dependency, target) || isComing(target, lookup, known)).length;
  return possible >= lookup.services.quorumOf(dependency.unit, dependency.quorum);
}

/** `known` bounds the walk: a unit that is being looked at, in a circle, counts as coming. */
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

/** No process of it runs, and what comes next is up to others or to time. */
export const isAtRest = (phase: Phase): boolean => isDown(phase) || phase === "backoff" || phase === "waiting";

/** It is up, or about to be, and is meant to stay. */
export const isUp = (unit: Unit | undefined): boolean =>
  unit !== undefined && unit.want === "up" && (unit.phase === "starting" || unit.phase === "running" || unit.phase === "reloading");

/** It stopped serving its dependents and will come back: what `restart: true` reacts to. */
export const endedToRestart = (before: Unit, after: Unit): boolean => isServing(before) && after.want === "up" && !isServing(after);

export const isServing = (unit: Unit): boolean => isProbed(unit) || unit.phase === "exited";
