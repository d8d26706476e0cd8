/**
 * A rolling restart of a service, as a pure state machine. It compares the record of the rollout with the present state of
 * the units, and says what to do next. The record contains no pending commands, so the rollout continues correctly after any
 * interruption.
 *
 * The units keep their ids. First, additional units are started (the surge). Then the members are restarted one after the
 * other, while the surge and the other members serve. At the end the surge is removed.
 */
export interface Rollout {
  /** The number of this rollout of the service. New runs get it as SUP_GENERATION. */
  readonly generation: number;
  readonly state: RolloutState;
  /** How many members may be unavailable at a time, and how many members there are. */
  readonly unavailable: number;
  readonly wanted: number;
  readonly minHealthyMs: number;
  readonly progressDeadlineMs: number;
  /** Monotonic times of the start and of the last progress. */
  readonly startedMs: number;
  readonly progressMs: number;
  /** Monotonic time at which it was decided how the rollout ends; null before that. */
  readonly endedMs: number | null;
  readonly failure: string | null;
  /** True if the version that worked last is restored when the rollout fails. */
  readonly autoReverts: boolean;
  /** Number of new units after which the rollout pauses until an operator promotes it; 0 if it does not pause. */
  readonly canary: number;
  /** True while the rollout is paused until an operator promotes it. */
  readonly awaitsPromotion: boolean;
  /** How a `reverting` rollout ends; null in every other state. */
  readonly endsAs: "failed" | "cancelled" | null;
  /** The members in the order in which they are restarted, followed by the surge. */
  readonly units: readonly RolloutUnit[];
}

/**
 * A `reverting` rollout restarts the members that run the new version, because the version that worked last is in force
 * again. A `failed` or `cancelled` rollout restarts no more members. Its surge is removed as soon as the members are ready
 * without it.
 */
export type RolloutState = "running" | "paused" | "reverting" | "done" | "failed" | "cancelled";

export interface RolloutUnit {
  readonly id: string;
  readonly isSurge: boolean;
  /**
   * `old`: nothing was done yet. `starting`: the new run has not been healthy for long enough yet. `leaving`: the surge unit
   * is being removed. `gone`: the unit no longer takes part.
   */
  readonly phase: "old" | "starting" | "new" | "leaving" | "gone";
  /** The number of the last run before the new one; 0 if there was none. */
  readonly before: number;
  /** The number of the new run; null until it begins. A later run means that the new one has failed. */
  readonly run: number | null;
  readonly healthySinceMs: number | null;
}

/** The present state of a unit. */
export interface UnitFact {
  readonly run: number;
  /** False if the unit should be down, because an operator stopped it. */
  readonly isWanted: boolean;
  /** Running, and not unhealthy. */
  readonly isReady: boolean;
  /** Ready, and its health check, if it has one, passes. */
  readonly isHealthy: boolean;
  /** Why the unit's last run or its restart failed; null if nothing has failed. */
  readonly failure: string | null;
  /**
   * True if the last run that ended was cut off because sup was killed during its start. Such an end says nothing about the
   * new version.
   */
  readonly isLost: boolean;
  /** True if the restart policy does not start the unit again. */
  readonly hasGivenUp: boolean;
  /** The number of the definition with which its last run began. */
  readonly version: number;
}

/** `start` a surge unit, `replace` a member by restarting it, or `remove` a surge unit. */
export interface RolloutAction {
  readonly type: "start" | "replace" | "remove";
  readonly id: string;
}

export interface Advance {
  readonly rollout: Rollout;
  readonly actions: readonly RolloutAction[];
  /** Monotonic time at which `advance` must be called again even if no unit changes. */
  readonly dueMs: number | null;
}

export type FactOf = (id: string) => UnitFact | null;

export const isActive = ({ state }: Rollout): boolean => state === "running" || state === "paused" || state === "reverting";

/** Returns true if anything is left to do. */
export const isUnfinished = (rollout: Rollout): boolean => isActive(rollout) || rollout.units.some(isPresentSurge);

/**
 * Returns the next state and actions. If `canRevert` is true and `revert` must follow, a rollout that has just failed takes
 * no action, because its proven surge is still needed.
 */
export function advance(before: Rollout, factOf: FactOf, nowMs: number, canRevert = false): Advance {
  const observed = observe(before, factOf, nowMs);
  const rollout = judge(observed, factOf, nowMs);
  if (canRevert && isActive(before) && mustRevert(rollout)) return { rollout, actions: [], dueMs: null };
  const { next, actions } = isRolling(rollout) ? roll(rollout, factOf) : settle(rollout, factOf);
  const ended = isDone(next) ? { ...next, state: next.endsAs ?? ("done" as const), endedMs: nowMs } : next;
  const paused = mustWait(ended) ? { ...ended, state: "paused" as const, awaitsPromotion: true } : ended;
  return { rollout: paused, actions, dueMs: dueOf(paused) };
}

