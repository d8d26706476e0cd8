import type { Spec } from "../../spec/spec.ts";
import type { AlertChange, AlertCondition, OpenAlert } from "../alerts/alerts.ts";
import type { Job } from "../jobs/job.ts";
import type { Limit, LimitState, Sampled } from "../metrics/limits.ts";
import type { CheckResult, CheckState } from "../unit/check.ts";
import type { Effect, History } from "../unit/effects.ts";
import type { UnitEvent } from "../unit/events.ts";
import type { Cause, Env, Unit } from "../unit/record.ts";
import type { Watchdog } from "../unit/watchdog.ts";

/** What the world holds of a unit. */
export interface Entry {
  readonly spec: Spec;
  readonly unit: Unit;
  /** Of the current run, or the last one's for show. */
  readonly check: CheckState | null;
  /** Of the current run; never stored. */
  readonly watchdog: Watchdog | null;
  /** How the samples of the current run compare with its limits; never stored. */
  readonly limits: LimitState | null;
  /** Its file is gone: it is removed once it is down. */
  readonly retired: boolean;
}

export type WorldEffect = { readonly id: string } & (
  | Effect
  | { readonly type: "probe"; readonly run: number; readonly seq: number }
  /** A line of sup's own in the unit's log. */
  | { readonly type: "note"; readonly text: string }
);

export type Fact = Extract<UnitEvent, { run: number }>;

export type RequestAction = "start" | "stop" | "restart" | "reset" | "reload";

/** A job that a request creates: a record of who waits for what, which outlives the daemon. */
export interface JobRequest {
  readonly id: string;
  readonly warnings: readonly string[];
}

/** Where conditions come from that the world cannot see in its own records. `unit` "" is the daemon itself. */
export type ConditionSource = "store" | "log" | "forecast" | "watch";

/** One sample of one run. */
export interface Measurement {
  readonly run: number;
  readonly sample: Sampled;
  /** The limits that this sample counts for; default: all. */
  readonly only?: readonly Limit[];
  /** How many samples in a row make a breach, in place of the unit's own `sustained`. */
  readonly sustained?: number;
  /** Why the kernel does not enforce a limit; null where it does. Asked only for a limit whose level changes. */
  readonly unenforced: (limit: Limit) => string | null;
}

export type WorldEvent =
  | {
      readonly type: "request";
      readonly action: RequestAction;
      readonly ids: readonly string[];
      readonly cause: Cause;
      readonly cascade?: boolean;
      readonly job?: JobRequest;
    }
  | { readonly type: "fact"; readonly id: string; readonly fact: Fact }
  | { readonly type: "probed"; readonly id: string; readonly run: number; readonly seq: number; readonly result: CheckResult }
  /** A person wants a probe out of turn: the next slot is now. It counts like any other. */
  | { readonly type: "probeNow"; readonly id: string }
  /** A round of samples. */
  | { readonly type: "measured"; readonly samples: ReadonlyMap<string, Measurement> }
  /** What a source has to say of a unit, in place of what it said before. */
  | {
      readonly type: "observed";
      readonly source: ConditionSource;
      readonly unit: string;
      readonly conditions: readonly AlertCondition[];
    }
  /** Handles all deadlines that have passed. */
  | { readonly type: "tick" }
  /**
   * A unit is new, or its spec changed; the running process goes on with what it has. `earlierRuns`: for a new one, how many
   * runs there were under its name before.
   */
  | { readonly type: "load"; readonly spec: Spec; readonly earlierRuns?: number }
  | { readonly type: "unload"; readonly id: string }
  /** A unit as an earlier daemon left it. */
  | { readonly type: "restore"; readonly spec: Spec; readonly unit: Unit; readonly check: CheckState | null }
  | { readonly type: "restoreJob"; readonly job: Job }
  /**
   * Everything is loaded and taken over: from now on alerts are raised and resolved. `open` are those that an earlier daemon left;
   * `lastId` is the largest id ever given to an alert.
   */
  | { readonly type: "resumed"; readonly open: readonly OpenAlert[]; readonly lastId: number };

/** What one event, or a batch of them, led to. */
export interface Turn {
  readonly changed: Set<string>;
  readonly removed: Set<string>;
  readonly effects: WorldEffect[];
  readonly refusals: Array<{ readonly id: string; readonly why: string }>;
  /** Units whose alert conditions may have changed though the unit has not; "" is the daemon. */
  readonly suspects: Set<string>;
  readonly alerts: AlertChange[];
  /** Jobs that were created, came closer to their goal or were forgotten. */
  readonly jobs: Set<string>;
  /** Broken invariants: sup's own faults, to be logged. */
  readonly bugs: string[];
}

export const emptyTurn = (): Turn => ({
  changed: new Set(),
  removed: new Set(),
  effects: [],
  refusals: [],
  suspects: new Set(),
  alerts: [],
  jobs: new Set(),
  bugs: [],
});

export const isEmpty = (turn: Turn): boolean =>
  turn.changed.size === 0 && turn.removed.size === 0 && turn.effects.length === 0 && turn.alerts.length === 0 && turn.jobs.size === 0;

/** Adds a later turn to an earlier one. */
export function mergeTurn(into: Turn, turn: Turn): void {
  for (const id of turn.changed) into.changed.add(id);
  for (const id of turn.removed) {
    into.changed.delete(id);
    into.removed.add(id);
  }
  for (const id of turn.suspects) into.suspects.add(id);
  for (const id of turn.jobs) into.jobs.add(id);
  into.effects.push(...turn.effects);
  into.alerts.push(...turn.alerts);
  into.refusals.push(...turn.refusals);
  into.bugs.push(...turn.bugs);
}

/** One call of the world: its time and chance, and the turn that it fills. */
export interface Step {
  readonly env: Env;
  readonly turn: Turn;
}

/** Hands one event to the machine of one unit, with everything that follows. `act` false: more wishes come, nobody moves yet. */
export type Apply = (id: string, event: UnitEvent, step: Step, act?: boolean) => void;

export type { History };
