import type { ApiError } from "../../api/contract/errors.ts";
import { closest, globMatcher, instanceOf, isGlob, isTemplate, isUnitId, NAME_HINT, numberedUnit, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Entry, World } from "../../core/world/world.ts";
import { problemLine } from "../../spec/parse/problems.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";

export interface LookupOptions {
  readonly world: Pick<World, "get" | "ids" | "service">;
  readonly catalog: Pick<UnitCatalog, "problemsOf" | "hasTemplate" | "maskOf" | "directories">;
}

/**
 * Finds units by names, globs and groups. A lookup never creates an instance of a template, because only actions create instances.
 */
export class Lookup {
  readonly #o: LookupOptions;

  constructor(options: LookupOptions) {
    this.#o = options;
  }

  /** Returns the id of the unit with this name. Accepts the name (`web`) and the file name (`web.unit.json`). A service with `instances` is no unit. */
  find(name: string): Result<string, ApiError> {
    const id = stripSuffix(name);
    if (this.#o.world.get(id) !== undefined) return ok(id);
    const units = this.unitsOf(id);
    return err(units === null ? this.missing(id) : manyUnits(id, units));
  }

  /** Returns the units of a service with `instances`, without those that are leaving; null if there is no such service. */
  unitsOf(name: string): readonly string[] | null {
    const { world } = this.#o;
    const id = stripSuffix(name);
    const units = world.get(id) === undefined ? world.service(id)?.units : undefined;
    if (units === undefined) return null;
    const staying = units.filter((unit) => !world.get(unit)!.retired);
    return staying.length > 0 ? staying : units;
  }

  /** Returns the error that says why a masked unit cannot be started, or null if the unit is not masked. */
  maskError(id: string): ApiError | null {
    const file = this.#o.catalog.maskOf(id);
    if (file === undefined) return null;
    return { code: "conflict", message: `${id} is masked: ${file} is a link to /dev/null`, hint: `\`sup unmask ${id}\` makes it usable` };
  }

  /** Returns the result of `read` for a unit, or an error if there is no such unit. */
  read<T>(name: string, read: (entry: Entry, id: string) => T): Result<T, ApiError> {
    const found = this.find(name);
    return found.ok ? ok(read(this.#o.world.get(found.value)!, found.value)) : found;
  }

  /** Calls `read` for one unit, or `readAll` with the ids of all units of a service. */
  readService<T>(
    name: string,
    read: (entry: Entry, id: string) => T,
    readAll: (ids: readonly string[], service: string) => T,
  ): Result<T, ApiError> {
    const units = this.unitsOf(name);
    return units === null ? this.read(name, read) : ok(readAll(units, stripSuffix(name)));
  }

  /**
   * Returns the ids that the patterns match, in the order of the unit list. Ids that are not in the world yet come last. `one` finds
   * the id for a single name.
   */
  resolve(patterns: readonly string[], one = (name: string): Result<string, ApiError> => this.find(name)): Result<string[], ApiError> {
    const all = this.#o.world.ids();
    const chosen = new Set<string>();
    for (const pattern of patterns) {
      const matches = this.#match(pattern, all, one);
      if (!matches.ok) return matches;
      for (const id of matches.value) chosen.add(id);
    }
    const known = all.filter((id) => chosen.delete(id));
    return ok([...known, ...chosen]);
  }

  groups(): Record<string, string[]> {
    const { world } = this.#o;
    const groups: Record<string, string[]> = {};
    for (const id of world.ids()) for (const group of world.get(id)!.spec.groups) (groups[group] ??= []).push(id);
    return groups;
  }

  #match(pattern: string, all: readonly string[], one: (name: string) => Result<string, ApiError>): Result<readonly string[], ApiError> {
    if (pattern.startsWith("@")) return this.#membersOf(pattern.slice(1));
    if (!isGlob(pattern)) {
      const units = this.unitsOf(pattern);
      if (units !== null) return ok(units);
      const found = one(pattern);
      return found.ok ? ok([found.value]) : found;
    }
    const isMatch = globMatcher(stripSuffix(pattern));
    const matches = all.filter((id) => isMatch(id));
    return matches.length > 0 ? ok(matches) : err({ code: "no-such-unit", message: `no unit matches ${pattern}` });
  }

  #membersOf(group: string): Result<readonly string[], ApiError> {
    const groups = this.groups();
    if (Object.hasOwn(groups, group)) return ok(groups[group]!);
    const near = closest(group, Object.keys(groups));
    const message = `no unit is in the group @${group}`;
    return err({ code: "no-such-unit", message, ...(near ? { hint: `did you mean @${near}?` } : {}) });
  }

  /** Returns the error for a name that no unit and no service has. */
  missing(id: string): ApiError {
    const { catalog, world } = this.#o;
    const masked = this.maskError(id);
    if (masked !== null) return masked;
    const problems = catalog.problemsOf(id);
    if (problems.length > 0) {
      const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
      const message = `${id} cannot be loaded: ${problemLine(problems[0]!)}${more}`;
      return { code: "no-such-unit", message, hint: `\`sup verify ${id}\` shows all errors; fix the file, then run \`sup reload\`` };
    }
    const message = `there is no unit ${id}`;
    if (!isUnitId(id) && !isTemplate(id)) return { code: "no-such-unit", message, hint: NAME_HINT };
    const template = instanceOf(id)?.template;
    if (template !== undefined && catalog.hasTemplate(template))
      return { code: "no-such-unit", message, hint: `\`sup start ${id}\` creates it from the template ${template}` };
    const service = numberedUnit(id)?.service;
    const size = service === undefined ? null : (this.unitsOf(service)?.length ?? null);
    if (size !== null)
      return { code: "no-such-unit", message, hint: `${service} has ${size} units; \`sup scale ${service} N\` changes their number` };
    const near = closest(id, world.ids());
    const hint = near ? `did you mean ${near}?` : `put ${id}.unit.json into ${catalog.directories[0] ?? "the unit directory"}`;
    return { code: "no-such-unit", message, hint };
  }
}

const manyUnits = (service: string, units: readonly string[]): ApiError => ({
  code: "conflict",
  message: `${service} has ${units.length} ${units.length === 1 ? "unit" : "units"}`,
  hint: `name one of them: ${units.slice(0, 5).join(", ")}${units.length > 5 ? ", …" : ""}`,
});
