import type { State } from "../../base/words.ts";
import type { AlertWrite } from "./alerts.ts";
import type { EventRow, NewEvent } from "./events.ts";
import type { OutboxRow } from "./outbox.ts";

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

/** The kinds of objects that a MemoryRow can be about. */
export type MemoryKind = "unit" | "job" | "service" | "episode";

/** The stored state of a unit, a job or a service: a JSON string with what the next daemon needs to take over. */
export interface MemoryRow {
  readonly kind: MemoryKind;
  readonly id: string;
  readonly memory: string;
}

/** Replaces the stored state of a unit, a job or a service; a null `memory` deletes it. */
export type MemoryWrite = Omit<MemoryRow, "memory"> & { readonly memory: string | null };

/** Everything that one turn of the engine writes. One transaction stores all of it or none of it. */
export interface TurnRecord {
  readonly services?: readonly ServiceRow[];
  readonly memories?: readonly MemoryWrite[];
  readonly events?: readonly NewEvent[];
  readonly alerts?: readonly AlertWrite[];
  /** Messages that are new or have changed. */
  readonly outbox?: readonly OutboxRow[];
}

export interface TurnStore {
  /** Stores a turn. Returns its events with their ids, in the order given. Never throws; `StoreHealth.condition` reports a failing disk. */
  record(turn: TurnRecord): readonly EventRow[];
  /** Returns all stored states, or those of one kind. */
  memories(kind?: MemoryKind): readonly MemoryRow[];
}
