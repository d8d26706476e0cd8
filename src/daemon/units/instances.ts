import type { ApiError } from "../../api/contract/errors.ts";
import { instanceOf, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { stateOf } from "../../core/unit/phase.ts";
import type { World, WorldEvent } from "../../core/world/world.ts";
import type { Reloader } from "./reloader.ts";
import type { UnitCatalog } from "./unit-catalog.ts";

/** Maximum number of instances of one template. */
export const MAX_INSTANCES = 256;

export interface InstancesOptions {
  readonly world: Pick<World, "get" | "ids" | "dependentsOf">;
  readonly catalog: Pick<UnitCatalog, "preview" | "drop">;
  readonly reloader: Pick<Reloader, "makeInstance" | "isEnabled">;
  readonly handle: (...events: readonly WorldEvent[]) => void;
}

/** Creates instances of templates for actions, and for the dependencies of units that an action concerns. Queries never create instances. */
export class Instances {
  readonly #o: InstancesOptions;

  constructor(options: InstancesOptions) {
    this.#o = options;
  }

  /** Returns the id of an instance that `ensure` can create. Returns null if the instance already exists, or if it cannot be created. */
  creatable(name: string): string | null {
    const id = stripSuffix(name);
    return this.#o.world.get(id) === undefined && this.#o.catalog.preview(id) !== undefined ? id : null;
  }

  /** Returns the instances among `ids` that do not exist yet, and the missing instances that they depend on. Dependencies come first. */
  missing(ids: readonly string[]): string[] {
    const found = new Set<string>();
    const path = new Set<string>();
    const visit = (id: string): void => {
      if (path.has(id) || this.creatable(id) === null) return;
      path.add(id);
      for (const { unit } of this.#o.catalog.preview(id)!.spec.dependencies) visit(unit);
      found.add(id);
    };
    for (const id of ids) visit(id);
    return [...found];
  }

  /** Creates the instances among `ids` that do not exist yet, and the instances that they depend on. Creates either all of them or none. */
  ensure(ids: readonly string[]): Result<readonly string[], ApiError> {
    const missing = this.missing(ids);
    const roomy = this.#makeRoom(missing);
    if (!roomy.ok) return roomy;
    for (const id of missing) this.#o.reloader.makeInstance(id);
    return ok(missing);
  }

  /** Removes idle instances of a template if the new instances would exceed the limit. */
  #makeRoom(missing: readonly string[]): Result<null, ApiError> {
    const idle: string[] = [];
    for (const template of new Set(missing.map(templateOf))) {
      const existing = this.#o.world.ids().filter((id) => templateOf(id) === template);
      const excess = existing.length + missing.filter((id) => templateOf(id) === template).length - MAX_INSTANCES;
      if (excess <= 0) continue;
      const removable = existing.filter((id) => this.#isIdle(id)).slice(0, excess);
      if (removable.length < excess) return err(tooMany(template!));
      idle.push(...removable);
    }
    for (const id of idle) this.#o.catalog.drop(id);
    if (idle.length > 0) this.#o.handle(...idle.map((id) => ({ type: "unload", id }) as const));
    return ok(null);
  }

  /** Returns true if the instance is stopped, not enabled, not scheduled and not needed by another unit, so that it can be removed. */
  #isIdle(id: string): boolean {
    const { unit, spec } = this.#o.world.get(id)!;
    const isInUse = this.#o.reloader.isEnabled(id) || spec.schedule !== null || this.#o.world.dependentsOf(id).size > 0;
    return stateOf(unit) === "stopped" && unit.want === "down" && !isInUse;
  }
}

const templateOf = (id: string): string | undefined => instanceOf(id)?.template;

const tooMany = (template: string): ApiError => ({
  code: "conflict",
  message: `cannot create an instance of ${template}: it has ${MAX_INSTANCES} instances in use, which is the limit`,
  hint: `stop and disable instances that you no longer need; \`sup list '${template}*'\` lists them`,
});
