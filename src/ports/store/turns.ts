import type { State } from "../../base/words.ts";
import type { EventRow, NewEvent } from "./events.ts";

export interface ServiceRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly state: State;
  readonly pid: number | null;
  readonly port: number | null;
  readonly startTime: string | null;
  readonly uptimeSeconds: number;
  readonly restartCount: number;
  readonly lastRestart: string | null;
  readonly priority: number;
  readonly critical: boolean;
  readonly autoRestart: boolean;
}

/** Everything that one turn of the engine writes. One transaction stores all of it or none of it. */
export interface TurnRecord {
  readonly services: readonly ServiceRow[];
  /** What the next daemon needs to take over a unit, by unit id, as a JSON string; null deletes the unit's memory. */
  readonly memories: ReadonlyArray<{ readonly id: string; readonly memory: string | null }>;
  readonly events: readonly NewEvent[];
}

export interface TurnStore {
  /** Returns the stored events with their ids, in the order given. Never throws: `condition` reports a failing disk. */
  record(turn: TurnRecord): readonly EventRow[];
  memories(): ReadonlyArray<{ readonly id: string; readonly memory: string }>;
}
