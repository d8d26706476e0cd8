import { formatDuration } from "../../base/duration.ts";
import type { StepLimit } from "../../spec/spec.ts";
import { STEP_PERIOD_MS, type Decision, type MetricVerdict } from "../service/scaler.ts";
import type { ScalingOutlook } from "../world/scalings.ts";

/** Describes how a service is scaled automatically, and what would happen now. */
export function scalingWords({ spec, current, blockedBy, decision, onDemand }: ScalingOutlook): string[] {
  const counts = `It has ${unitsWord(current)}, and can have ${spec.min} to ${spec.max}.`;
  const toZero = onDemand === null ? [] : [zeroWords(spec, onDemand)];
  if (spec.metrics.length === 0) return [counts, ...toZero, blockedBy === null ? "" : BLOCKED[blockedBy]].filter((line) => line !== "");
  const rules = `${counts} A deviation of up to ${round(spec.tolerance * 100)} % from a target changes nothing.`;
  const added = spec.upAfterMs === 0 ? "at once" : `when they were needed for ${formatDuration(spec.upAfterMs)}`;
  const removed = spec.downAfterMs === 0 ? "at once" : `when fewer were enough for ${formatDuration(spec.downAfterMs)}`;
  const windows = `Units are added ${added}, and removed ${removed}; per ${formatDuration(STEP_PERIOD_MS)} at most ${stepWords(spec.maxStepUp)} up and ${stepWords(spec.maxStepDown)} down.`;
  if (decision === null) {
    const targets = spec.metrics.map(({ metric, target }) => `${metric}: the target is ${target} per unit.`);
    return [rules, windows, ...toZero, ...targets, blockedBy === null ? "" : BLOCKED[blockedBy]].filter((line) => line !== "");
  }
  return [rules, windows, ...toZero, ...decision.verdicts.map(verdictWords), nowWords(decision, current)];
}

function zeroWords({ idleAfterMs }: ScalingOutlook["spec"], { state, idleMs }: NonNullable<ScalingOutlook["onDemand"]>): string {
  const rule = `Without a connection for ${formatDuration(idleAfterMs)} it stops, and the next connection starts it`;
  if (state === "manual") return `${rule}; but an operator started it, so it runs until it is stopped.`;
  return state === "awake" && idleMs !== null && idleMs > 0
    ? `${rule}; there was no connection for ${formatDuration(idleMs)}.`
    : `${rule}.`;
}

const BLOCKED: Readonly<Record<NonNullable<ScalingOutlook["blockedBy"]>, string>> = {
  asleep: "Now: nothing, because the service waits for its first connection.",
  stopped: "Now: nothing, because the service is stopped.",
  rollout: "Now: nothing, because a rolling restart is under way.",
  "no sample": "Now: nothing, because no sample was taken yet.",
};

function verdictWords({ metric, target, mean, missing, count }: MetricVerdict): string {
  if (mean === null) {
    const isPosted = !["cpu", "memory", "response_time", "connections"].includes(metric);
    const cause = isPosted ? "no ready unit has posted it in the last minute" : "no ready unit has a value";
    return `${metric}: ${cause}, so it decides nothing, and no unit is removed. The target is ${target} per unit.`;
  }
  const gaps = missing === 0 ? "" : ` (${missing} without a value)`;
  return `${metric}: ${round(mean)} per unit${gaps}, and the target is ${target}: this needs ${unitsWord(count!)}.`;
}

function nowWords({ count, needed, heldBy, decisive }: Decision, current: number): string {
  const what = count === current ? "nothing" : `${count > current ? "up" : "down"} to ${unitsWord(count)}`;
  if (decisive === null) return `Now: ${what}${count === current ? "" : ", because of the bounds"}.`;
  if (heldBy === null) return `Now: ${what}.`;
  const why = heldBy === "window" ? "not long enough yet" : "the step limit allows no more";
  return `Now: ${what}; ${unitsWord(needed!)} would be needed, but ${why}.`;
}

function stepWords({ count, percent }: StepLimit): string {
  const words = [...(count > 0 ? [unitsWord(count)] : []), ...(percent > 0 ? [`${percent} %`] : [])];
  return words.join(" or ");
}

const unitsWord = (count: number): string => `${count} ${count === 1 ? "unit" : "units"}`;

const round = (value: number): number => Math.round(value * 100) / 100;
