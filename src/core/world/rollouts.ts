import { compareIds } from "../../base/names.ts";
import type { RollingSpec, Spec } from "../../spec/spec.ts";
import {
  advance,
  isActive,
  isPresentSurge,
  isUnfinished,
  type Rollout,
  type RolloutAction,
  type RolloutUnit,
  type UnitFact,
} from "../service/rollout.ts";
import { unavailableOf } from "../service/rolling-policy.ts";
import type { ServiceMemory } from "../service/service-memory.ts";
import type { HistoryType } from "../unit/effects.ts";
import { record } from "../unit/outcome.ts";
import { isDown } from "../unit/phase.ts";
import type { Entry, Step, WorldEvent } from "./types.ts";
import type { Units } from "./units.ts";

const PREFIX = "rollout ";
/** Returns the service whose rollout has this deadline key, or null for the keys of other deadlines. */
export const serviceOfKey = (key: string): string | null => (key.startsWith(PREFIX) ? key.slice(PREFIX.length) : null);

export interface RolloutsOptions {
  readonly units: Units;
  /** Gives the unit a new generation and restarts it. */
  readonly replace: (id: string, generation: number, step: Step) => void;
  /** Loads a further unit of the service and starts it. */
  readonly start: (spec: Spec, generation: number, earlierRuns: number, step: Step) => void;
  /** Stops the unit and removes it. */
  readonly remove: (id: string, step: Step) => void;
}

/** What the world stores about services: scaled numbers, generations and rollouts. */
export class Rollouts {
  readonly #o: RolloutsOptions;
  readonly #records = new Map<string, ServiceMemory>();
  /** Services whose rollout must be compared with its units at the end of the turn, although no unit has changed. */
  readonly #due = new Set<string>();

  constructor(options: RolloutsOptions) {
    this.#o = options;
  }

  get(service: string): ServiceMemory | undefined {
    return this.#records.get(service);
  }

  /** Returns true for an additional unit of a rollout. The service does not want it, so it does not count for the default quorum. */
  isSurge({ id, service, instance }: Spec): boolean {
    if (instance === null) return false;
    const units = this.#records.get(service)?.rollout?.units ?? [];
    return units.some((unit) => isPresentSurge(unit) && unit.id === id);
  }

