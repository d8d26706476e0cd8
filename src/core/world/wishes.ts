import { closure, waves } from "../../base/graph.ts";
import { isAsleep } from "../service/on-demand.ts";
import { holdsStop, isDown, isStarting } from "../unit/phase.ts";
import type { Cause } from "../unit/record.ts";
import { blocks, culpritOf, endedToRestart, isAtRest, isServing, isUp, type Culprit, type Lookup } from "./dependencies.ts";
import type { Apply, Entry, Step, WorldEvent } from "./types.ts";
import type { Units } from "./units.ts";

export interface WishesOptions {
  readonly units: Units;
  readonly apply: Apply;
  /** Maximum number of units that may be starting at the same time; 0 means no limit. */
  readonly startConcurrency: number;
}

/**
 * Applies requests along the dependencies. A start request also starts the units that a unit needs. A unit is launched when
 * its dependencies are met. A stop waits until the unit's dependents have stopped. A request first records, for each of its
 * units, the state that the unit should be in (the wish). Only after that do units move.
 */
export class Wishes {
  readonly #o: WishesOptions;
  readonly #lookup: Lookup;

  constructor(options: WishesOptions) {
    this.#o = options;
    this.#lookup = { services: options.units.services, get: options.units.get };
  }

  /** Returns the ids of the units that must be up before `ids`, including `ids`. */
  needs(ids: readonly string[]): Set<string> {
    const { units } = this.#o;
    return closure(ids, (id) =>
      (units.get(id)?.spec.dependencies ?? [])
        .filter((dependency) => dependency.required)
        .flatMap((dependency) => units.services.unitsOf(dependency.unit)),
    );
  }

  /** Returns the ids of the units that are up and need one of `ids`, directly or indirectly. `ids` themselves are excluded. */
  liveDependents(ids: readonly string[]): string[] {
    return [...this.#needing(ids)].filter((id) => !ids.includes(id) && isUp(this.#o.units.get(id)?.unit));
  }

  /**
   * Returns `ids` and the units that need one of them, directly or indirectly, and that are up or would start automatically.
   * Dependents come before their dependencies.
   */
  cascade(ids: readonly string[]): string[] {
    const { units } = this.#o;
    const isWanted = (id: string): boolean => {
      const unit = units.get(id)?.unit;
      return unit?.want === "up" && (!isDown(unit.phase) || unit.due !== null);
    };
    const all = [...this.#needing(ids)].filter((id) => ids.includes(id) || isWanted(id));
    const needs = (id: string): string[] => (units.get(id)?.spec.dependencies ?? []).flatMap(({ unit }) => units.services.unitsOf(unit));
    const ordered = waves(new Map(all.map((id) => [id, needs(id)]))).flat();
    return [...new Set([...ordered.reverse(), ...all])]; // the waves do not contain units of a cycle, so they come from `all`
  }

  /** Returns the names of the dependencies that a waiting unit waits for. */
  waitingFor(id: string): string[] {
    return this.#blocking(id).map((dependency) => dependency.unit);
  }

  /**
   * Returns a function that says why it is useless for a waiting unit to wait. The function returns null while the unit's
   * dependencies can still be met without intervention. The function remembers what it found about each unit, so it is valid
   * only until a unit changes.
   */
  culprits(): (id: string) => Culprit | null {
    const known = new Map<string, Culprit | null>();
    return (id) => {
      for (const dependency of this.#blocking(id)) {
        const culprit = dependency.required ? culpritOf(dependency, this.#lookup, known) : null;
        if (culprit !== null) return culprit;
      }
      return null;
    };
  }

  #blocking(id: string): Entry["spec"]["dependencies"][number][] {
    const entry = this.#o.units.get(id);
    if (entry?.unit.phase !== "waiting") return [];
    return entry.spec.dependencies.filter((dependency) => blocks(dependency, this.#lookup));
  }

  /** Returns `ids` and all units that need them, directly or indirectly. */
  #needing(ids: readonly string[]): Set<string> {
    return closure(ids, (id) => [...this.#o.units.services.usersOf(id)].filter((user) => this.#requires(user, id)));
  }

  #requires(user: string, id: string): boolean {
    const { units } = this.#o;
    const dependencies = units.get(user)?.spec.dependencies ?? [];
    return dependencies.some((dependency) => dependency.required && units.services.unitsOf(dependency.unit).includes(id));
  }

  request(event: Extract<WorldEvent, { type: "request" }>, step: Step): void {
    const known = event.ids.filter((id) => this.#o.units.has(id) && !this.#isForbidden(id, event.action, step));
    switch (event.action) {
      case "start":
        return this.#start(known, event.cause, step);
      case "stop":
        return this.#stop(known, event.cause, event.cascade ?? false, step);
      case "restart":
        return this.#restart(known, event.cause, step);
      default:
        for (const id of known) this.#o.apply(id, { type: event.action }, step);
    }
  }

  /** Refuses to start a unit whose file was deleted. Such a unit may run until it stops, but is not started again. */
  #isForbidden(id: string, action: string, { turn }: Step): boolean {
    const forbidden = (action === "start" || action === "restart") && this.#o.units.get(id)!.retired;
    if (forbidden) turn.refusals.push({ id, why: "its unit file is gone" });
    return forbidden;
  }

  #start(ids: readonly string[], cause: Cause, step: Step): void {
    const asked = new Set(ids);
    for (const id of this.needs(ids)) {
      if (asked.has(id)) this.#wishUp(id, cause, step);
      else this.#pull(id, step);
    }
    this.#settle(ids, step);
  }

  /** Stops units. With `cascade`, also stops their dependents, including those that wait for a restart. */
  #stop(ids: readonly string[], cause: Cause, cascade: boolean, step: Step): void {
    const all = cascade ? this.cascade(ids) : ids;
    for (const id of all) this.#o.apply(id, { type: "stop", cause }, step, false);
    this.#settle(all, step);
  }

  #restart(ids: readonly string[], cause: Cause, step: Step): void {
    for (const id of this.needs(ids)) if (!ids.includes(id)) this.#pull(id, step);
    for (const id of ids.toSorted(this.#o.units.compare)) this.#o.apply(id, { type: "restart", cause }, step, false);
    this.#settle(ids, step);
  }

  /** Moves units after all wishes of a request are recorded. Stops come before starts. */
  #settle(ids: readonly string[], step: Step): void {
    for (const id of ids) this.release(id, step);
    for (const id of this.needs(ids)) this.releaseBelow(id, step);
    this.launchFree(step);
  }

  /** Starts a dependency, unless it is up, starting, or has already succeeded. */
  #pull(id: string, step: Step): void {
    const { unit, spec, retired } = this.#o.units.get(id)!;
    if (retired || isAsleep(unit, spec)) return;
    const stoppingForGood = unit.want === "down" && !isDown(unit.phase);
    if (stoppingForGood || (isDown(unit.phase) && !unit.succeeded)) this.#wishUp(id, "dependency", step);
  }

  #wishUp(id: string, cause: Cause, step: Step): void {
    this.#o.apply(id, { type: "start", cause }, step, false);
  }

