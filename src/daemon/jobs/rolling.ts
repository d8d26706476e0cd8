import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { MAX_UNITS, stripSuffix, unitOfService } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { DEFAULT_ROLLING, surgeOf } from "../../core/service/rolling-policy.ts";
import { isActive, type Rollout } from "../../core/service/rollout.ts";
import { stepsOf } from "../../core/service/rollout-steps.ts";
import { newRollout } from "../../core/world/rollouts.ts";
import type { World, WorldEvent } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RollingSpec } from "../../spec/spec.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";
import { refusalOf } from "./scaling.ts";

export interface RollingOptions {
  readonly world: World;
  readonly catalog: Pick<UnitCatalog, "service">;
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

  /** Begins a rollout, or only says what it would do. `missing` is the error for a name that no unit has. */
  start(name: string, isDryRun: boolean, missing: (id: string) => ApiError): Answer {
    const { world, catalog, handle, clock } = this.#o;
    const service = stripSuffix(name);
    const declared = catalog.service(service);
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
    handle({ type: "rollout", service, policy, earlierRuns: Object.fromEntries(surge.map((id) => [id, this.#o.earlierRuns(id)])) });
    return ok(this.status(service)!);
  }

  /** Begins a rollout of a service that is known to exist. It does nothing if no unit of the service runs. */
  roll(service: string): void {
    this.start(service, false, (id) => ({ code: "no-such-unit", message: `there is no unit ${id}` }));
  }

  /** Returns null if there was no rollout of a service with this name since the machine booted. */
  status(name: string): shape.RolloutStatus | null {
    const service = stripSuffix(name);
    const rollout = this.#o.world.recordOf(service)?.rollout;
    return rollout == null ? null : this.#shape(service, rollout);
  }

  control(name: string, action: "pause" | "resume" | "cancel"): Answer {
    const service = stripSuffix(name);
    const status = this.status(service);
    if (status === null) return err({ code: "not-found", message: `there was no rollout of ${service} since the machine booted` });
    const { state, generation } = status;
    const isPossible =
      action === "cancel" ? state === "running" || state === "paused" : state === (action === "pause" ? "running" : "paused");
    if (!isPossible) return err({ code: "conflict", message: `cannot ${action} rollout ${generation} of ${service}: it is ${state}` });
    this.#o.handle({ type: "rolloutControl", service, action });
    return ok(this.status(service)!);
  }

  /** Returns the units that take part: those that should run, without the additional units of an earlier rollout. */
  #members(service: string): string[] {
    const { world } = this.#o;
    const surge = new Set(world.recordOf(service)?.rollout?.units.flatMap(({ id, isSurge }) => (isSurge ? [id] : [])));
    return (world.service(service)?.units ?? []).filter((id) => {
      const { unit, retired } = world.get(id)!;
      return !retired && unit.want === "up" && !surge.has(id);
    });
  }

  /** Returns the ids of the additional units: the numbers above those of all units, as far as there are numbers and ports for them. */
  #surge(service: string, policy: RollingSpec, members: number): string[] {
    const { world } = this.#o;
    const surge = new Set(world.recordOf(service)?.rollout?.units.flatMap(({ id, isSurge }) => (isSurge ? [id] : [])));
    const own = world
      .service(service)!
      .units.filter((id) => !surge.has(id))
      .map((id) => world.get(id)!.spec);
    const highest = Math.max(...own.map(({ instance }) => instance ?? 0));
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
      failure: rollout.failure,
      started: iso(rollout.startedMs),
      ended: rollout.endedMs === null ? null : iso(rollout.endedMs),
      units: rollout.units.map(({ id, isSurge, phase }) => ({ id, additional: isSurge, phase })),
    };
  }
}
