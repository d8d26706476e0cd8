import { compareIds } from "../../base/names.ts";
import { type Definition, unitOfDefinition } from "../../spec/load/definition.ts";
import type { RollingSpec, Spec } from "../../spec/spec.ts";
import {
  advance,
  isActive,
  isPresentSurge,
  isUnfinished,
  mustRevert,
  revert,
  type Rollout,
  type RolloutAction,
  type RolloutUnit,
  type UnitFact,
} from "../service/rollout.ts";
import { unavailableOf } from "../service/rolling-policy.ts";
import { NO_MEMORY, type ServiceMemory, type Working } from "../service/service-memory.ts";
import type { HistoryType } from "../unit/effects.ts";
import { record } from "../unit/outcome.ts";
import { isDown } from "../unit/phase.ts";
import type { Entry, RolloutControl, Step, WorldEvent } from "./types.ts";
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
  /** Changes the definition of a unit. */
  readonly load: (spec: Spec, step: Step) => void;
  /** Stops the unit and removes it. */
  readonly remove: (id: string, step: Step) => void;
}

/** What the world stores about services: scaled numbers, generations and rollouts. */
export class Rollouts {
  readonly #o: RolloutsOptions;
  readonly #records = new Map<string, ServiceMemory>();
  /** Services whose rollout must be compared with its units at the end of the turn even if no unit has changed. */
  readonly #due = new Set<string>();

  constructor(options: RolloutsOptions) {
    this.#o = options;
  }

  get(service: string): ServiceMemory | undefined {
    return this.#records.get(service);
  }

  /** Returns the number of the definition in force. */
  versionOf(service: string): number {
    return this.#records.get(service)?.definition ?? 0;
  }

