import type { Result } from "../../base/result.ts";
import type { LogLine, LogQuery, LogTrail } from "../../ports/logs.ts";
import type { ApiError } from "../contract/errors.ts";
import type * as shape from "../contract/shapes.ts";

/** Figures that only the Prometheus metrics show. */
export interface Telemetry {
  /** Response times of probes: cumulative counts below each bound, in seconds. */
  readonly probes: ReadonlyArray<{
    readonly unit: string;
    readonly buckets: ReadonlyArray<{ readonly le: number; readonly count: number }>;
    readonly count: number;
    readonly sum: number;
  }>;
  readonly reported: ReadonlyArray<{ readonly unit: string; readonly name: string; readonly value: number }>;
  /** Lines that were lost since the daemon opened the logs. */
  readonly unlogged: ReadonlyArray<{ readonly unit: string; readonly why: "limit" | "disk"; readonly lines: number }>;
  readonly loopLagSeconds: number;
  readonly mailbox: number;
  readonly storeBytes: number;
  readonly residentBytes: number;
  /** JavaScript heap: part of the resident memory. */
  readonly heapBytes: number;
  readonly cpuSeconds: number;
}

export interface LogRequest extends LogQuery {
  /** Only of one run: its invocation id or the beginning of it, `0` for the latest, `-1` for the one before. */
  readonly invocation?: string;
  /** Of a followed log: the place to resume from. */
  readonly after?: string;
}

/** A followed log. */
export interface LogStart {
  readonly past: readonly LogLine[];
  /** The log is followed from the requested place; `past` is empty then. */
  readonly resumed: boolean;
  /** Of the run it is about. */
  readonly invocation: string | null;
  readonly trail: Pick<LogTrail, "place" | "watch" | "close"> & { next(): ReturnType<LogTrail["next"]> | "over" };
}

export type Unsubscribe = () => void;

export interface LineSubscriber {
  line(line: LogLine): void;
  /** So many lines were skipped, because the subscriber was too slow. */
  gap(lines: number): void;
}

/**
 * What the API's handlers need of a daemon. The daemon implements it in `daemon/queries/supervisor.ts`. Every method answers a
 * promise, so that a daemon on another host can be one as well. A unit that does not exist is the error `no-such-unit`;
 * only `act` creates instances of templates.
 */
export interface Supervisor {
  status(): Promise<shape.Status>;
  summary(): Promise<shape.Summary>;
  groups(): Promise<Readonly<Record<string, readonly string[]>>>;
  graph(): Promise<shape.Graph>;
  /** Ids in the order of the unit list; an unknown name, and a glob or group that matches nothing, is an error. */
  resolve(patterns: readonly string[]): Promise<Result<readonly string[], ApiError>>;
  /** The unit as it is in `status`. */
  service(id: string): Promise<Result<shape.Service, ApiError>>;
  /** `pss`: measure that as well. */
  serviceDetail(id: string, pss: boolean): Promise<Result<shape.ServiceDetail, ApiError>>;
  processes(id: string): Promise<Result<readonly shape.ServiceProcess[], ApiError>>;
  file(id: string, reveal: boolean): Promise<Result<shape.ServiceFile, ApiError>>;
  why(id: string): Promise<Result<shape.Why, ApiError>>;
  explain(id: string): Promise<Result<shape.Explanation, ApiError>>;
  overallHealth(): Promise<shape.OverallHealth>;
  serviceHealth(id: string, run: boolean): Promise<Result<shape.ServiceHealth, ApiError>>;

  act(request: shape.JobRequest & { readonly units: readonly string[] }): Promise<Result<shape.JobResult, ApiError>>;
  /** The outcome of a job, by default once it has ended; undefined when there is no such job, or not any more. */
  job(id: string, wait: boolean): Promise<shape.JobResult | undefined>;
  /** Creates a transient unit from the keys of a unit file and answers its id; `act` starts it. */
  define(name: string | undefined, unit: Readonly<Record<string, unknown>>): Promise<Result<string, ApiError>>;
  /** Follows a transient unit that was not started yet. */
  followRun(id: string, follower: LineSubscriber & { end(end: shape.RunEnd): void }): Promise<Unsubscribe>;
  reloadUnits(dryRun: boolean, force: boolean): Promise<shape.ReloadPlan>;
  /** Stops every unit and ends the daemon. With `leave` only the daemon ends, and services keep running. */
  shutdown(leave: boolean): Promise<void>;
  /** Executes the program on disk in place of the running one; services keep running. */
  reexec(): Promise<void>;

  readLogs(id: string, request: LogRequest): Promise<Result<readonly LogLine[], ApiError>>;
  rotateLogs(id: string): Promise<Result<{ readonly rotated: boolean }, ApiError>>;
  /** Existing lines, then new ones, read from the files at the caller's pace. The caller closes the trail. */
  trailLogs(id: string, request: LogRequest): Promise<Result<LogStart, ApiError>>;
  /** New lines as they come. */
  followLogs(id: string, subscriber: LineSubscriber): Promise<Result<Unsubscribe, ApiError>>;

  events(query: { limit: number; service?: string; type?: string; since?: string }): Promise<Result<readonly shape.Event[], ApiError>>;
  /**
   * Subscribes to changes. With `lastId` it begins with the changes after that id if they are still known, otherwise with a
   * snapshot. The subscriber is called synchronously, also before the promise resolves, and must not block.
   */
  subscribe(lastId: number | null, subscriber: (id: number, change: shape.StreamChange) => void): Promise<Unsubscribe>;
  alerts(openOnly: boolean): Promise<readonly shape.Alert[]>;
  /** Answers how many alerts were acknowledged. An id that is not of an open alert, or an unknown unit, is an error and changes nothing. */
  acknowledge(ids: readonly number[], units: readonly string[]): Promise<Result<number, ApiError>>;

  metrics(id: string, sinceIso: string, limit: number): Promise<Result<readonly shape.MetricPoint[], ApiError>>;
  forecast(id: string): Promise<Result<shape.Forecast, ApiError>>;
  forecasts(): Promise<readonly shape.Forecast[]>;
  report(report: shape.MetricsReport): Promise<Result<null, ApiError>>;
  telemetry(): Promise<Telemetry>;
}
