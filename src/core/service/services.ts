import { compareIds } from "../../base/names.ts";
import type { Spec } from "../../spec/spec.ts";

/**
 * A service that a unit file declares. It runs as one or more units. A plain unit is the only unit of its service and has the
 * same name.
 */
export interface Service {
  readonly name: string;
  /** Ids of the units of this service, sorted by number or name. */
  readonly units: readonly string[];
  /**
   * How many units of the service should run: all except those that are being removed. A dependency without a quorum waits
   * for this many units.
   */
  readonly wanted: number;
}

const NOBODY: ReadonlySet<string> = new Set();

/** Knows which units make up each service, and which units depend on a service or on a single unit of it. */
export class Services {
  readonly #services = new Map<string, Service>();
  /** Ids of the units that have a dependency with a given name, which may be the name of a service or of one unit. */
  readonly #users = new Map<string, Set<string>>();
  readonly #serviceOf = new Map<string, string>();
  /** Units that do not count for their service, because they are being removed or serve only during a rollout. */
  readonly #leaving = new Set<string>();

  get(name: string): Service | undefined {
    return this.#services.get(name);
  }

  all(): IterableIterator<Service> {
    return this.#services.values();
  }

  /**
   * Returns the ids of the units that a dependency names. The name of a service stands for all its units. Any other name is
   * that of a single unit.
   */
  unitsOf(name: string): readonly string[] {
    return this.#services.get(name)?.units ?? (this.#serviceOf.has(name) ? [name] : []);
  }

  /** Returns how many units must meet the condition of a dependency. Without an explicit quorum, it is the number of wanted units. */
  quorumOf(name: string, quorum: number | null): number {
    return quorum ?? this.#services.get(name)?.wanted ?? 1;
  }

  /** Returns the ids of the units that have a dependency on this unit or on its service. Optional dependencies are included. */
  usersOf(id: string): ReadonlySet<string> {
    const service = this.#serviceOf.get(id) ?? id;
    const users = this.#users.get(service) ?? NOBODY;
    if (service === id) return users;
    const own = this.#users.get(id);
    return own === undefined || own.size === 0 ? users : new Set([...users, ...own]);
  }

  /** Replaces the spec `before` with `after`. `before` is undefined for a new unit, and `after` is undefined for a removed one. */
  change(before: Spec | undefined, after: Spec | undefined): void {
    for (const { unit } of before?.dependencies ?? []) this.#users.get(unit)?.delete(before!.id);
    for (const { unit } of after?.dependencies ?? []) {
      const users = this.#users.get(unit);
      if (users) users.add(after!.id);
      else this.#users.set(unit, new Set([after!.id]));
    }
    if (before?.service === after?.service) return;
    if (before !== undefined) this.#leave(before);
    if (after !== undefined) this.#join(after);
  }

  /** Records whether a unit counts for its service. It does not count while it is being removed, or if it serves only during a rollout. */
  leaving({ id, service: name }: Spec, isLeaving: boolean): void {
    if (name === id || this.#leaving.has(id) === isLeaving) return;
    if (isLeaving) this.#leaving.add(id);
    else this.#leaving.delete(id);
    this.#set(name, this.#services.get(name)?.units ?? []);
  }

  #join({ id, service: name }: Spec): void {
    const units = this.#services.get(name)?.units ?? [];
    let at = units.length; // units usually join in order, so that the search from the end takes one step
    while (at > 0 && compareIds(units[at - 1]!, id) > 0) at--;
    this.#set(name, units.toSpliced(at, 0, id));
    this.#serviceOf.set(id, name);
  }

  #leave({ id, service: name }: Spec): void {
    this.#leaving.delete(id);
    this.#set(
      name,
      (this.#services.get(name)?.units ?? []).filter((unit) => unit !== id),
    );
    this.#serviceOf.delete(id);
  }

  /**
   * Sets the units of a service. A service wants at least one unit, even if its last units are being removed. Otherwise a
   * dependency on it would be met without any unit.
   */
  #set(name: string, units: readonly string[]): void {
    const staying = this.#leaving.size === 0 ? units.length : units.filter((id) => !this.#leaving.has(id)).length;
    if (units.length === 0) this.#services.delete(name);
    else this.#services.set(name, { name, units, wanted: Math.max(1, staying) });
  }
}