  /** Replaces parts of the record of a service. A record without content is removed. */
  put(service: string, parts: Partial<ServiceMemory>, { turn }: Step): void {
    const next = { ...EMPTY, ...this.#records.get(service), ...parts };
    if (next.scale === null && next.generation === 0 && next.rollout === null && next.scaling === null) this.#records.delete(service);
    else this.#records.set(service, next);
    turn.services.add(service);
  }

  /** Begins a rollout. One that is under way is superseded: its surge is restarted like a member. */
  begin({ service, policy, earlierRuns }: Extract<WorldEvent, { type: "rollout" }>, step: Step): void {
    const { nowMs } = step.env;
    const before = this.#records.get(service)?.rollout ?? null;
    const surges = (before?.units ?? [])
      .filter(({ isSurge, phase }) => isSurge && phase !== "gone" && phase !== "leaving")
      .map(({ id }) => id);
    const present = this.#presentUnits(service).filter((id) => !surges.includes(id));
    const generation = (this.#records.get(service)?.generation ?? 0) + 1;
    const entries = present.map((id) => this.#o.units.get(id)!);
    const rollout = newRollout(policy, entries, Object.keys(earlierRuns), generation, nowMs);
    const { units } = rollout;
    this.put(service, { generation, rollout, earlierRuns }, step);
    const superseded = before !== null && isActive(before) ? `; it supersedes rollout ${before.generation}` : "";
    this.#note(service, "rollout-started", `rollout ${generation} of ${present.length} units began${superseded}`, { generation }, step);
    for (const id of surges) if (!units.some((unit) => unit.id === id)) this.#o.remove(id, step);
    this.#due.add(service);
  }

  control({ service, action }: Extract<WorldEvent, { type: "rolloutControl" }>, step: Step): void {
    const rollout = this.#records.get(service)?.rollout;
    if (rollout == null || !isActive(rollout)) return;
    const { nowMs } = step.env;
    const { generation } = rollout;
    const next: Rollout =
      action === "pause"
        ? { ...rollout, state: "paused" }
        : action === "resume"
          ? { ...rollout, state: "running", progressMs: nowMs }
          : { ...rollout, state: "cancelled", endedMs: nowMs };
    if (next.state === rollout.state) return;
    this.put(service, { rollout: next }, step);
    const words = ({ pause: "paused", resume: "resumed", cancel: "cancelled" } as const)[action];
    this.#note(service, `rollout-${words}`, `rollout ${generation} was ${words} by the operator`, { generation }, step);
    this.#due.add(service);
  }

  restore(service: string, memory: ServiceMemory): void {
    this.#records.set(service, memory);
    if (memory.rollout !== null) this.#due.add(service);
  }

  /** The deadline of a rollout has passed. */
  isDue(service: string): void {
    this.#due.add(service);
  }

  /** Compares all rollouts with their units at the end of a turn, and acts until nothing is left to do in this turn. */
  follow(step: Step): void {
    if (this.#records.size === 0) return;
    for (const [service, { rollout }] of this.#records) {
      if (rollout === null || !isUnfinished(rollout)) continue;
      const isTouched = rollout.units.some(({ id }) => step.turn.changed.has(id) || step.turn.removed.has(id));
      if (this.#due.delete(service) || isTouched) this.#advance(service, step);
    }
  }

  #advance(service: string, step: Step): void {
    for (;;) {
      const before = this.#records.get(service)!.rollout!;
      const { rollout, actions, dueMs } = advance(before, (id) => factOf(this.#o.units.get(id)), step.env.nowMs);
      if (rollout !== before) this.put(service, { rollout }, step);
      if (rollout.state !== before.state) this.#noteEnd(service, rollout, step);
      this.#o.units.deadlines.put(PREFIX + service, dueMs);
      if (actions.length === 0) return;
      for (const action of actions) this.#perform(service, rollout.generation, action, step);
    }
  }

  #perform(service: string, generation: number, { type, id }: RolloutAction, step: Step): void {
    const { units, replace, start, remove } = this.#o;
    if (type === "remove") return remove(id, step);
    if (type === "replace") return replace(id, generation, step);
    const model = units.get(this.#presentUnits(service)[0] ?? "")?.spec;
    const earlierRuns = this.#records.get(service)?.earlierRuns[id] ?? 0;
    if (model !== undefined) start(memberSpec(model, id), generation, earlierRuns, step);
  }

  #presentUnits(service: string): string[] {
    const { units } = this.#o;
    return (units.services.get(service)?.units ?? []).filter((id) => {
      const { unit, retired } = units.get(id)!;
      return !retired && unit.want === "up";
    });
  }

  #noteEnd(service: string, { generation, state, failure }: Rollout, step: Step): void {
    if (state === "done") this.#note(service, "rollout-done", `rollout ${generation} is complete`, { generation }, step);
    if (state === "failed")
      this.#note(service, "rollout-failed", `rollout ${generation} failed: ${failure}`, { generation, failure }, step);
  }

  #note(service: string, type: HistoryType, message: string, details: Record<string, unknown>, { turn }: Step): void {
    turn.effects.push({ id: service, ...record(type, message, details) });
  }
}

/** Returns the record of a new rollout. `surge` has the ids of the additional units. */
export function newRollout(
  policy: RollingSpec,
  members: readonly Entry[],
  surge: readonly string[],
  generation: number,
  nowMs: number,
): Rollout {
  const wanted = members.length;
  const units = [...inOrder(members, policy).map((id) => fresh(id, false)), ...[...surge].sort(compareIds).map((id) => fresh(id, true))];
  return {
    ...{ generation, state: "running", unavailable: unavailableOf(policy, wanted, surge.length), wanted },
    ...{ minHealthyMs: policy.minHealthyMs, progressDeadlineMs: policy.progressDeadlineMs },
    ...{ startedMs: nowMs, progressMs: nowMs, endedMs: null, failure: null, units },
  };
}

export const EMPTY: ServiceMemory = { scale: null, generation: 0, rollout: null, earlierRuns: {}, scaling: null };

const fresh = (id: string, isSurge: boolean): RolloutUnit => ({ id, isSurge, phase: "old", before: 0, run: null, healthySinceMs: null });

/** Returns the ids of the units in the order in which they are restarted. */
function inOrder(entries: readonly Entry[], { order }: RollingSpec): string[] {
  const age = ({ unit }: Entry): number => unit.execAtMs ?? Infinity;
  const sign = order === "newest-last" ? 1 : -1;
  return [...entries].sort((a, b) => sign * (age(a) - age(b)) || compareIds(a.unit.id, b.unit.id)).map(({ unit }) => unit.id);
}

/** Returns the spec of another unit of the same service. */
export function memberSpec(model: Spec, id: string): Spec {
  const number = Number(id.slice(id.indexOf("@") + 1));
  const port = model.port === null || model.sockets.length > 0 ? model.port : model.port + number - model.instance!;
  return { ...model, id, instance: number, port, name: model.name === model.id ? id : model.name };
}

function factOf(entry: Entry | undefined): UnitFact | null {
  if (entry === undefined) return null;
  const { unit, check, spec } = entry;
  const isReady = unit.want === "up" && (unit.phase === "running" || unit.phase === "reloading") && check?.health !== "unhealthy";
  const hasFailed =
    unit.phase === "backoff" ||
    unit.phase === "failed" ||
    unit.phase === "fatal" ||
    (isDown(unit.phase) && unit.run > 0 && unit.want === "up");
  const refused = unit.testedRestart?.state === "failed" ? unit.testedRestart.failure : null;
  return {
    run: unit.run,
    isWanted: unit.want === "up",
    isReady,
    isHealthy: isReady && (spec.check === null || check?.health === "healthy"),
    isLost: unit.last?.exit?.kind === "lost",
    failure: hasFailed ? (unit.last?.detail ?? unit.reason) : refused,
  };
}