/**
 * Returns the rollout that reverts the service. It must be called after the version that worked last was put in force again;
 * `version` is the number of that version. The rollout restarts the units that run another version.
 */
export function revert(rollout: Rollout, endsAs: "failed" | "cancelled", version: number, factOf: FactOf, nowMs: number): Rollout {
  const units = rollout.units.map((unit): RolloutUnit => {
    const { phase, isSurge, id, run } = unit;
    const fact = factOf(id);
    if (isSurge || (phase === "gone" && fact?.isWanted !== true)) return unit;
    if (fact === null || fact.version === version) {
      // If this rollout has stopped the unit, its next run has the version that worked last. Otherwise the unit keeps running as it is.
      const isStopping = phase === "starting" && run === null && fact?.isReady !== true;
      return isStopping ? unit : { ...unit, phase: "new" };
    }
    return { ...unit, phase: "old", run: null, healthySinceMs: null };
  });
  return { ...rollout, state: "reverting", awaitsPromotion: false, endsAs, endedMs: null, progressMs: nowMs, units };
}

export const mustRevert = ({ state, autoReverts, endsAs }: Rollout): boolean => state === "failed" && autoReverts && endsAs === null;

const isRolling = ({ state }: Rollout): boolean => state === "running" || state === "reverting";

/** Updates the units by their present state. */
function observe(rollout: Rollout, factOf: FactOf, nowMs: number): Rollout {
  let progressMs = rollout.progressMs;
  const units = rollout.units.map((unit): RolloutUnit => {
    const fact = factOf(unit.id);
    if (unit.phase === "leaving") return fact === null ? { ...unit, phase: "gone" } : unit;
    if (unit.phase === "old" && !unit.isSurge && fact?.isWanted !== true) return { ...unit, phase: "gone" }; // an operator stopped it
    if (unit.phase !== "starting" || fact === null || fact.run <= unit.before) return unit;
    // The restart policy starts a lost run again, and the new run counts instead. Without retries, the rollout starts it again.
    if (fact.isLost && fact.failure !== null)
      return { ...unit, ...(fact.hasGivenUp && { phase: "old" }), before: fact.run, run: null, healthySinceMs: null };
    const isNext = unit.run === null || (fact.isLost && fact.run > unit.run);
    const started = isNext ? { ...unit, run: fact.run, healthySinceMs: null } : unit;
    if (!fact.isHealthy || fact.run !== started.run)
      return started.healthySinceMs === null ? started : { ...started, healthySinceMs: null };
    const healthySinceMs = started.healthySinceMs ?? nowMs;
    if (nowMs < healthySinceMs + rollout.minHealthyMs) return { ...started, healthySinceMs };
    progressMs = nowMs;
    return { ...started, healthySinceMs, phase: "new" };
  });
  const isSame = progressMs === rollout.progressMs && units.every((unit, at) => unit === rollout.units[at]);
  return isSame ? rollout : { ...rollout, units, progressMs };
}

/** Ends the rollout at the first new unit that fails, or if nothing has progressed for too long. */
function judge(rollout: Rollout, factOf: FactOf, nowMs: number): Rollout {
  const fail = (cause: string): Rollout => {
    const failure = rollout.state === "reverting" ? `${rollout.failure ?? "rolled back"}; the revert failed, too: ${cause}` : cause;
    return { ...rollout, state: "failed", awaitsPromotion: false, failure, endedMs: nowMs };
  };
  if (rollout.awaitsPromotion) {
    for (const { id, phase } of rollout.units) {
      const failure = phase === "new" ? (factOf(id)?.failure ?? null) : null;
      if (failure !== null) return fail(`${id}: ${failure}`);
    }
  }
  if (!isRolling(rollout)) return rollout;
  for (const unit of rollout.units) {
    // When the rollout reverts, an additional unit of the new version is removed. Its failure began the revert, so it does not count again.
    if (unit.phase !== "starting" || (rollout.state === "reverting" && unit.isSurge)) continue;
    const fact = factOf(unit.id);
    const hasFailed = fact !== null && (unit.run === null ? fact.run === unit.before : fact.run >= unit.run);
    if (fact === null && !unit.isSurge) return fail(`${unit.id} was removed`);
    if (fact?.isWanted === false) return fail(`${unit.id} was stopped`);
    if (hasFailed && fact.failure !== null && !fact.isLost) return fail(`${unit.id}: ${fact.failure}`);
    if (unit.run !== null && fact !== null && fact.run > unit.run)
      return fail(`${unit.id}: its new run has failed, and it was started again`);
  }
  if (nowMs < rollout.progressMs + rollout.progressDeadlineMs) return rollout;
  const late = rollout.units.filter(({ phase }) => phase === "starting").map(({ id }) => id);
  const who = late.length === 0 ? "too few units are ready" : `${late.join(", ")} did not become healthy`;
  return fail(`${who} within ${rollout.progressDeadlineMs / 1000} s`);
}

