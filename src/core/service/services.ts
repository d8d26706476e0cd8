import type { Spec } from "../../spec/spec.ts";

/** What a file declares. What runs are its units; a plain unit is a service of one, and both have the same name. */
export interface Service {
  readonly name: string;
  /** Ids of its units, in the order of their names. */
  readonly units: readonly string[];
  /** How many of its units are wanted: what a dependency without a quorum asks for. */
  readonly wanted: number;
}

const NOBODY: ReadonlySet<string> = new Set();

/** Which units make up which service, and which units name a service or a single unit as a dependency. */
export class Services {
  readonly #services = new Map<string, Service>();
  /** By the name that stands in the dependency. */
  readonly #users = new Map<string, Set<string>>();
  readonly #serviceOf = new Map<string, string>();

  get(name: string): Service | undefined {
    return this.#services.get(name);
  }

  all(): IterableIterator<Service> {
    return this.#services.values();
  }

  /** Ids of the units that the name in a dependency stands for: those of a service, or one unit of a service of several. */
  unitsOf(name: string): readonly string[] {
    return this.#services.get(name)?.units ?? (this.#serviceOf.has(name) ? [name] : []);
  }

  /** How many units must meet a dependency's condition: its quorum, or all that are wanted. */
  quorumOf(name: string, quorum: number | null): number {
    return quorum ?? this.#services.get(name)?.wanted ?? 1;
  }

  /** Ids of the units that name this unit, or its service, as a dependency, required or not. */
  usersOf(id: string): ReadonlySet<string> {
    const service = this.#serviceOf.get(id) ?? id;
    const users = this.#users.get(service) ?? NOBODY;
    if (service === id) return users;
    const own = this.#users.get(id);
    return own === undefined || own.size === 0 ? users : new Set([...users, ...own]);
  }

  /** `after` takes the place of `before`; either may be absent. */
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

  #join({ id, service: name }: Spec): void {
    const units = [...(this.#services.get(name)?.units ?? []), id].sort();
    this.#services.set(name, { name, units, wanted: units.length });
    this.#serviceOf.set(id, name);
  }

  #leave({ id, service: name }: Spec): void {
    const units = (this.#services.get(name)?.units ?? []).filter((unit) => unit !== id);
    if (units.length === 0) this.#services.delete(name);
    else this.#services.set(name, { name, units, wanted: units.length });
    this.#serviceOf.delete(id);
  }
}