  /** Returns how many units of the service are loaded if that is not the number in its file: the scaled number, or that of a rollout. */
  scaleOf(service: string): number | undefined {
    const known = this.#records.get(service);
    const surge = known?.rollout?.units.filter((unit) => isPresentSurge(unit) && this.#o.units.has(unit.id)) ?? [];
    if (surge.length > 0) return Math.max(...surge.map(({ id }) => this.#o.units.get(id)!.spec.instance ?? 0));
    return known?.scale ?? undefined;
  }

  /** Returns true for an additional unit of a rollout. The default quorum does not count such a unit. */
  isSurge({ id, service, instance }: Spec): boolean {
    if (instance === null) return false;
    const units = this.#records.get(service)?.rollout?.units ?? [];
    return units.some((unit) => isPresentSurge(unit) && unit.id === id);
  }

  /** Replaces parts of the record of a service. A record without content is removed. */
  put(service: string, parts: Partial<ServiceMemory>, { turn }: Step): void {
    const next = { ...NO_MEMORY, ...this.#records.get(service), ...parts };
    const { scale, generation, rollout, working, reverted, scaling, onDemand } = next;
    const parted = [scale, rollout, working, reverted, scaling];
    if (generation === 0 && !onDemand && parted.every((part) => part === null)) this.#records.delete(service);
    else this.#records.set(service, next);
    turn.services.add(service);
  }

  /** Begins a rollout. It replaces a rollout that is under way, whose surge units are then restarted like members. */
  begin({ service, policy, earlierRuns, previous }: Extract<WorldEvent, { type: "rollout" }>, step: Step): void {
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
    const known = this.#records.get(service);
    const definition = (known?.definitions ?? 0) + 1;
    const changed = { definition, definitions: definition };
    const working = known?.working ?? (previous === undefined ? null : workingOf(previous, known?.definition ?? 0, entries));
    this.put(service, { generation, rollout, earlierRuns, working, ...(previous !== undefined && { ...changed, reverted: null }) }, step);
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
    const next = controlled(rollout, action, this.#records.get(service)!.working !== null, nowMs);
    if (next === null) return;
    this.put(service, { rollout: next }, step);
    const [type, words] = CONTROLLED[action];
    this.#note(service, type, `rollout ${generation} was ${words} by the operator`, { generation }, step);
    this.#due.add(service);
  }

  restore(service: string, memory: ServiceMemory): void {
    this.#records.set(service, memory);
    if (memory.rollout !== null) this.#due.add(service);
  }

  /** Stores the working directory of a run, in which a failed rollout starts the unit again. */
  located({ id, run, directory }: Extract<WorldEvent, { type: "located" }>, { turn }: Step): void {
    const entry = this.#o.units.get(id);
    if (entry === undefined || entry.unit.run !== run || entry.unit.directory === directory) return;
    this.#o.units.put({ ...entry, unit: { ...entry.unit, directory } });
    turn.changed.add(id);
  }

  /** Records that the deadline of a rollout has passed. */
  isDue(service: string): void {
    this.#due.add(service);
  }

  /** Compares all rollouts with their units at the end of a turn, and acts until this turn has nothing left to do. */
  follow(step: Step, wallMs: () => number): void {
    if (this.#records.size === 0) return;
    for (const [service, { rollout }] of this.#records) {
      if (rollout === null || !isUnfinished(rollout)) continue;
      const isTouched = rollout.units.some(({ id }) => step.turn.changed.has(id) || step.turn.removed.has(id));
      if (this.#due.delete(service) || isTouched) this.#advance(service, step, wallMs);
    }
  }

  #advance(service: string, step: Step, wallMs: () => number): void {
    for (;;) {
      const before = this.#records.get(service)!.rollout!;
      if (before.endsAs === "cancelled" && before.state !== "reverting" && isActive(before)) {
        this.#revert(service, before, "cancelled", wallMs(), step);
        continue;
      }
      const canRevert = this.#records.get(service)!.working !== null;
      const { rollout, actions, dueMs } = advance(before, (id) => factOf(this.#o.units.get(id)), step.env.nowMs, canRevert);
      if (rollout !== before) this.put(service, { rollout }, step);
      if (rollout.state !== before.state) {
        this.#noteEnd(service, rollout, step);
        if (canRevert && mustRevert(rollout)) {
          this.#revert(service, rollout, "failed", wallMs(), step);
          continue;
        }
      }
      this.#o.units.deadlines.put(PREFIX + service, dueMs);
      if (actions.length === 0) return;
      for (const action of actions) this.#perform(service, rollout.generation, action, step);
    }
  }

  /** Puts the definition that worked last in force again, and restarts the units that run another definition. */
  #revert(service: string, rollout: Rollout, endsAs: "failed" | "cancelled", atMs: number, step: Step): void {
    const { units, load } = this.#o;
    const definition = this.#records.get(service)!.working!;
    const { generation } = rollout;
    const surge = new Set(rollout.units.flatMap(({ id, isSurge }) => (isSurge ? [id] : [])));
    const next = revert(this.#withStarted(service, rollout), endsAs, definition.version, (id) => factOf(units.get(id)), step.env.nowMs);
    for (const id of units.services.get(service)?.units ?? []) {
      const unit = surge.has(id) || units.get(id)!.retired ? undefined : unitOfDefinition(definition, service, id);
      if (unit !== undefined) load(unit.spec, step);
    }
    const cause = rollout.failure ?? "rolled back by the operator";
    this.put(
      service,
      { rollout: next, definition: definition.version, working: null, reverted: { definition, generation, atMs, cause } },
      step,
    );
    const words = `the definition before rollout ${generation} is in force again; \`sup reload\` tries the file again`;
    this.#note(service, "rollout-reverted", words, { generation, cause }, step);
  }

  /** Adds units that were down when the rollout began, and that an operator has since started with the new definition. */
  #withStarted(service: string, rollout: Rollout): Rollout {
    const known = new Set(rollout.units.map(({ id }) => id));
    const started = this.#presentUnits(service).filter((id) => !known.has(id));
    if (started.length === 0) return rollout;
    return {
      ...rollout,
      wanted: rollout.wanted + started.length,
      units: [...rollout.units, ...started.map((id) => ({ ...fresh(id, false), phase: "gone" as const }))],
    };
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
    if (state === "done") this.put(service, { working: null }, step);
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
  const { minHealthyMs, progressDeadlineMs, canary, autoRevert } = policy;
  const units = [...inOrder(members, policy).map((id) => fresh(id, false)), ...[...surge].sort(compareIds).map((id) => fresh(id, true))];
  return {
    ...{ generation, state: "running", unavailable: unavailableOf(policy, wanted, surge.length), wanted },
    ...{ minHealthyMs, progressDeadlineMs, canary, autoReverts: autoRevert, awaitsPromotion: false, endsAs: null },
    ...{ startedMs: nowMs, progressMs: nowMs, endedMs: null, failure: null, units },
  };
}

/** Returns the definition that was in force until now, with the working directories of the units' runs. */
function workingOf(definition: Pick<Definition, "file" | "effective">, version: number, entries: readonly Entry[]): Working {
  const known = entries.filter(({ unit }) => unit.directory !== undefined && (unit.version ?? 0) === version);
  return { ...definition, version, directories: Object.fromEntries(known.map(({ unit }) => [unit.id, unit.directory!])) };
}

const CONTROLLED: Readonly<Record<RolloutControl, readonly [HistoryType, string]>> = {
  pause: ["rollout-paused", "paused"],
  resume: ["rollout-resumed", "resumed"],
  cancel: ["rollout-cancelled", "cancelled"],
  promote: ["rollout-promoted", "promoted"],
  rollback: ["rollout-cancelled", "rolled back"],
};

/**
 * Returns the rollout after a request of the operator, or null if the request is not possible in its state. A rollback
 * without `canRevert` only cancels.
 */
function controlled(rollout: Rollout, action: RolloutControl, canRevert: boolean, nowMs: number): Rollout | null {
  const { state, awaitsPromotion } = rollout;
  const cancelled: Rollout = { ...rollout, state: "cancelled", awaitsPromotion: false, endedMs: nowMs };
  switch (action) {
    case "pause":
      return state === "running" ? { ...rollout, state: "paused" } : null;
    case "resume":
      return state === "paused" && !awaitsPromotion ? { ...rollout, state: "running", progressMs: nowMs } : null;
    case "promote":
      return awaitsPromotion ? { ...rollout, state: "running", awaitsPromotion: false, canary: 0, progressMs: nowMs } : null;
    case "rollback":
      if (state === "reverting") return null;
      return canRevert ? { ...rollout, endsAs: "cancelled" } : cancelled;
    case "cancel":
      return cancelled;
  }
}

const fresh = (id: string, isSurge: boolean): RolloutUnit => ({
  id,
  isSurge,
  phase: "old",
  before: 0,
  run: null,
  healthySinceMs: null,
});

/** Returns the ids of the units in the order in which they are restarted. */
function inOrder(entries: readonly Entry[], { order }: RollingSpec): string[] {
  const age = ({ unit }: Entry): number => unit.execAtMs ?? Infinity;
  const sign = order === "newest-last" ? 1 : -1;
  return [...entries].sort((a, b) => sign * (age(a) - age(b)) || compareIds(a.unit.id, b.unit.id)).map(({ unit }) => unit.id);
}

/** Makes the next requested stop of a unit's current run begin with a drain. */
export function drainAtStop(units: Units, id: string): void {
  const entry = units.get(id);
  const runs = entry?.unit.phase === "running" || entry?.unit.phase === "reloading";
  if (entry !== undefined && runs && entry.spec.rolling?.drain != null) units.put({ ...entry, unit: { ...entry.unit, drains: true } });
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
    version: unit.version ?? 0,
    isLost: unit.last?.exit?.kind === "lost",
    hasGivenUp: unit.phase === "failed" || unit.phase === "fatal",
    failure: hasFailed ? (unit.last?.detail ?? unit.reason) : refused,
  };
}
