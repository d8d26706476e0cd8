import { z } from "zod";
import { CONDITIONS } from "../../../base/words.ts";
import { id, time } from "./common.ts";
import { service } from "./service.ts";

/** A difference between two runs of a unit. It contains no values of settings or variables. */
export const change = z.object({
  kind: z.enum(["unit", "executable", "argument", "environment_file", "environment", "working_directory"]),
  text: z.string(),
  /** The keys of the unit file or the variables that changed; empty for other kinds. */
  names: z.array(z.string()),
  /** Time of the change. If it is unknown, the start of the first run with the change. */
  time,
});
export type Change = z.infer<typeof change>;

const whyChange = z.object({
  /** The invocation id of the first run that failed. */
  run: z.string(),
  failed_at: time,
  failure: z.string(),
  /** Start of the oldest run that was compared. */
  since: time,
  /** The newest changes before the failure. Empty if nothing changed since `since`. */
  changes: z.array(change),
});
export type WhyChange = z.infer<typeof whyChange>;

const unitWhy = z.object({
  service,
  /** The history, oldest first, with repetitions summed up. `lines` is the last output of a failed run. */
  story: z.array(z.object({ time, text: z.string(), lines: z.array(z.string()) })),
  policy: z.array(z.string()),
  /** What happens next. `time` is null if the unit waits for something other than a point in time. */
  next: z.array(z.object({ text: z.string(), time: time.nullable() })),
  /** The changes before the first of the latest failures. Null if the latest run did not fail, or if there is no earlier run. */
  change: whyChange.nullable().optional(),
});
export type UnitWhy = z.infer<typeof unitWhy>;

export const why = unitWhy.extend({
  /**
   * For a service with `instances`, the answers for its units, those that most need attention first. Then `service` has the totals,
   * and `story` has only the events of the service itself, such as rolling restarts and changes of the number of units.
   */
  units: z.array(unitWhy).optional(),
});
export type Why = z.infer<typeof why>;

export const explanation = z.object({
  id,
  /** The unit and everything it needs, in start order. The units of one wave start in parallel. */
  waves: z.array(z.array(id)),
  needs: z.array(z.object({ unit: id, condition: z.enum(CONDITIONS), required: z.boolean() })),
  needed_by: z.array(id),
  ready_when: z.string(),
  /**
   * The retries if every run failed at once. Times are counted from the first start. If the number of retries is unlimited,
   * only the first ones are listed.
   */
  retries: z.array(z.object({ attempt: z.number().int(), delay_seconds: z.number(), at_seconds: z.number() })),
  /** The time until the unit gives up, or null if it retries forever or never retries. */
  fatal_after_seconds: z.number().nullable(),
  policy: z.array(z.string()),
  enforcement: z.array(z.string()),
  /** What automatic scaling would do with the unit's service now, in sentences. Absent if the service has no automatic scaling. */
  scaling: z.array(z.string()).optional(),
  /** The service that the unit belongs to; absent for a plain unit. */
  service: z.string().optional(),
});
export type Explanation = z.infer<typeof explanation>;

const figure = z.number().nullable();

/** One of the two runs that are compared. A figure is null if it was not measured. */
const diffSide = z.object({
  invocation: z.string(),
  started: time,
  /** Null if the run has not ended. */
  ended: time.nullable(),
  seconds: z.number(),
  /** How it ended, or null. */
  exit: z.string().nullable(),
  failed: z.boolean(),
  memory_mb: figure,
  /** Slope of the memory usage, measured over at least a minute. */
  memory_mb_per_hour: figure,
  cpu_percent: figure,
  response_time_ms: figure,
  /** Number of lines in its log with words such as `error`, `fatal` or `exception`. Null if the log has no time stamps. */
  error_lines: z.number().int().nullable(),
  /** Number of consecutive runs that were started with the same settings and files as this run, and how many of them failed. */
  runs: z.number().int(),
  failures: z.number().int(),
});
export type DiffSide = z.infer<typeof diffSide>;

/** The figures of a unit in a range of time. A figure is null if it was not measured. */
export const figures = z.object({
  id,
  since: time,
  until: time,
  memory_mb: figure,
  /** Slope of the memory usage, measured over at least a minute without a restart in between: of the longest such part. */
  memory_mb_per_hour: figure,
  cpu_percent: figure,
  response_time_ms: figure,
  starts: z.number().int(),
  exits: z.number().int(),
  /** Number of exits and starts that failed, without those that the operator requested. */
  failures: z.number().int(),
  /** How the processes ended, the most frequent way first. */
  endings: z.array(z.object({ text: z.string(), count: z.number().int() })),
  /** Number of lines in its log with words such as `error`, `fatal` or `exception`. Null if the log has no time stamps. */
  error_lines: z.number().int().nullable(),
});
export type Figures = z.infer<typeof figures>;

const unitDiff = z.object({
  id,
  before: diffSide,
  after: diffSide,
  changes: z.array(change),
  /** What could not be compared, as sentences. */
  unknown: z.array(z.string()),
});
export type UnitDiff = z.infer<typeof unitDiff>;

export const diff = unitDiff.extend({
  /**
   * For a service with `instances`, the comparisons of its units, those that most need attention first. The other fields are those of
   * the first unit. Units whose runs cannot be compared are left out.
   */
  units: z.array(unitDiff).optional(),
});
export type Diff = z.infer<typeof diff>;
