import type { ApiError } from "../../api/contract/errors.ts";
import { instanceOf, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { stateOf } from "../../core/unit/phase.ts";
import type { World, WorldEvent } from "../../core/world/world.ts";
import type { Reloader } from "./reloader.ts";
import type { UnitCatalog } from "./unit-catalog.ts";

/** How many instances of one template can exist at a time. */
export const MAX_INSTANCES = 256;

export interface InstancesOptions {
  readonly world: Pick<World, "get" | "ids" | "dependentsOf">;
  readonly catalog: Pick<UnitCatalog, "preview" | "drop">;
  readonly reloader: Pick<Reloader, "makeInstance" | "isEnabled">;
  readonly handle: (...events: readonly WorldEvent[]) => void;
}

/** Creates instances of templates for actions and for the dependencies of the units that they act on. Reads never come here. */
export class Instances {
  readonly #o: InstancesOptions;

  constructor(options: InstancesOptions) {
    this.#o = options;
  }

  /** The id, if it is an instance that does not exist yet and that `ensure` can create. */
  creatable(name: string): string | null {
    const id = stripSuffix(name);
    return this.#o.world.get(id) === undefined && this.#o.catalog.preview(id) !== undefined ? id : null;
  }

  /** Those of `ids` that do not exist yet, and the instances that they depend on in turn: dependencies first. */
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

  /** Creates the instances among `ids` that do not exist yet, with the instances that they depend on; all of them or none. */
  ensure(ids: readonly string[]): Result<readonly string[], ApiError> {
    const missing = this.missing(ids);
    const roomy = this.#makeRoom(missing);
    if (!roomy.ok) return roomy;
    for (const id of missing) this.#o.reloader.makeInstance(id);
    return ok(missing);
  }

  /** Removes idle instances of a template where the new ones would exceed the limit. */
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

  /** Stopped, not enabled, not scheduled and needed by no unit: nothing but its name is lost. */
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
