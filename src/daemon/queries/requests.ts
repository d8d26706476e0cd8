import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { ok, type Result } from "../../base/result.ts";
import { stateOf } from "../../core/unit/phase.ts";
import type { World } from "../../core/world/world.ts";
import type { Actions } from "../jobs/actions.ts";
import type { Instances } from "../units/instances.ts";
import type { Reloader } from "../units/reloader.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";
import type { Lookup } from "./lookup.ts";

export interface RequestOptions {
  readonly world: Pick<World, "needs" | "get">;
  readonly catalog: Pick<UnitCatalog, "preview">;
  readonly lookup: Lookup;
  readonly instances: Instances;
  readonly reloader: Pick<Reloader, "noticed">;
  readonly actions: Pick<Actions, "run" | "job">;
}

type Job = Omit<Parameters<Actions["run"]>[0], "dry_run">;

/** Actions that create missing instances. For a missing instance, other actions return `no-such-unit`, like systemd's "not loaded". */
const CREATING: ReadonlySet<shape.Action> = new Set(["start", "restart", "enable"]);

/** Handles requests for actions: finds the units by name, creates missing instances if the action may do so, and runs the action. */
export class Requests {
  readonly #o: RequestOptions;

  constructor(options: RequestOptions) {
    this.#o = options;
  }

  async act(request: shape.JobRequest): Promise<Result<shape.JobResult, ApiError>> {
    const { action, wait = true, now = false, cascade = false, dry_run = false, signal, agent } = request;
    const targets = this.#freshTargets(action, request.units);
    if (!targets.ok) return targets;
    const refused = CREATING.has(action) ? targets.value.flatMap((id) => this.#refusal(id) ?? []) : [];
    const ids = targets.value.filter((id) => !refused.some((one) => one.id === id));
    if (ids.length === 0 && refused.length > 0) return ok({ outcomes: refused, warnings: [] });
    const done = await this.#run({ action, wait, now, cascade, signal, agent }, dry_run, ids);
    return done.ok ? ok({ ...done.value, outcomes: [...done.value.outcomes, ...refused] }) : done;
  }

  async #run(job: Job, isDryRun: boolean, ids: readonly string[]): Promise<Result<shape.JobResult, ApiError>> {
    if (isDryRun) return this.#plan(job, ids);
    if (CREATING.has(job.action)) {
      const created = this.#o.instances.ensure(ids);
      if (!created.ok) return created;
    }
    return this.#o.actions.run({ ...job, dry_run: false }, ids);
  }

  /**
   * Returns the outcome of an action on a masked unit, or null if the unit is not masked. A masked unit that still runs can be
   * stopped, but not started or enabled.
   */
  #refusal(id: string): shape.JobOutcome | null {
    const error = this.#o.lookup.maskError(id);
    if (error === null) return null;
    const { unit } = this.#o.world.get(id)!;
    return { id, result: "failed", message: `${error.message}; ${error.hint}`, state: stateOf(unit), code: error.code };
  }

  /** Finds the units. Reads the unit files again for a name that is unknown, because its file may be a moment old (`sup new`). */
  #freshTargets(action: shape.Action, patterns: readonly string[]): Result<string[], ApiError> {
    const known = this.#targets(action, patterns);
    if (known.ok || known.error.code !== "no-such-unit" || !CREATING.has(action)) return known;
    this.#o.reloader.noticed();
    return this.#targets(action, patterns);
  }

  #targets(action: shape.Action, patterns: readonly string[]): Result<string[], ApiError> {
    const { lookup, instances } = this.#o;
    if (!CREATING.has(action)) return lookup.resolve(patterns);
    return lookup.resolve(patterns, (name) => {
      const id = instances.creatable(name);
      return id === null ? lookup.find(name) : ok(id);
    });
  }

  /**
   * Returns the plan of an action without creating any instance. The plan contains the existing units, the missing instances, and the
   * units that these instances need.
   */
  async #plan(job: Job, ids: readonly string[]): Promise<Result<shape.JobResult, ApiError>> {
    const { world, catalog, instances, actions } = this.#o;
    const missing = instances.missing(ids);
    const existing = ids.filter((id) => !missing.includes(id));
    const required = missing.flatMap((id) =>
      catalog
        .preview(id)!
        .spec.dependencies.filter((one) => one.required)
        .map((one) => one.unit),
    );
    const needed = job.action === "start" ? [...world.needs(required.filter((id) => !missing.includes(id)))] : [];
    const extra = needed.filter((id) => !existing.includes(id));
    const plan = await actions.run({ ...job, dry_run: true }, [...existing, ...extra]);
    if (!plan.ok) return plan;
    const outcomes = plan.value.outcomes.map((one) =>
      extra.includes(one.id) && one.result === "planned" ? { ...one, message: "would be started, because it is needed" } : one,
    );
    const message = job.action === "enable" ? "would be created and enabled" : "would be created and started";
    const created = missing.map((id): shape.JobOutcome => ({ id, result: "planned", state: "stopped", message }));
    return ok({ ...plan.value, outcomes: [...outcomes, ...created] });
  }
}