interface Step {
  readonly next: Rollout;
  readonly actions: readonly RolloutAction[];
}

/** Starts the surge, then restarts members as long as enough units stay available, and lets the surge leave at the end. */
function roll(rollout: Rollout, factOf: FactOf): Step {
  const actions: RolloutAction[] = [];
  const isReverting = rollout.state === "reverting";
  // When the rollout reverts, an additional unit of the new version is removed unless it is proven.
  const leaves = ({ isSurge, phase }: RolloutUnit): boolean => isReverting && isSurge && phase !== "new";
  const isAvailable = (unit: RolloutUnit): boolean =>
    (unit.phase === "old" || unit.phase === "new") && !leaves(unit) && factOf(unit.id)?.isReady === true;
  let spare = rollout.units.filter(isAvailable).length - (rollout.wanted - rollout.unavailable);
  const begin = (unit: RolloutUnit, type: "start" | "replace"): RolloutUnit => {
    canaries--;
    actions.push({ type, id: unit.id });
    return { ...unit, phase: "starting", before: factOf(unit.id)?.run ?? 0, run: null, healthySinceMs: null };
  };
  let canaries = rollout.canary === 0 || isReverting ? Infinity : rollout.canary - rollout.units.filter(isBegun).length;
  const remaining = rollout.units.some(({ isSurge, phase }) => !isSurge && (phase === "old" || phase === "starting"));
  const units = rollout.units.map((unit): RolloutUnit => {
    if (leaves(unit) || (unit.isSurge && !remaining)) return leave(unit, factOf, actions);
    if (unit.phase !== "old" || canaries < 1) return unit;
    // An earlier rollout has stopped this additional unit. If the unit is still there, it is started again.
    if (factOf(unit.id)?.isWanted !== true) return begin(unit, "start");
    // A unit that has failed or is still starting serves nobody, so it can be restarted at any time.
    if (!isAvailable(unit)) return begin(unit, "replace");
    if (spare < 1) return unit;
    spare--;
    return begin(unit, "replace");
  });
  return { next: { ...rollout, units }, actions };
}

/**
 * Handles a rollout that has failed or was cancelled. New surge units are removed at once, and proven ones as soon as the
 * members are ready without them.
 */
function settle(rollout: Rollout, factOf: FactOf): Step {
  if (rollout.state === "paused") return { next: rollout, actions: [] };
  const actions: RolloutAction[] = [];
  const members = rollout.units.filter(({ isSurge, phase }) => !isSurge && phase !== "gone");
  const areReady = members.every(({ id }) => {
    const fact = factOf(id);
    return fact === null || fact.isReady || !fact.isWanted;
  });
  const units = rollout.units.map((unit): RolloutUnit => {
    const mustStay = unit.phase === "new" && !areReady;
    return unit.isSurge && !mustStay ? leave(unit, factOf, actions) : unit;
  });
  return { next: actions.length === 0 && units.every((unit, at) => unit === rollout.units[at]) ? rollout : { ...rollout, units }, actions };
}

function leave(unit: RolloutUnit, factOf: FactOf, actions: RolloutAction[]): RolloutUnit {
  if (unit.phase === "leaving" || unit.phase === "gone") return unit;
  if (factOf(unit.id) === null) return { ...unit, phase: "gone" };
  actions.push({ type: "remove", id: unit.id });
  return { ...unit, phase: "leaving" };
}

/** A surge unit that is gone does not count, because its id may now belong to a member. */
export const isPresentSurge = ({ isSurge, phase }: RolloutUnit): boolean => isSurge && phase !== "gone";

const isBegun = ({ phase }: RolloutUnit): boolean => phase === "starting" || phase === "new";

/** Returns true if enough new units are healthy and the rollout would restart others next. */
const mustWait = ({ state, canary, units }: Rollout): boolean =>
  state === "running" &&
  canary > 0 &&
  units.filter(({ phase }) => phase === "new").length >= canary &&
  units.some(({ isSurge, phase }) => !isSurge && phase === "old");

const isDone = ({ state, units }: Rollout): boolean =>
  (state === "running" || state === "reverting") && units.every(({ isSurge, phase }) => phase === "gone" || (!isSurge && phase === "new"));

function dueOf({ state, units, minHealthyMs, progressMs, progressDeadlineMs }: Rollout): number | null {
  if (state !== "running" && state !== "reverting") return null;
  const healthy = units.flatMap(({ phase, healthySinceMs }) =>
    phase === "starting" && healthySinceMs !== null ? [healthySinceMs + minHealthyMs] : [],
  );
  return Math.min(progressMs + progressDeadlineMs, ...healthy);
}
