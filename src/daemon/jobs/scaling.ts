import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import type { ScaleRequest } from "../../api/server/supervisor.ts";
import { isTemplate, MAX_UNITS, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { stateOfService } from "../../base/service-state.ts";
import { stateOf } from "../../core/unit/phase.ts";
import { isActive, isUnfinished, type Rollout } from "../../core/service/rollout.ts";
import type { Entry, World, WorldEvent } from "../../core/world/world.ts";
import type { Loaded } from "../../spec/load/load.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Recorder } from "../engine/recorder.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";
import type { Actions } from "./actions.ts";

export interface ScalingOptions {
  readonly world: Pick<World, "get" | "service" | "recordOf" | "onDemand">;
  readonly catalog: Pick<UnitCatalog, "service" | "rescale">;
  readonly actions: Pick<Actions, "follow" | "newJob">;
  readonly recorder: Pick<Recorder, "tell">;
  readonly earlierRuns: (id: string) => number;
  readonly handle: (...events: readonly WorldEvent[]) => void;
}

/**
 * Changes the number of units of a service. The number is stored, and applies until the next `sup scale`. If the service has
 * automatic scaling, the number applies until the metrics need another one.
 */
export class Scaling {
  readonly #o: ScalingOptions;

  constructor(options: ScalingOptions) {
    this.#o = options;
  }

  /** Changes the number of units of a service. `missing` returns the error for a name that does not belong to any unit. */
  async scale(name: string, request: ScaleRequest, missing: (id: string) => ApiError): Promise<Result<shape.JobResult, ApiError>> {
    const id = stripSuffix(name);
    const service = this.#o.catalog.service(id);
    if (service === undefined) {
      const entry = this.#o.world.get(id);
      return err(entry === undefined && !isTemplate(id) ? missing(id) : refusalOf("scale", "", id, entry));
    }
    const rollout = this.#o.world.recordOf(id)?.rollout;
    if (rollout != null && isUnfinished(rollout)) return err(rolling(id, rollout));
    const { spec } = service;
    const wanted = request.units ?? spec.instances!;
    const outside = outOfRange(spec, wanted);
    if (outside !== null) return err(outside);
    const ids = [...(this.#o.world.service(id)?.units ?? [])];
    const current = ids.filter((unit) => !this.#o.world.get(unit)!.retired);
    if (wanted === 0) return ok(await this.#toZero(id, current, request));
    if (request.dryRun) return ok(this.#plan(id, current, wanted));
    return ok(await this.#apply(service, current, wanted, request));
  }

  async #apply({ spec }: Loaded, current: readonly string[], wanted: number, request: ScaleRequest): Promise<shape.JobResult> {
    const { world, catalog, recorder, earlierRuns, handle } = this.#o;
    const { id } = spec;
    const isRunning = this.#isRunning(current);
    const isAsleep = world.onDemand.stateOf(id) === "asleep";
    const { added, removed } = catalog.rescale(id, request.units);
    const events: WorldEvent[] = [{ type: "scaled", service: id, scale: request.units }];
    for (const unit of added) {
      const runs = world.get(unit.spec.id) === undefined ? earlierRuns(unit.spec.id) : 0;
      events.push({ type: "load", spec: unit.spec, earlierRuns: runs });
    }
    // Stop the unit with the highest number first, so that the numbers of the running units never have gaps.
    const leaving = [...removed].reverse();
    const more = added.map((unit) => unit.spec.id);
    // A sleeping service starts as a whole. From then on it runs until an operator stops it.
    const starting = isRunning ? more : isAsleep ? [...current.filter((unit) => !removed.includes(unit)), ...more] : [];
    const job = this.#o.actions.newJob();
    if (leaving.length > 0) events.push({ type: "request", action: "stop", ids: leaving, cause: "operator", job });
    for (const unit of leaving) events.push({ type: "unload", id: unit, cause: "operator" });
    if (starting.length > 0)
      events.push({ type: "request", action: "start", ids: starting, cause: "operator", ...(leaving.length === 0 && { job }) });
    handle(...events);
    const source = request.units === null ? " (the number in its file)" : "";
    recorder.tell("scaled", `scaled from ${isAsleep ? 0 : current.length} to ${wanted} units by the operator${source}`, id, {
      from: isAsleep ? 0 : current.length,
      to: wanted,
    });
    if (leaving.length > 0 || starting.length > 0) return this.#o.actions.follow(job.id, request.wait);
    const known = added.map(({ spec: { id: unit } }) =>
      this.#outcome(unit, "done", "added; `sup start` starts it, because the service does not run"),
    );
    return { outcomes: known.length > 0 ? known : [this.#unchanged(id, current)], warnings: [] };
  }

  /** Puts a service to sleep, so that the first connection starts the number of units in its file. */
  async #toZero(id: string, current: readonly string[], request: ScaleRequest): Promise<shape.JobResult> {
    const { world, catalog, recorder, actions, earlierRuns, handle } = this.#o;
    const isAsleep = world.onDemand.stateOf(id) === "asleep";
    if (isAsleep || request.dryRun) {
      const [result, message] = isAsleep
        ? (["unchanged", "it is scaled to 0 already"] as const)
        : (["planned", "would be stopped"] as const);
      return { outcomes: current.map((unit) => this.#outcome(unit, result, `${message}; the first connection starts it`)), warnings: [] };
    }
    const job = actions.newJob();
    const running = current.filter((unit) => world.get(unit)!.unit.want === "up").length;
    const { added, removed } = catalog.rescale(id, null);
    const more = added.map(({ spec }) => spec.id);
    handle(
      { type: "scaled", service: id, scale: null },
      ...added.map(({ spec }) => ({ type: "load", spec, earlierRuns: earlierRuns(spec.id) }) as const),
      { type: "request", action: "stop", ids: [...current, ...more], cause: "scaling", job },
      ...removed.map((unit) => ({ type: "unload", id: unit, cause: "operator" }) as const),
    );
    if (running > 0) recorder.tell("scaled", `scaled from ${running} to 0 units by the operator`, id, { from: running, to: 0 });
    const answer = await actions.follow(job.id, request.wait);
    const sleeps = "scaled to 0; the first connection starts it";
    return {
      ...answer,
      outcomes: answer.outcomes.map((one) => (one.result === "unchanged" ? { ...one, result: "done", message: sleeps } : one)),
    };
  }

  #plan(id: string, current: readonly string[], wanted: number): shape.JobResult {
    const verb = this.#isRunning(current) ? "started" : "added";
    const outcomes = Array.from({ length: Math.max(0, wanted - current.length) }, (_, index) =>
      this.#outcome(`${id}@${current.length + index + 1}`, "planned", `would be ${verb}`),
    );
    for (const unit of current.slice(wanted).toReversed()) outcomes.push(this.#outcome(unit, "planned", "would be stopped and removed"));
    return { outcomes: outcomes.length > 0 ? outcomes : [this.#unchanged(id, current)], warnings: [] };
  }

  #isRunning(ids: readonly string[]): boolean {
    return ids.some((id) => this.#o.world.get(id)!.unit.want === "up");
  }

  #unchanged(id: string, current: readonly string[]): shape.JobOutcome {
    const state = stateOfService(current.map((unit) => stateOf(this.#o.world.get(unit)!.unit)));
    const units = `${current.length} ${current.length === 1 ? "unit" : "units"}`;
    return { id, result: "unchanged", message: `it has ${units} already`, state };
  }

  #outcome(id: string, result: shape.JobOutcome["result"], message: string): shape.JobOutcome {
    const entry = this.#o.world.get(id);
    return { id, result, message, state: entry === undefined ? "stopped" : stateOf(entry.unit) };
  }
}

function outOfRange({ id, port, sockets, scaling }: Spec, wanted: number): ApiError | null {
  const refuse = (cause: string, hint?: string): ApiError => ({
    code: "invalid",
    message: `cannot scale ${id} to ${wanted}: ${cause}`,
    ...(hint === undefined ? {} : { hint }),
  });
  if (wanted === 0 && scaling?.min === 0) return null;
  if (wanted < 1) return refuse("a service has at least 1 unit", `\`sup stop ${id}\` stops all of them`);
  if (wanted > MAX_UNITS) return refuse(`a service has at most ${MAX_UNITS} units`);
  if (scaling !== null && (wanted < scaling.min || wanted > scaling.max))
    return refuse(`it scales itself between ${scaling.min} and ${scaling.max} units`, `change "min" or "max" of "instances" in its file`);
  if (port === null || sockets.length > 0 || port + wanted - 1 <= 65_535) return null;
  return refuse(
    `unit ${wanted} would get the port ${port + wanted - 1}, and 65535 is the last one`,
    '"sockets" let all units share one port',
  );
}

const rolling = (id: string, rollout: Rollout): ApiError => ({
  code: "conflict",
  message: `cannot scale ${id}: its rollout ${rollout.generation} ${isActive(rollout) ? `is ${rollout.state}` : `has ${rollout.state === "failed" ? "failed" : "been cancelled"}, and its additional units have not left yet`}`,
  hint: `\`sup rollout status ${id}\``,
});

/**
 * Returns the error for a name that is not the name of a service with `instances`. Such a name cannot be scaled or restarted
 * unit by unit.
 */
export function refusalOf(verb: string, how: string, id: string, entry: Entry | undefined): ApiError {
  const what = how === "" ? `${verb} ${id}` : `${verb} ${id} ${how}`;
  const refuse = (cause: string, hint: string): ApiError => ({ code: "conflict", message: `cannot ${what}: ${cause}`, hint });
  if (entry === undefined || (entry.spec.instance === null && id.includes("@")))
    return refuse(
      "its template decides nothing about the number of instances",
      `\`sup start ${id.slice(0, id.indexOf("@"))}@NAME\` starts one more`,
    );
  const { spec } = entry;
  if (spec.instance !== null) return refuse(`it is one unit of ${spec.service}`, `name the service: ${spec.service}`);
  if (spec.type === "oneshot")
    return refuse(
      "it is a oneshot, which runs to completion",
      "use a template file NAME@.unit.json, and start as many instances as you need",
    );
  if (spec.file === "") return refuse("it is a transient unit", `write a unit file with "instances"`);
  if (verb === "restart")
    return refuse(`its unit file has no "rolling"`, `add "rolling" and "sockets" to ${spec.file}, and run \`sup reload\``);
  return refuse(`its unit file has no "instances"`, `add "instances": 1 to ${spec.file} and run \`sup reload\`; the unit is then ${id}@1`);
}
