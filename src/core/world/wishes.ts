import { closure } from "../../base/graph.ts";
import { holdsStop, isDown, isStarting } from "../unit/phase.ts";
import type { Cause } from "../unit/record.ts";
import { blocks, culpritOf, endedToRestart, isAtRest, isServing, isUp, type Culprit, type Lookup } from "./dependencies.ts";
import type { Apply, Entry, Step, WorldEvent } from "./types.ts";
import type { Units } from "./units.ts";

export interface WishesOptions {
  readonly units: Units;
  readonly apply: Apply;
  /** Units that may be starting at the same time; 0 is unlimited. */
  readonly startConcurrency: number;
}

/**
 * Carries what is wanted along the dependencies: a start pulls up what the unit needs, a stop waits for its dependents, a unit
 * launches when what it needs is there. The wishes of a request are recorded first, all of them; then units move.
 */
export class Wishes {
  readonly #o: WishesOptions;
  readonly #lookup: Lookup;

  constructor(options: WishesOptions) {
    this.#o = options;
    this.#lookup = { services: options.units.services, get: options.units.get };
  }

  /** Ids of the units that must be up before `ids`, `ids` included. */
  needs(ids: readonly string[]): Set<string> {
    const { units } = this.#o;
    return closure(ids, (id) =>
      (units.get(id)?.spec.dependencies ?? [])
        .filter((dependency) => dependency.required)
        .flatMap((dependency) => units.services.unitsOf(dependency.unit)),
    );
  }

  /** Ids of the units that are up and need one of `ids`, directly or not; without `ids`. */
  liveDependents(ids: readonly string[]): string[] {
    return [...this.#needing(ids)].filter((id) => !ids.includes(id) && isUp(this.#o.units.get(id)?.unit));
  }

  /** Names of the dependencies that a waiting unit waits for. */
  waitingFor(id: string): string[] {
    return this.#blocking(id).map((dependency) => dependency.unit);
  }

  /** Of a waiting unit: what it waits for in vain, or null while its dependencies can still be met by themselves. */
  culprit(id: string): Culprit | null {
    for (const dependency of this.#blocking(id)) {
      const culprit = dependency.required ? culpritOf(dependency, this.#lookup) : null;
      if (culprit !== null) return culprit;
    }
    return null;
  }

  #blocking(id: string): Entry["spec"]["dependencies"][number][] {
    const entry = this.#o.units.get(id);
    if (entry?.unit.phase !== "waiting") return [];
    return entry.spec.dependencies.filter((dependency) => blocks(dependency, this.#lookup));
  }

  /** `ids` and all that needs them, directly or not. */
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

  /** A unit whose file is gone runs until it is down, and no longer. */
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

  /** With `cascade` together with the dependents, also those that would come back by themselves. */
  #stop(ids: readonly string[], cause: Cause, cascade: boolean, step: Step): void {
    const all = cascade ? [...this.#needing(ids)].filter((id) => ids.includes(id) || this.#o.units.get(id)?.unit.want === "up") : ids;
    for (const id of all) this.#o.apply(id, { type: "stop", cause }, step, false);
    this.#settle(all, step);
  }

  #restart(ids: readonly string[], cause: Cause, step: Step): void {
    for (const id of this.needs(ids)) if (!ids.includes(id)) this.#pull(id, step);
    for (const id of ids.toSorted(this.#o.units.compare)) this.#o.apply(id, { type: "restart", cause }, step, false);
    this.#settle(ids, step);
  }

  /** All wishes are recorded: units that are free to move do so, down or up. */
  #settle(ids: readonly string[], step: Step): void {
    for (const id of ids) this.release(id, step);
    for (const id of this.needs(ids)) this.releaseBelow(id, step);
    this.launchFree(step);
  }

  /** A dependency is started unless it is up, coming, or has done what is asked of it. */
  #pull(id: string, step: Step): void {
    const { unit, retired } = this.#o.units.get(id)!;
    if (retired) return;
    const stoppingForGood = unit.want === "down" && !isDown(unit.phase);
    if (stoppingForGood || (isDown(unit.phase) && !unit.succeeded)) this.#wishUp(id, "dependency", step);
  }

  #wishUp(id: string, cause: Cause, step: Step): void {
    this.#o.apply(id, { type: "start", cause }, step, false);
  }

  /** What a change of one unit allows or demands of others. Without `act` nobody moves for it yet: more wishes come. */
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
    // A unit that comes to rest no longer holds up those that only order themselves after it, directly or not.
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

  /** The units that a dependency's name stands for. */
  releaseNamed(name: string, step: Step): void {
    for (const id of this.#o.units.services.unitsOf(name)) this.release(id, step);
  }

  /** Lets a held stop go on when no dependent that is stopping too is still up. */
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

  /** `restart: true` asks for a restart when the dependency loses its quorum: for a plain unit, when it stops serving. */
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
