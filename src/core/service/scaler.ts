/**
 * Decides how many units a service should have. The rules are those of Kubernetes' HorizontalPodAutoscaler (HPA): the ratio of the mean
 * value to the target, a tolerance, cautious assumptions about units without a value, stabilisation windows, and step limits. This is
 * a pure function: the caller stores the returned state.
 */
import type { ScalingMetric, ScalingSpec, StepLimit } from "../../spec/spec.ts";

/** The state that the next decision needs. All times are monotonic. */
export interface ScalingState {
  /** The earlier recommendations, oldest first, as far back as a stabilisation window reaches. */
  readonly recommendations: ReadonlyArray<{ readonly atMs: number; readonly count: number }>;
  /** The changes in the last 15 seconds. `by` is negative if units were removed. */
  readonly changes: ReadonlyArray<{ readonly atMs: number; readonly by: number }>;
}

export const FRESH_SCALING: ScalingState = { recommendations: [], changes: [] };

/** The values of one unit. Units that have failed or were stopped do not take part, and are not in the list. */
export interface ScaledUnit {
  readonly isReady: boolean;
  /** Returns null if the value is missing. */
  readonly valueOf: (metric: string) => number | null;
}

/** The result of one metric. */
export interface MetricVerdict extends ScalingMetric {
  /** The mean of the units that have a value. Null if no unit has a value; the metric then has no result. */
  readonly mean: number | null;
  /** Number of ready units without a value. */
  readonly missing: number;
  /** Number of units that this metric needs; null if the metric has no result. */
  readonly count: number | null;
}

export interface Decision {
  /** How many units the service should have now. */
  readonly count: number;
  /** How many units the metrics need at this moment, within the bounds; null if no metric could decide. */
  readonly needed: number | null;
  readonly verdicts: readonly MetricVerdict[];
  /** The metric that needs the most units, if the metrics decided. */
  readonly decisive: MetricVerdict | null;
  /** What kept `count` away from `needed`. */
  readonly heldBy: "window" | "step" | null;
  readonly state: ScalingState;
}

/** The period of the step limits. */
export const STEP_PERIOD_MS = 15_000;

/** Tolerance for comparisons, because sums of decimal fractions are not exact. */
const EPSILON = 1e-9;

/** `current` is the number of units that the service has, including those that do not take part. */
export function decide(spec: ScalingSpec, state: ScalingState, current: number, units: readonly ScaledUnit[], nowMs: number): Decision {
  const verdicts = spec.metrics.map((metric) => judge(metric, spec.tolerance, current, units));
  const bounded = clamp(current, spec.min, spec.max);
  // A number outside the bounds is corrected first, without looking at the metrics.
  if (bounded !== current)
    return { count: bounded, needed: null, verdicts, decisive: null, heldBy: null, state: changed(state, bounded - current, nowMs) };
  const decisive = decisiveOf(verdicts, current);
  if (decisive === null) return { count: current, needed: null, verdicts, decisive, heldBy: null, state };
  const needed = clamp(decisive.count!, spec.min, spec.max);
  const recent = relevant(spec, state.recommendations, nowMs);
  // Without an earlier recommendation, the present number counts as one. Otherwise a single value could remove units.
  const earlier = recent.length > 0 ? recent : [{ atMs: nowMs, count: current }];
  const stable = stabilised(spec, earlier, needed, current, nowMs);
  const count = limited(spec, state, stable, current, nowMs);
  const recommendations = [...earlier, { atMs: nowMs, count: needed }];
  const heldBy = count === needed ? null : count === stable ? "window" : "step";
  return { count, needed, verdicts, decisive, heldBy, state: changed({ ...state, recommendations }, count - current, nowMs) };
}