  /**
   * Handles the effects that a change of one unit has on others. If `act` is false, no other unit moves yet, because more
   * wishes are still being recorded.
   */
  react(before: Entry, after: Entry, step: Step, act: boolean): void {
    const { units, startConcurrency } = this.#o;
    const { id } = after.unit;
    if (act && after.unit.phase === "waiting") this.#tryLaunch(id, step);
    const stoppedServing = endedToRestart(before.unit, after.unit);
    for (const user of units.services.usersOf(id)) {
      if (act) this.#tryLaunch(user, step);
      if (stoppedServing) this.#restartWith(user, id, step);
    }
    if (!act) return;
    this.releaseBelow(id, step);
    const freedAPlace = startConcurrency > 0 && isStarting(before.unit.phase) && !isStarting(after.unit.phase);
    // An optional dependency blocks only while its units are in progress. A unit that has come to rest no longer blocks,
    // either directly or through other units.
    const rests = after.unit.phase !== before.unit.phase && isAtRest(after.unit.phase);
    if (freedAPlace || rests) this.launchFree(step);
  }

  launchFree(step: Step): void {
    for (const id of [...this.#o.units.waiting].sort(this.#o.units.compare)) this.#tryLaunch(id, step);
  }

  #tryLaunch(id: string, step: Step): void {
    const { units, startConcurrency, apply } = this.#o;
    if (!units.waiting.has(id)) return;
    if (startConcurrency > 0 && units.starting >= startConcurrency) return;
    const { spec } = units.get(id)!;
    if (spec.dependencies.some((dependency) => blocks(dependency, this.#lookup))) return;
    apply(id, { type: "clear" }, step);
  }

  releaseBelow(id: string, step: Step): void {
    for (const { unit } of this.#o.units.get(id)?.spec.dependencies ?? []) this.releaseNamed(unit, step);
  }

  /** Continues the held stops of the units that a name in a dependency stands for. */
  releaseNamed(name: string, step: Step): void {
    for (const id of this.#o.units.services.unitsOf(name)) this.release(id, step);
  }

  /** Continues a held stop after all dependents that are also stopping are down. */
  release(id: string, step: Step): void {
    const { units, apply } = this.#o;
    const entry = units.get(id);
    if (entry === undefined || entry.unit.want === "up" || !holdsStop(entry.unit.phase)) return;
    for (const user of units.services.usersOf(id)) {
      const dependent = units.get(user)?.unit;
      if (dependent !== undefined && dependent.want === "down" && !isDown(dependent.phase)) return;
    }
    apply(id, { type: "release" }, step);
  }

  /**
   * Restarts a dependent with `restart: true` when the dependency loses its quorum. For a plain unit, this happens when the
   * unit stops serving.
   */
  #restartWith(user: string, id: string, step: Step): void {
    const { units, apply } = this.#o;
    const entry = units.get(user);
    if (entry === undefined || !isUp(entry.unit)) return;
    for (const { unit: name, restart, quorum } of entry.spec.dependencies) {
      const members = restart ? units.services.unitsOf(name) : [];
      if (!members.includes(id)) continue;
      const serving = members.filter((member) => isServing(units.get(member)!.unit)).length;
      if (serving === units.services.quorumOf(name, quorum) - 1) return apply(user, { type: "restart", cause: "dependency" }, step);
    }
  }
}
