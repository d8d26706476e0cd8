import type { Health, Severity, State } from "../base/words.ts";
import type { Windows } from "../core/metrics/rollup.ts";

/** One line of a unit's history. `details` is stored as JSON. */
export interface EventRow {
  readonly id: number;
  /** Null: about the daemon itself. */
  readonly serviceId: string | null;
  readonly type: string;
  /** UTC ISO 8601 with milliseconds. */
  readonly timestamp: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export type NewEvent = Omit<EventRow, "id">;

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

export interface MetricRow {
  readonly serviceId: string;
  readonly timestamp: string;
  readonly cpuPercent: number | null;
  readonly memoryMb: number | null;
  readonly healthStatus: Health;
  readonly responseTimeMs: number | null;
  /** Seconds that a row stands for: 0 is a sample, 60 and 900 are means, with the peaks beside them. */
  readonly step?: number;
  readonly cpuMax?: number | null;
  readonly memoryMax?: number | null;
  readonly tasks?: number | null;
  readonly openFiles?: number | null;
  /** Of the unit, up to then. */
  readonly restarts?: number | null;
  /** Numbers that the service reported by POST; stored as JSON. */
  readonly reported?: Readonly<Record<string, number>>;
}

/** The mean of what was measured around a moment; null: nothing was. */
export interface CoursePoint {
  /** Wall milliseconds. */
  readonly atMs: number;
  readonly memory: number | null;
  readonly cpu: number | null;
}

export interface AlertRow {
  readonly id: number;
  readonly serviceId: string | null;
  readonly severity: Severity;
  readonly alertType: string;
  readonly message: string;
  readonly createdAt: string;
  readonly resolvedAt: string | null;
  readonly acknowledged: boolean;
}

export interface EventQuery {
  readonly limit: number;
  readonly serviceIds?: readonly string[];
  readonly types?: readonly string[];
  /** ISO time; events at or after it. */
  readonly since?: string;
  /** Events with a larger id only. */
  readonly afterId?: number;
}

/** What a record of the daemon is about. */
export type MemoryKind = "unit" | "job";

/** What the next daemon needs to take over a unit or a job, as JSON. */
export interface MemoryRow {
  readonly kind: MemoryKind;
  readonly id: string;
  readonly memory: string;
}

/** A null memory forgets the record. */
export type MemoryWrite = Omit<MemoryRow, "memory"> & { readonly memory: string | null };

/** Alerts have their ids from the core. */
export type AlertWrite =
  | { readonly kind: "opened"; readonly alert: Omit<AlertRow, "resolvedAt" | "acknowledged"> }
  | { readonly kind: "resolved"; readonly id: number; readonly at: string };

/** What one turn of the engine led to: all of it is stored in one transaction, or none of it. */
export interface TurnRecord {
  readonly services?: readonly ServiceRow[];
  readonly memories?: readonly MemoryWrite[];
  readonly events?: readonly NewEvent[];
  readonly alerts?: readonly AlertWrite[];
}

export interface RollUp {
  readonly nowMs: number;
  readonly windows: Windows;
  /** As many services at most; fewer when they take long. */
  readonly services: number;
}

export interface Store {
  /** The rows of the events as stored, with their ids, in the order given. Never throws: a failing disk is reported by `condition`. */
  record(turn: TurnRecord): readonly EventRow[];
  memories(): readonly MemoryRow[];
  /** Operator's enable (true) and disable (false); units without a word of the operator are absent. */
  enablements(): ReadonlyMap<string, boolean>;
  setEnabled(id: string, enabled: boolean | null): void;
  addMetrics(rows: readonly MetricRow[]): void;
  /** Packs old rows and makes coarser ones of older, for a few services at a time: called again and again, it gets round to all. */
  rollUp(plan: RollUp): void;
  /** Bytes of the file that hold something. */
  size(): number;
  /** About how many of them are events. */
  eventBytes(): number;
  metrics(serviceId: string, sinceIso: string, limit: number): readonly MetricRow[];
  /** How memory and CPU went between two wall times, a point for each `bucketMs`, oldest first. */
  course(serviceId: string, fromMs: number, toMs: number, bucketMs: number): readonly CoursePoint[];
  /** Oldest first; the newest `limit` of what matches. */
  events(query: EventQuery): readonly EventRow[];
  /** The largest id that an alert was ever given; 0 before the first. */
  readonly lastAlertId: number;
  acknowledgeAlert(id: number): void;
  alerts(openOnly: boolean): readonly AlertRow[];
  /** A small text kept for the daemon itself. */
  get(key: string): string | null;
  set(key: string, value: string): void;
  /** Deletes what is older than the retention, in slices; true when there is more to do. */
  prune(beforeMetricsIso: string, beforeEventsIso: string): boolean;
  /** `ok`, or what is wrong and since when ("damaged database set aside as …", "disk full since …"); `failing`: that it cannot be written. */
  readonly condition: { readonly ok: boolean; readonly notes: readonly string[]; readonly failing: string | null };
  close(): void;
}