/** Returns how many units one metric needs. */
function judge({ metric, target }: ScalingMetric, tolerance: number, current: number, units: readonly ScaledUnit[]): MetricVerdict {
  const ready = units.filter(({ isReady }) => isReady);
  const known = ready.flatMap(({ valueOf }) => valueOf(metric) ?? []);
  const missing = ready.length - known.length;
  const verdict = (mean: number | null, count: number | null): MetricVerdict => ({ metric, target, mean, missing, count });
  if (known.length === 0) return verdict(null, null);
  const total = known.reduce((sum, value) => sum + value, 0);
  const mean = total / known.length;
  const ratio = mean / target;
  const isNear = (one: number): boolean => Math.abs(one - 1) <= tolerance + EPSILON;
  const unready = ratio > 1 ? units.length - ready.length : 0;
  if (unready === 0 && missing === 0) return verdict(mean, isNear(ratio) ? current : ceil(total / target));
  // If units would be removed, a unit without a value counts as on target. If units would be added, it counts as idle. Units
  // that are not ready count as idle.
  const assumed = total + (ratio < 1 ? missing * target : 0);
  const size = known.length + missing + unready;
  const cautious = assumed / size / target;
  if (isNear(cautious) || ratio < 1 !== cautious < 1) return verdict(mean, current);
  const count = ceil(assumed / target);
  return verdict(mean, cautious < 1 ? Math.min(count, current) : Math.max(count, current));
}

/** Returns the metric that needs the most units. If any metric has no result, the others must not remove units. */
function decisiveOf(verdicts: readonly MetricVerdict[], current: number): MetricVerdict | null {
  let decisive: MetricVerdict | null = null;
  for (const one of verdicts) if (one.count !== null && (decisive === null || one.count > decisive.count!)) decisive = one;
  const isCertain = verdicts.every(({ count }) => count !== null);
  return decisive !== null && (isCertain || decisive.count! >= current) ? decisive : null;
}

/**
 * Applies the stabilisation windows. The window for more units takes its lowest recommendation, and the window for fewer
 * units takes its highest.
 */
function stabilised(spec: ScalingSpec, earlier: ScalingState["recommendations"], needed: number, current: number, nowMs: number): number {
  const within = (windowMs: number): number[] => earlier.filter(({ atMs }) => atMs > nowMs - windowMs).map(({ count }) => count);
  const up = Math.min(needed, ...within(spec.upAfterMs));
  const down = Math.max(needed, ...within(spec.downAfterMs));
  return Math.min(Math.max(current, up), down);
}

/** Limits by how much the number changes within 15 seconds, and keeps the number within the bounds. */
function limited(spec: ScalingSpec, { changes }: ScalingState, wanted: number, current: number, nowMs: number): number {
  const moved = changes.filter(({ atMs }) => atMs > nowMs - STEP_PERIOD_MS).reduce((sum, { by }) => sum + by, 0);
  const before = current - moved;
  if (wanted > current) return Math.min(wanted, Math.max(current, before + stepOf(spec.maxStepUp, before)));
  if (wanted < current) return Math.max(wanted, Math.min(current, before - stepOf(spec.maxStepDown, before)));
  return current;
}

/** Rounds percentages up, so that 10 % of 72 units are 8. */
const stepOf = ({ count, percent }: StepLimit, units: number): number => Math.max(count, ceil((units * percent) / 100));

function changed(state: ScalingState, by: number, nowMs: number): ScalingState {
  const changes = state.changes.filter(({ atMs }) => atMs > nowMs - STEP_PERIOD_MS);
  return { ...state, changes: by === 0 ? changes : [...changes, { atMs: nowMs, by }] };
}

/**
 * Returns the recommendations that can still decide. In a window, these are the ones that no later one exceeds (or
 * undercuts). There are few of them, even if the windows are long.
 */
function relevant(spec: ScalingSpec, all: ScalingState["recommendations"], nowMs: number): ScalingState["recommendations"] {
  let [highest, lowest] = [-Infinity, Infinity];
  const kept = all.toReversed().filter(({ atMs, count }) => {
    const isHigh = count > highest && atMs > nowMs - spec.downAfterMs;
    const isLow = count < lowest && atMs > nowMs - spec.upAfterMs;
    highest = Math.max(highest, count);
    lowest = Math.min(lowest, count);
    return isHigh || isLow;
  });
  return kept.toReversed();
}

const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));

const ceil = (value: number): number => Math.ceil(value - EPSILON);
