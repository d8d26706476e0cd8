import type { NotificationSettings } from "../../spec/notifications.ts";
import type { Definition } from "../../spec/load/definition.ts";
import type { RollingSpec, Spec } from "../../spec/spec.ts";
import type { AlertChange, AlertCondition, OpenAlert } from "../alerts/alerts.ts";
import type { Job } from "../jobs/job.ts";
import type { Limit, LimitState, Sampled } from "../metrics/limits.ts";
import type { Draft } from "../notifications/draft.ts";
import type { Episode, KnownAlert } from "../notifications/episode.ts";
import type { ServiceMemory } from "../service/service-memory.ts";
import type { CheckResult, CheckState } from "../unit/check.ts";
import type { Effect, History } from "../unit/effects.ts";
import type { UnitEvent } from "../unit/events.ts";
import type { Cause, Env, Unit } from "../unit/record.ts";
import type { Watchdog } from "../unit/watchdog.ts";

/** The state that the world holds for each unit. */
export interface Entry {
  readonly spec: Spec;
  readonly unit: Unit;
  /** The health check of the current run, or of the last run if the unit is down, so that it can be displayed. */
  readonly check: CheckState | null;
  /** The watchdog of the current run. It is not stored. */
  readonly watchdog: Watchdog | null;
  /** The state of the current run's limits. It is not stored. */
  readonly limits: LimitState | null;
  /** True if the unit's file was deleted. The unit is removed as soon as it is down. */
  readonly retired: boolean;
}

export type WorldEffect = { readonly id: string } & (
  | Effect
  | { readonly type: "probe"; readonly run: number; readonly seq: number }
  /** Adds a line to the unit's log that is marked as sup's own. */
  | { readonly type: "note"; readonly text: string }
);

export type Fact = Extract<UnitEvent, { run: number }>;

export type RequestAction = "start" | "stop" | "restart" | "reset" | "reload";

/** A job to create together with a request. It records who waits for which units, and is kept if the daemon restarts. */
export interface JobRequest {
  readonly id: string;
  readonly warnings: readonly string[];
}

export type RolloutControl = "pause" | "resume" | "cancel" | "promote" | "rollback";

/** The sources of conditions that the world cannot derive from its own records. */
export type ConditionSource = "store" | "log" | "forecast" | "watch" | "notifications";

/** One sample of one run. */
export interface Measurement {
  readonly run: number;
  readonly sample: Sampled;
  /** The limits to which this sample applies. If absent, the sample applies to all limits. */
  readonly only?: readonly Limit[];
  /** The number of consecutive samples that make a breach, in place of the unit's own `sustained`. */
  readonly sustained?: number;
  /** Returns why the kernel does not enforce a limit, or null if it does. Called only for a limit whose level changes. */
  readonly unenforced: (limit: Limit) => string | null;
}

/** The values of one run by the name of the metric. A metric without a present value is absent. */
export interface Reading {
  readonly run: number;
  readonly values: Readonly<Record<string, number>>;
}

