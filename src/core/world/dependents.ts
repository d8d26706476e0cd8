import type { Spec } from "../../spec/spec.ts";

const NOBODY: ReadonlySet<string> = new Set();

/** For each unit, who names it as a dependency, required or not. */
export class Dependents {
  readonly #users = new Map<string, Set<string>>();

  of(id: string): ReadonlySet<string> {
    return this.#users.get(id) ?? NOBODY;
  }

  /** `after` takes the place of `before`, of which either may be absent. */
  change(before: Spec | undefined, after: Spec | undefined): void {
    for (const { unit } of before?.dependencies ?? []) this.#users.get(unit)?.delete(before!.id);
    for (const { unit } of after?.dependencies ?? []) {
      const users = this.#users.get(unit);
      if (users) users.add(after!.id);
      else this.#users.set(unit, new Set([after!.id]));
    }
  }
}
