import type { Spec } from "../../spec/spec.ts";
import type { CheckResult, CheckState } from "../unit/check.ts";
import type { Effect } from "../unit/effects.ts";
import type { UnitEvent } from "../unit/events.ts";
import type { Cause, Unit } from "../unit/record.ts";
import type { Watchdog } from "../unit/watchdog.ts";

/** What the world holds of a unit. */
export interface Entry {
  readonly spec: Spec;
  readonly unit: Unit;
  /** Of the current run, or the last one's for show. */
  readonly check: CheckState | null;
  /** Of the current run; never written down. */
  readonly watchdog: Watchdog | null;
  /** Its file is gone: forget it once it is down. */
  readonly retired: boolean;
}

export type WorldEffect = { readonly id: string } & (Effect | { readonly type: "probe"; readonly run: number; readonly seq: number });

export type Fact = Extract<UnitEvent, { run: number }>;

export type WorldEvent =
  | {
      readonly type: "request";
      readonly action: "start" | "stop" | "restart" | "reset" | "reload";
      readonly ids: readonly string[];
      readonly cause: Cause;
      readonly cascade?: boolean;
    }
  | { readonly type: "fact"; readonly id: string; readonly fact: Fact }
  | { readonly type: "probed"; readonly id: string; readonly run: number; readonly seq: number; readonly result: CheckResult }
  /** A person wants a probe out of turn: the next slot is now. It counts like any other. */
  | { readonly type: "probeNow"; readonly id: string }
  /** Whatever is due by now. */
  | { readonly type: "tick" }
  /**
   * A unit is new, or its spec changed; the running process goes on with what it has. `earlierRuns`: for a new one, how many
   * runs there were under its name before.
   */
  | { readonly type: "load"; readonly spec: Spec; readonly earlierRuns?: number }
  | { readonly type: "unload"; readonly id: string }
  /** A unit as an earlier daemon left it. */
  | { readonly type: "restore"; readonly spec: Spec; readonly unit: Unit; readonly check: CheckState | null };

/** What one event led to. */
export interface Turn {
  readonly changed: Set<string>;
  readonly removed: Set<string>;
  readonly effects: WorldEffect[];
  readonly refusals: Array<{ readonly id: string; readonly why: string }>;
  /** Broken invariants: sup's own faults, to be logged. */
  readonly bugs: string[];
}