/** The values by which services scale themselves. */
export interface Readings {
  readonly units: ReadonlyMap<string, Reading>;
  /** Returns how many runs were made under the id of a unit before it was loaded. */
  readonly earlierRuns: (id: string) => number;
  /** The number of established connections to the sockets of each service that runs on demand. */
  readonly connections?: ReadonlyMap<string, number>;
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
  /** A client connected to a socket of a service that runs on demand, or its sockets could not be opened (`failed`). */
  | { readonly type: "connected"; readonly service: string; readonly failed?: boolean }
  /** A user requested an immediate probe in addition to the scheduled ones. Its result counts like any other. */
  | { readonly type: "probeNow"; readonly id: string }
  /** A round of samples was taken. If `readings` is set, services are scaled by it. */
  | { readonly type: "measured"; readonly samples: ReadonlyMap<string, Measurement>; readonly readings?: Readings }
  /**
   * The conditions that a source observes for a unit. They replace the earlier ones from the same source. The unit "" is the
   * daemon itself.
   */
  | {
      readonly type: "observed";
      readonly source: ConditionSource;
      readonly unit: string;
      readonly conditions: readonly AlertCondition[];
    }
  /** Requests that all deadlines that have passed are handled. */
  | { readonly type: "tick" }
  /**
   * A unit is new, or its spec changed. A running process is not affected. `earlierRuns` is the number of runs under this
   * unit's name before a new unit was loaded.
   */
  | { readonly type: "load"; readonly spec: Spec; readonly earlierRuns?: number }
  /** The unit must be removed. If it is up, it is stopped first. `cause` is "reload" by default. */
  | { readonly type: "unload"; readonly id: string; readonly cause?: Cause }
  /** `sup scale` changed the number of units of a service. Null restores the number in its file. */
  | { readonly type: "scaled"; readonly service: string; readonly scale: number | null }
  /** The record of a service is restored from the store. */
  | { readonly type: "restoreService"; readonly service: string; readonly memory: ServiceMemory }
  /** A rolling restart begins. The keys of `earlierRuns` are the ids that additional units can have. */
  | {
      readonly type: "rollout";
      readonly service: string;
      readonly policy: RollingSpec;
      readonly earlierRuns: Readonly<Record<string, number>>;
      /** The definition that was in force until a reload changed it. Absent if the definition has not changed. */
      readonly previous?: Omit<Definition, "directories">;
    }
  | { readonly type: "rolloutControl"; readonly service: string; readonly action: RolloutControl }
  /** A reload put the file of a service in force again. */
  | { readonly type: "fileInForce"; readonly service: string }
  /** The working directory of a run, without symbolic links. */
  | { readonly type: "located"; readonly id: string; readonly run: number; readonly directory: string }
  /** The service was removed, so its record is removed too. */
  | { readonly type: "forgetService"; readonly service: string }
  /** A unit is restored from the state that an earlier daemon stored. */
  | { readonly type: "restore"; readonly spec: Spec; readonly unit: Unit; readonly check: CheckState | null }
  | { readonly type: "restoreJob"; readonly job: Job }
  /**
   * All units are loaded and taken over, so alerts can be raised and resolved from now on. `open` contains the alerts that an
   * earlier daemon left open. `lastId` is the largest id that any alert was given.
   */
  | { readonly type: "resumed"; readonly open: readonly OpenAlert[]; readonly lastId: number }
  /**
   * The settings of notifications, at the start and when they change. `open` contains all open alerts. `stored` contains the
   * episodes that an earlier daemon stored. `wallMs` is the wall clock time. Nothing is sent until the wall clock time
   * `silencedUntilMs`.
   */
  | {
      readonly type: "notifications";
      readonly settings: NotificationSettings;
      readonly open: readonly KnownAlert[];
      readonly stored: readonly Episode[];
      readonly wallMs: number;
      readonly silencedUntilMs?: number | null;
    }
  /** Somebody has acknowledged these alerts, so they are not reported again while they are open. */
  | { readonly type: "acknowledged"; readonly alerts: readonly number[] };

/** The results of one event or of a batch of events. */
export interface Turn {
  readonly changed: Set<string>;
  readonly removed: Set<string>;
  readonly effects: WorldEffect[];
  readonly refusals: Array<{ readonly id: string; readonly why: string }>;
  /** Ids of units whose alert conditions may have changed although their records are unchanged. The id "" is the daemon. */
  readonly suspects: Set<string>;
  readonly alerts: AlertChange[];
  /** Jobs that were created, made progress or were forgotten. */
  readonly jobs: Set<string>;
  /** Services whose stored record changed. */
  readonly services: Set<string>;
  /** Messages about alerts. */
  readonly outbox: Draft[];
  /** Episodes of notifications that began, changed or were forgotten. */
  readonly episodes: Set<string>;
  /** Broken invariants, which are bugs in sup and are logged. */
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
  services: new Set(),
  outbox: [],
  episodes: new Set(),
  bugs: [],
});

export const isEmpty = (turn: Turn): boolean =>
  turn.changed.size === 0 &&
  turn.removed.size === 0 &&
  turn.effects.length === 0 &&
  turn.alerts.length === 0 &&
  turn.jobs.size === 0 &&
  turn.services.size === 0 &&
  turn.outbox.length === 0 &&
  turn.episodes.size === 0;

/** Adds the results of a later turn to those of an earlier one. */
export function mergeTurn(into: Turn, turn: Turn): void {
  for (const id of turn.changed) into.changed.add(id);
  for (const id of turn.removed) {
    into.changed.delete(id);
    into.removed.add(id);
  }
  for (const id of turn.suspects) into.suspects.add(id);
  for (const id of turn.jobs) into.jobs.add(id);
  for (const name of turn.services) into.services.add(name);
  into.effects.push(...turn.effects);
  into.alerts.push(...turn.alerts);
  into.outbox.push(...turn.outbox);
  for (const id of turn.episodes) into.episodes.add(id);
  into.refusals.push(...turn.refusals);
  into.bugs.push(...turn.bugs);
}

/** The arguments of each call in a turn: the time and a random number (`env`), and the turn that collects the results. */
export interface Step {
  readonly env: Env;
  readonly turn: Turn;
}

/**
 * Applies an event to a unit, and then handles the consequences for other units. If `act` is false, no other unit is changed
 * yet, because the caller will record requests for more units first.
 */
export type Apply = (id: string, event: UnitEvent, step: Step, act?: boolean) => void;

export type { History };
