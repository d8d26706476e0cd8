import type { LimitSpec } from "../../spec/spec.ts";

/**
 * Compares samples with the limits of a unit. A breach begins after `sustained` consecutive samples over a limit, and ends after the
 * same number of samples that are not over it. Therefore a value that oscillates around its limit causes only one breach. The same
 * rule decides whether a value is near its limit.
 */
export const LIMITS = ["memory", "cpu", "tasks"] as const;
export type Limit = (typeof LIMITS)[number];

export interface Sampled {
  readonly memoryMb: number;
  /** Percent of one core, or null if it is not known yet. */
  readonly cpuPercent: number | null;
  readonly tasks: number;
}

/**
 * The state of one limit. `over` and `notOver` count the newest consecutive samples that were over the limit, or were not. `near` and
 * `notNear` count those that reached the `near` threshold, or did not.
 */
interface Standing {
  readonly level: Level;
  readonly over: number;
  readonly notOver: number;
  readonly near: number;
  readonly notNear: number;
  /** The last sample, or null before the first. */
  readonly value: number | null;
}

/** The level is `near` if the value has reached the fraction `warn_at` of the limit. */
export type Level = "ok" | "near" | "over";

export interface LimitState {
  /** The run that the levels belong to. The next run starts with fresh levels. */
  readonly run: number;
  readonly standings: Readonly<Record<Limit, Standing>>;
}

export interface LimitNews {
  readonly limit: Limit;
  readonly level: Level;
  readonly was: Level;
  readonly value: number;
  readonly max: number;
}

const FRESH: Standing = { level: "ok", over: 0, notOver: 0, near: 0, notNear: 0, value: null };

export const freshLimits = (run: number): LimitState => ({ run, standings: { memory: FRESH, cpu: FRESH, tasks: FRESH } });

/** Returns the maximum of a limit, or null if the unit has no such limit. */
export function maxOf(spec: LimitSpec, limit: Limit): number | null {
  return { memory: spec.maxMemoryMb, cpu: spec.maxCpuPercent, tasks: spec.maxTasks }[limit];
}

/** Counts one sample, and returns the new state and the changes of level. `only` names the limits that the sample covers. */
export function sampleLimits(
  state: LimitState,
  spec: LimitSpec,
  sample: Sampled,
  only: readonly Limit[] = LIMITS,
): { readonly state: LimitState; readonly news: readonly LimitNews[] } {
  const standings = { ...state.standings };
  const news: LimitNews[] = [];
  const values = { memory: sample.memoryMb, cpu: sample.cpuPercent, tasks: sample.tasks };
  for (const limit of only) {
    const [max, value] = [maxOf(spec, limit), values[limit]];
    if (max === null) standings[limit] = FRESH;
    if (max === null || value === null) continue;
    const was = standings[limit];
    const counted = countSample(was, value, value > max, value >= max * spec.warnAt);
    const level = levelAfter(counted, spec.sustained);
    standings[limit] = { ...counted, level };
    if (level !== was.level) news.push({ limit, level, was: was.level, value, max });
  }
  return { state: { ...state, standings }, news };
}

const countSample = (standing: Standing, value: number, over: boolean, near: boolean): Standing => ({
  level: standing.level,
  over: over ? standing.over + 1 : 0,
  notOver: over ? 0 : standing.notOver + 1,
  near: near ? standing.near + 1 : 0,
  notNear: near ? 0 : standing.notNear + 1,
  value,
});

function levelAfter({ level, over, notOver, near, notNear }: Standing, sustained: number): Level {
  if (over >= sustained) return "over";
  if (level === "over" && notOver < sustained) return "over";
  if (notNear >= sustained) return "ok";
  // A rise through the whole range causes one event, "over", a few samples later.
  return (near >= sustained && over === 0) || level !== "ok" ? "near" : "ok";
}

const NAMES: Record<Limit, string> = { memory: "memory", cpu: "CPU", tasks: "the number of tasks" };

/** Formats a value of a limit, for example `512 MiB`, `150 %` or `12`. */
export function amount(limit: Limit, value: number): string {
  if (limit === "tasks") return String(Math.round(value));
  const rounded = String(Math.round(value * 10) / 10);
  return limit === "memory" ? `${rounded} MiB` : `${rounded} %`;
}

/** Describes a change of level as a sentence without a full stop, for example "memory is over its limit: 600 MiB of 512 MiB". */
export function limitWords({ limit, level, was, value, max }: LimitNews): string {
  const figures = `${amount(limit, value)} of ${amount(limit, max)}`;
  if (level === "over") return `${NAMES[limit]} is over its limit: ${figures}`;
  if (level === "near" && was === "ok") return `${NAMES[limit]} is near its limit: ${figures}`;
  return level === "near"
    ? `${NAMES[limit]} is back below its limit, but near it: ${figures}`
    : `${NAMES[limit]} is back to normal: ${figures}`;
}
