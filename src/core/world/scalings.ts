import { unitOfService } from "../../base/names.ts";
import type { ScalingSpec, Spec } from "../../spec/spec.ts";
import { isUnfinished } from "../service/rollout.ts";
import { decide, FRESH_SCALING, type Decision, type ScaledUnit } from "../service/scaler.ts";
import { record } from "../unit/outcome.ts";
import type { OnDemand, OnDemandState } from "./on-demand.ts";
import { memberSpec, type Rollouts } from "./rollouts.ts";
import type { Entry, Readings, Step } from "./types.ts";
import type { Units } from "./units.ts";

export interface ScalingsOptions {
  readonly units: Units;
  readonly records: Pick<Rollouts, "get" | "put">;
  /** Loads additional units of a service, and starts them if `starts` is true. */
  readonly add: (specs: readonly Spec[], earlierRuns: Readings["earlierRuns"], starts: boolean, step: Step) => void;
  /** Stops the unit and removes it. */
  readonly remove: (id: string, step: Step) => void;
  readonly onDemand: () => Pick<OnDemand, "measured" | "stateOf" | "idleMs">;
}

/** What automatic scaling would do with a service now. */
export interface ScalingOutlook {
  readonly spec: ScalingSpec;
  readonly current: number;
  /**
   * Why no decision is possible now: the service sleeps, none of the units should run, a rolling restart is under way, or there is no
   * sample yet.
   */
  readonly blockedBy: "asleep" | "stopped" | "rollout" | "no sample" | null;
  readonly decision: Decision | null;
  /** Whether the service stops when it is idle, and for how long it has been idle. Null unless the service runs on demand. */
  readonly onDemand: { readonly state: OnDemandState; readonly idleMs: number | null } | null;
}

/** Scales the services that have automatic scaling, at each round of samples. */
export class Scalings {
  readonly #o: ScalingsOptions;
  #latest: Readings | null = null;

  constructor(options: ScalingsOptions) {
    this.#o = options;
  }

  measured(readings: Readings, step: Step): void {
    this.#latest = readings;
    for (const { name } of [...this.#o.units.services.all()]) this.#scale(name, step);
    this.#o.onDemand().measured(readings, step);
  }

  outlook(service: string, nowMs: number): ScalingOutlook | null {
    const members = this.#members(service);
    const spec = members[0]?.spec.scaling ?? null;
    if (spec === null) return null;
    const state = this.#o.onDemand().stateOf(service);
    const onDemand = state === null ? null : { state, idleMs: this.#o.onDemand().idleMs(service, nowMs) };
    const current = state === "asleep" ? 0 : members.length;
    const { rollout = null, scaling = null } = this.#o.records.get(service) ?? {};
    const blocked = (blockedBy: ScalingOutlook["blockedBy"]): ScalingOutlook => ({ spec, current, blockedBy, decision: null, onDemand });
    if (state === "asleep") return blocked("asleep");
    if (members.every(({ unit }) => unit.want === "down")) return blocked("stopped");
    if (rollout !== null && isUnfinished(rollout)) return blocked("rollout");
    if (this.#latest === null) return blocked("no sample");
    const units = members.filter(takesPart).map((entry) => scaledUnit(entry, this.#latest!));
    // Metrics never scale a service to zero. Only the absence of connections does.
    const rules = { ...spec, min: Math.max(1, spec.min) };
    return { spec, current, blockedBy: null, onDemand, decision: decide(rules, scaling ?? FRESH_SCALING, current, units, nowMs) };
  }

  #scale(service: string, step: Step): void {
    const outlook = this.outlook(service, step.env.nowMs);
    if (outlook === null || outlook.decision === null) return;
    const { current, decision } = outlook;
    const { count, state } = decision;
    const isChanged = count !== current;
    const before = this.#o.records.get(service)?.scaling ?? FRESH_SCALING;
    if (!isChanged && state === before) return; // no metric could decide
    this.#o.records.put(service, { scaling: state, ...(isChanged && { scale: count }) }, step);
    if (!isChanged) return;
    const { message, details } = eventOf(outlook, decision);
    step.turn.effects.push({ id: service, ...record("scaled", message, details) });
    this.#resize(service, count, step);
  }

  /** Adds units without starting them, or removes units, so that the service has `count`. May be called once there is a sample. */
  resize(service: string, count: number, step: Step): void {
    if (this.#members(service).length === count) return;
    this.#o.records.put(service, { scale: count }, step);
    this.#resize(service, count, step, false);
  }

  #resize(service: string, count: number, step: Step, starts = true): void {
    const members = this.#members(service);
    const present = new Set(members.map(({ spec }) => spec.id));
    const wanted = Array.from({ length: count }, (_, index) => unitOfService(service, index + 1));
    const added = wanted.filter((id) => !present.has(id)).map((id) => memberSpec(members[0]!.spec, id));
    if (added.length > 0) this.#o.add(added, this.#latest!.earlierRuns, starts, step);
    // The unit with the highest number stops first, so that the numbers of the running units never have gaps.
    for (const { spec } of members.toReversed()) if (spec.instance! > count) this.#o.remove(spec.id, step);
  }

  /** Returns the units of a service, sorted by number, without those that are being removed. */
  #members(service: string): Entry[] {
    const { units } = this.#o;
    const ids = units.services.get(service)?.units ?? [];
    if (units.get(ids[0] ?? "")?.spec.scaling == null) return [];
    return ids.map((id) => units.get(id)!).filter(({ retired }) => !retired);
  }
}

/** Returns true unless the unit has failed, has ended, or was stopped by the operator. */
const takesPart = ({ unit }: Entry): boolean => unit.want === "up" && !ENDED.has(unit.phase);

const ENDED: ReadonlySet<string> = new Set(["idle", "exited", "failed", "fatal"]);

/** Returns true for a unit that serves requests, which means that it is ready and not unhealthy. */
export const isServing = ({ unit, check }: Entry): boolean =>
  (unit.phase === "running" || unit.phase === "reloading") && check?.health !== "unhealthy";

function scaledUnit(entry: Entry, { units }: Readings): ScaledUnit {
  const { unit, check } = entry;
  const reading = units.get(unit.id);
  const lastProbe = check?.run === unit.run ? check.results.findLast(({ kind }) => kind !== "broken") : undefined;
  return {
    isReady: isServing(entry),
    valueOf: (metric) =>
      metric === "response_time" ? (lastProbe?.responseMs ?? null) : reading?.run === unit.run ? (reading.values[metric] ?? null) : null,
  };
}

function eventOf(
  { spec, current }: ScalingOutlook,
  { count, needed, decisive }: Decision,
): { message: string; details: Record<string, unknown> } {
  const bounds = { from: current, to: count, min: spec.min, max: spec.max };
  const change = `scaled from ${current} to ${count} ${count === 1 ? "unit" : "units"}`;
  if (decisive === null) return { message: `${change}, because the bounds are ${spec.min} to ${spec.max}`, details: bounds };
  const { metric, mean, target } = decisive;
  const message = `${change} (${metric}: ${round(mean!)} per unit, target ${target})`;
  return { message, details: { ...bounds, metric, value: round(mean!), target, needed } };
}

const round = (value: number): number => Math.round(value * 100) / 100;
