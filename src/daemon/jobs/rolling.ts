import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { MAX_UNITS, stripSuffix, unitOfService } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { DEFAULT_ROLLING, surgeOf } from "../../core/service/rolling-policy.ts";
import { isActive, type Rollout } from "../../core/service/rollout.ts";
import { stepsOf } from "../../core/service/rollout-steps.ts";
import { newRollout } from "../../core/world/rollouts.ts";
import type { RolloutControl } from "../../core/world/types.ts";
import type { World, WorldEvent } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Loaded } from "../../spec/load/load.ts";
import type { RollingSpec } from "../../spec/spec.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";
import { refusalOf } from "./scaling.ts";

export interface RollingOptions {
  readonly world: World;
  readonly catalog: Pick<UnitCatalog, "rollable">;
  readonly clock: Clock;
  readonly earlierRuns: (id: string) => number;
  readonly handle: (...events: readonly WorldEvent[]) => void;
}

type Answer = Result<shape.RolloutStatus, ApiError>;

/** Rolling restarts of services with several units, and the operator's control over them. */
export class Rolling {
  readonly #o: RollingOptions;

  constructor(options: RollingOptions) {
    this.#o = options;
  }

  /**
   * Begins a rollout, or with `isDryRun` only returns what it would do. `missing` returns the error for a name that does not
   * belong to any unit. `before` is the service as its file declared it before a reload changed it.
   */
  start(name: string, isDryRun: boolean, missing: (id: string) => ApiError, before?: Loaded): Answer {
    const { world, catalog, handle, clock } = this.#o;
    const service = stripSuffix(name);
    const declared = catalog.rollable(service);
    if (declared === undefined) {
      const entry = world.get(service);
      return err(entry === undefined ? missing(service) : refusalOf("restart", "one unit after the other", service, entry));
    }
    const members = this.#members(service);
    if (members.length === 0)
      return err({ code: "conflict", message: `cannot restart ${service}: none of its units runs`, hint: `\`sup start ${service}\`` });
    const policy = declared.spec.rolling ?? DEFAULT_ROLLING;
    const surge = this.#surge(service, policy, members.length);
    if (isDryRun) {
      const generation = (world.recordOf(service)?.generation ?? 0) + 1;
      const entries = members.map((id) => world.get(id)!);
      const planned = newRollout(policy, entries, surge, generation, clock.monotonicMs());
      return ok({ ...this.#shape(service, planned), steps: stepsOf(planned) });
    }
    const previous = before === undefined ? {} : { previous: { file: before.spec.file, effective: before.effective } };
    handle({
      type: "rollout",
      service,
      policy,
      ...previous,
      earlierRuns: Object.fromEntries(surge.map((id) => [id, this.#o.earlierRuns(id)])),
    });
    return ok(this.status(service)!);
  }

  /** Begins the rollout of a service that a reload has changed. Does nothing if no unit of the service runs. */
  roll(service: string, before?: Loaded): void {
    this.start(service, false, (id) => ({ code: "no-such-unit", message: `there is no unit ${id}` }), before);
  }

  /** Returns the state of the last rollout, or null if there has been none for this name since the machine booted. */
  status(name: string): shape.RolloutStatus | null {
    const service = stripSuffix(name);
    const rollout = this.#o.world.recordOf(service)?.rollout;
    return rollout == null ? null : this.#shape(service, rollout);
  }

  control(name: string, action: RolloutControl): Answer {
    const service = stripSuffix(name);
    const status = this.status(service);
    if (status === null) return err({ code: "not-found", message: `there was no rollout of ${service} since the machine booted` });
    const refusal = refusalOfControl(status, action);
    if (refusal !== null) return err(refusal);
    this.#o.handle({ type: "rolloutControl", service, action });
    return ok(this.status(service)!);
  }

  /** Returns the units that take part: the units that should run, without the additional units of an earlier rollout. */
  #members(service: string): string[] {
    const { world } = this.#o;
    const surge = new Set(world.recordOf(service)?.rollout?.units.flatMap(({ id, isSurge }) => (isSurge ? [id] : [])));
    return (world.service(service)?.units ?? []).filter((id) => {
      const { unit, retired } = world.get(id)!;
      return !retired && unit.want === "up" && !surge.has(id);
    });
  }

  /**
   * Returns the ids of the additional units. Their numbers follow the highest number of the service, as far as numbers and
   * ports are available.
   */
  #surge(service: string, policy: RollingSpec, members: number): string[] {
    const { world } = this.#o;
    const surge = new Set(world.recordOf(service)?.rollout?.units.flatMap(({ id, isSurge }) => (isSurge ? [id] : [])));
    const own = world
      .service(service)!
      .units.filter((id) => !surge.has(id))
      .map((id) => world.get(id)!.spec);
    // A plain unit has no number, and counts as the first one. It has sockets, so its port does not matter.
    const highest = Math.max(...own.map(({ instance }) => instance ?? 1));
    const { port, sockets, instance } = own[0]!;
    const last = port === null || sockets.length > 0 ? MAX_UNITS : Math.min(MAX_UNITS, 65_535 - port + instance!);
    const count = Math.max(0, Math.min(surgeOf(policy, members), last - highest));
    return Array.from({ length: count }, (_, index) => unitOfService(service, highest + 1 + index));
  }

  #shape(service: string, rollout: Rollout): shape.RolloutStatus {
    const { clock } = this.#o;
    const iso = (ms: number): string => new Date(clock.wallMs() - clock.monotonicMs() + ms).toISOString();
    const members = rollout.units.filter(({ isSurge }) => !isSurge);
    return {
      service,
      generation: rollout.generation,
      state: rollout.state,
      active: isActive(rollout),
      total: members.length,
      restarted: members.filter(({ phase }) => phase === "new").length,
      awaits_promotion: rollout.awaitsPromotion,
      failure: rollout.failure,
      started: iso(rollout.startedMs),
      ended: rollout.endedMs === null ? null : iso(rollout.endedMs),
      units: rollout.units.map(({ id, isSurge, phase }) => ({ id, additional: isSurge, phase })),
    };
  }
}

/** Returns the error for a request that is not possible in the state of the rollout, or null. */
function refusalOfControl({ service, state, generation, awaits_promotion }: shape.RolloutStatus, action: RolloutControl): ApiError | null {
  const isPossible: Record<RolloutControl, boolean> = {
    pause: state === "running",
    resume: state === "paused" && !awaits_promotion,
    cancel: state === "running" || state === "paused" || state === "reverting",
    promote: awaits_promotion,
    rollback: state === "running" || state === "paused",
  };
  if (isPossible[action]) return null;
  const what = `cannot ${action} rollout ${generation} of ${service}`;
  if (awaits_promotion)
    return {
      code: "conflict",
      message: `${what}: it waits for a decision about its new units`,
      hint: `\`sup rollout promote ${service}\` or \`sup rollout rollback ${service}\``,
    };
  const isEarly = action === "promote" && state === "running";
  return { code: "conflict", message: `${what}: it is ${state}${isEarly ? ", and does not wait for a decision" : ""}` };
}
