import type { Result } from "../../base/result.ts";
import type { LogLine, LogQuery, LogTrail } from "../../ports/logs.ts";
import type { ApiError } from "../contract/errors.ts";
import type * as shape from "../contract/shapes.ts";

/** What only the metrics of Prometheus show. */
export interface Telemetry {
  /** Response times of probes: cumulative counts below each bound, in seconds. */
  readonly probes: ReadonlyArray<{
    readonly unit: string;
    readonly buckets: ReadonlyArray<{ readonly le: number; readonly count: number }>;
    readonly count: number;
    readonly sum: number;
  }>;
  readonly reported: ReadonlyArray<{ readonly unit: string; readonly name: string; readonly value: number }>;
  /** Lines that did not get into the logs since the daemon has them open. */
  readonly unlogged: ReadonlyArray<{ readonly unit: string; readonly why: "limit" | "disk"; readonly lines: number }>;
  readonly loopLagSeconds: number;
  readonly mailbox: number;
  readonly storeBytes: number;
  readonly residentBytes: number;
  /** Of the heap: part of the resident memory. */
  readonly heapBytes: number;
  readonly cpuSeconds: number;
}

export interface LogRequest extends LogQuery {
  /** Only of one run: its invocation id or the beginning of it, `0` for the latest, `-1` for the one before. */
  readonly invocation?: string;
  /** Of a log that is followed: the place to go on from. */
  readonly after?: string;
}

/** A log that is followed. */
export interface LogStart {
  readonly past: readonly LogLine[];
  /** It goes on at the place that was asked for; there is no past then. */
  readonly resumed: boolean;
  /** Of the run it is about. */
  readonly invocation: string | null;
  readonly trail: Pick<LogTrail, "place" | "watch" | "close"> & { next(): ReturnType<LogTrail["next"]> | "over" };
}

/**
 * What the API's handlers ask of the daemon. `daemon/facade.ts` implements it; tests may use a fake.
 * Reading answers from memory at once; acting goes through the engine's mailbox.
 */
export interface Supervisor {
  status(): shape.Status;
  /** `pss`: measure that too. */
  service(id: string, pss?: boolean): Result<shape.ServiceDetail, ApiError>;
  act(request: shape.JobRequest & { readonly units: readonly string[] }): Promise<Result<shape.JobResult, ApiError>>;
  /** Makes a transient unit of what a unit file would hold; it is started by `act`. Answers its id. */
  define(name: string | undefined, unit: Readonly<Record<string, unknown>>): Result<string, ApiError>;
  /** Follows a transient unit that is not started yet. Returns a stop. */
  followRun(id: string, follower: { line(line: LogLine): void; gap(lines: number): void; end(end: shape.RunEnd): void }): () => void;
  /** Ids in the order of the unit list; an unknown name or a glob or group that matches nothing is an error. */
  resolve(patterns: readonly string[]): Result<readonly string[], ApiError>;
  serviceHealth(id: string, run: boolean): Promise<Result<shape.ServiceHealth, ApiError>>;
  why(id: string): Result<shape.Why, ApiError>;
  explain(id: string): Result<shape.Explanation, ApiError>;
  overallHealth(): shape.OverallHealth;
  readLogs(id: string, request: LogRequest): Promise<Result<readonly LogLine[], ApiError>>;
  rotateLogs(id: string): Result<{ readonly rotated: boolean }, ApiError>;
  /** What is there, and what comes, read from the files as it is asked for. To be closed. */
  trailLogs(id: string, request: LogRequest): Promise<Result<LogStart, ApiError>>;
  /** Lines as they come; a slow subscriber is told what it missed. */
  followLogs(id: string, subscriber: { line(line: LogLine): void; gap(lines: number): void }): Result<() => void, ApiError>;
  metrics(id: string, sinceIso: string, limit: number): Result<readonly shape.MetricPoint[], ApiError>;
  forecast(id: string): Result<shape.Forecast, ApiError>;
  forecasts(): readonly shape.Forecast[];
  report(report: shape.MetricsReport): Result<null, ApiError>;
  file(id: string, reveal: boolean): Result<shape.ServiceFile, ApiError>;
  events(query: { limit: number; service?: string; type?: string; since?: string }): Result<readonly shape.Event[], ApiError>;
  /**
   * Subscribes to changes. With `lastId`: first what came after it, when that is still known; else a snapshot first.
   * The subscriber is called synchronously and must not block. Returns a stop.
   */
  subscribe(lastId: number | null, subscriber: (id: number, change: shape.StreamChange) => void): () => void;
  telemetry(): Telemetry;
  summary(): shape.Summary;
  groups(): Record<string, readonly string[]>;
  alerts(openOnly: boolean): readonly shape.Alert[];
  /** How many alerts it was. An id that is no open alert, or an unknown unit, is an error, and nothing is done. */
  acknowledge(ids: readonly number[], units: readonly string[]): Result<number, ApiError>;
  graph(): shape.Graph;
  reloadUnits(dryRun: boolean): Promise<shape.ReloadPlan>;
  /** Stops every unit and ends; with `leave`, ends alone: services go on. */
  shutdown(leave: boolean): void;
  /** Becomes the program that is on disk now; services go on. */
  reexec(): void;
}
