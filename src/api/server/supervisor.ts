import type { Result } from "../../base/result.ts";
import type { LogLine, LogQuery, LogTrail } from "../../ports/logs.ts";
import type { TerminalSize } from "../../ports/terminals.ts";
import type { ApiError } from "../contract/errors.ts";
import type * as shape from "../contract/shapes.ts";

/** The figures that appear only in the Prometheus metrics. */
export interface Telemetry {
  /** Response times of probes, as cumulative counts of the probes up to each bound in seconds. */
  readonly probes: ReadonlyArray<{
    readonly unit: string;
    readonly buckets: ReadonlyArray<{ readonly le: number; readonly count: number }>;
    readonly count: number;
    readonly sum: number;
  }>;
  readonly reported: ReadonlyArray<{ readonly unit: string; readonly name: string; readonly value: number }>;
  /** Numbers of lines that were lost since the daemon opened the logs. */
  readonly unlogged: ReadonlyArray<{ readonly unit: string; readonly why: "limit" | "disk"; readonly lines: number }>;
  /** The services with automatic scaling. */
  readonly scaling: ReadonlyArray<{
    readonly service: string;
    readonly min: number;
    readonly max: number;
    /** `mean` is the mean of the units, and `needed` the number of units that the metric needs. Both are null without a value. */
    readonly metrics: ReadonlyArray<{
      readonly metric: string;
      readonly target: number;
      readonly mean: number | null;
      readonly needed: number | null;
    }>;
  }>;
  /** Numbers of notifications since the daemon started. */
  readonly notifications: ReadonlyArray<{
    readonly channel: string;
    readonly failing: boolean;
    readonly pending: number;
    readonly sent: number;
    readonly failed: number;
  }>;
  readonly loopLagSeconds: number;
  readonly mailbox: number;
  readonly storeBytes: number;
  readonly residentBytes: number;
  /** Size of the JavaScript heap, which is a part of the resident memory. */
  readonly heapBytes: number;
  readonly cpuSeconds: number;
}

export interface LogRequest extends LogQuery {
  /** Selects one run: `0` for the latest run, `-1` for the run before it, or an invocation id or a prefix of one. */
  readonly invocation?: string;
  /** The place at which to resume, for a followed log. */
  readonly after?: string;
}

export interface UnitFileRequest {
  readonly text: string;
  /** ETag of the file that is replaced, or null to create a file. */
  readonly expected: string | null;
  readonly dryRun: boolean;
  /** Name of the person who makes the change, or null. */
  readonly by: string | null;
  /** The IP address of the client, or `unix socket`. */
  readonly from: string;
}

export interface ScaleRequest {
  readonly units: number | null;
  readonly wait: boolean;
  readonly dryRun: boolean;
}

/** The beginning of a followed log. The trail reads further lines from there. */
export interface LogStart {
  /** How many of the first lines of the trail existed before the request. */
  readonly past: number;
  /** True if the log is followed from the requested place. In that case `past` is 0. */
  readonly resumed: boolean;
  /** The invocation id of the run that was selected, or null. */
  readonly invocation: string | null;
  readonly trail: Pick<LogTrail, "place" | "watch" | "close"> & { next(): ReturnType<LogTrail["next"]> | "over" };
}

export type Unsubscribe = () => void;

export interface LineSubscriber {
  line(line: LogLine): void;
  /** Called when the subscriber was too slow. `lines` is the number of lines that were skipped. */
  gap(lines: number): void;
}

/** A client that is attached to the terminal of a unit. */
export interface TerminalClient {
  /** What the other clients call this one, such as "root@host pts/3". */
  readonly name: string;
  /** True if the client only looks. */
  readonly watches: boolean;
  /** True if the client types from now on, whoever typed before. */
  readonly takes: boolean;
  readonly size: TerminalSize | null;
  /** Receives what the program has written. The bytes are valid only during the call. */
  output(bytes: Uint8Array): void;
  /** Called at once, and whenever it changes who types. `typist` is null if nobody does. `session` identifies this client in `typeInto`. */
  typing(state: { readonly session: string; readonly types: boolean; readonly typist: string | null }): void;
  /** Called when the run has ended. The client is no longer attached then. */
  ended(): void;
}

export interface Typed {
  readonly session: string;
  readonly bytes: Uint8Array | null;
  readonly size: TerminalSize | null;
}

/**
 * Queries and commands about notifications, which are messages about alerts. An unknown channel or message results in the
 * error `not-found`.
 */
export interface NotificationQueries {
  list(limit: number): Promise<shape.Notifications>;
  /** Sends a test message to one channel, or to all (null), and waits for the results. */
  test(channel: string | null): Promise<Result<shape.NotificationTests, ApiError>>;
  /** Retries messages. Empty lists of ids and channels select all messages. Returns the number of messages. */
  retry(ids: readonly number[], channels: readonly string[]): Promise<Result<number, ApiError>>;
  drop(ids: readonly number[], channels: readonly string[]): Promise<Result<number, ApiError>>;
  /** Suspends sending for `ms` milliseconds; 0 ends a silence. Returns the end of the silence in ISO 8601, or null. */
  silence(ms: number): Promise<string | null>;
  explain(unit: string, type: string): Promise<Result<shape.NotificationExplanation, ApiError>>;
  simulate(sinceMs: number): Promise<shape.NotificationSimulation>;
}

/**
 * The interface through which the handlers of the API use a daemon. `daemon/queries/supervisor.ts` implements it. Every method returns a
 * promise, so that a daemon on another host can implement it too. If a unit does not exist, the result is the error `no-such-unit`.
 * Only `act` creates instances of templates.
 */
export interface Supervisor {
  status(): Promise<shape.Status>;
  host(): Promise<shape.Host>;
  summary(): Promise<shape.Summary>;
  groups(): Promise<Readonly<Record<string, readonly string[]>>>;
  graph(): Promise<shape.Graph>;
  /** Returns the matching ids in the order of the unit list. An unknown name, or a glob or group without a match, is an error. */
  resolve(patterns: readonly string[]): Promise<Result<readonly string[], ApiError>>;
  /** Returns the unit in the same form as in `status`. */
  service(id: string): Promise<Result<shape.Service, ApiError>>;
  /** Returns the details of a unit. If `pss` is true, also measures its proportional set size (PSS). */
  serviceDetail(id: string, pss: boolean): Promise<Result<shape.ServiceDetail, ApiError>>;
  processes(id: string): Promise<Result<readonly shape.ServiceProcess[], ApiError>>;
  file(id: string, reveal: boolean): Promise<Result<shape.ServiceFile, ApiError>>;
  /** Returns the file that declares a unit as it is on disk. */
  unitText(id: string, reveal: boolean): Promise<Result<shape.UnitText, ApiError>>;
  /** Checks a unit file, and writes it unless it has errors. A file on disk that is not the expected one is the error `conflict`. */
  writeUnit(id: string, request: UnitFileRequest): Promise<Result<shape.UnitWrite, ApiError>>;
  why(id: string): Promise<Result<shape.Why, ApiError>>;
  explain(id: string): Promise<Result<shape.Explanation, ApiError>>;
  /** Compares two runs, each named as in `LogRequest.invocation`. */
  diff(id: string, runs: { readonly from?: string | undefined; readonly to?: string | undefined }): Promise<Result<shape.Diff, ApiError>>;
  /** Returns the figures of a unit between two times, which are in ISO 8601. */
  figures(id: string, sinceIso: string, untilIso: string): Promise<Result<shape.Figures, ApiError>>;
  overallHealth(): Promise<shape.OverallHealth>;
  serviceHealth(id: string, run: boolean): Promise<Result<shape.ServiceHealth, ApiError>>;

  act(request: shape.JobRequest & { readonly units: readonly string[] }): Promise<Result<shape.JobResult, ApiError>>;
  /**
   * Returns the outcome of a job. With `wait`, returns it once the job has ended. Returns undefined if the job never existed
   * or was deleted.
   */
  job(id: string, wait: boolean): Promise<shape.JobResult | undefined>;
  /** Changes the number of units of a service. If `units` is null, restores the number in its file. */
  /** Begins a rolling restart and returns its state. With `dryRun`, only returns what a rolling restart would do. */
  rollingRestart(id: string, dryRun: boolean): Promise<Result<shape.RolloutStatus, ApiError>>;
  /** Returns the rollout that is under way or the last one, or null if there was none since the machine booted. */
  rollout(id: string): Promise<Result<shape.RolloutStatus | null, ApiError>>;
  controlRollout(
    id: string,
    action: "pause" | "resume" | "cancel" | "promote" | "rollback",
  ): Promise<Result<shape.RolloutStatus, ApiError>>;
  scale(id: string, request: ScaleRequest): Promise<Result<shape.JobResult, ApiError>>;
  /**
   * Creates a transient unit from the keys of a unit file, and returns its id. `act` starts the unit. `stdin` is the name of a FIFO
   * in the daemon's runtime directory.
   */
  define(name: string | undefined, unit: Readonly<Record<string, unknown>>, stdin?: string): Promise<Result<string, ApiError>>;
  /** Follows a transient unit that has not been started yet. */
  followRun(id: string, follower: LineSubscriber & { end(end: shape.RunEnd): void }): Promise<Unsubscribe>;
  reloadUnits(dryRun: boolean, force: boolean): Promise<shape.ReloadPlan>;
  /** Stops every unit and ends the daemon. With `leave`, ends the daemon and keeps the services running. */
  shutdown(leave: boolean): Promise<void>;
  /** Replaces the running program with the program on disk. Services keep running. */
  reexec(): Promise<void>;

  readLogs(id: string, request: LogRequest): Promise<Result<readonly LogLine[], ApiError>>;
  rotateLogs(id: string): Promise<Result<{ readonly rotated: boolean }, ApiError>>;
  /** Reads existing lines and then new lines from the files, at the caller's pace. The caller must close the trail. */
  trailLogs(id: string, request: LogRequest): Promise<Result<LogStart, ApiError>>;
  /** Subscribes to new lines as they are written. */
  followLogs(id: string, subscriber: LineSubscriber): Promise<Result<Unsubscribe, ApiError>>;

  /** Attaches a client to the terminal of a unit that has one now, or of a transient unit that was not started yet. */
  attach(id: string, client: TerminalClient): Promise<Result<Unsubscribe, ApiError>>;
  /**
   * Returns "gone" if the client is not attached any more, "watching" if another client types, and "full" if the program reads no
   * input. Resolves when the terminal has taken the bytes.
   */
  typeInto(id: string, typed: Typed): Promise<Result<"done" | "gone" | "watching" | "full", ApiError>>;

  /** Returns the lines of several units, merged by time. `patterns` are names, globs and @groups. */
  readAllLogs(patterns: readonly string[], request: LogRequest): Promise<Result<readonly LogLine[], ApiError>>;
  followAllLogs(patterns: readonly string[], subscriber: LineSubscriber): Promise<Result<Unsubscribe, ApiError>>;

  events(query: { limit: number; service?: string; type?: string; since?: string }): Promise<Result<readonly shape.Event[], ApiError>>;
  /**
   * Subscribes to changes. If the daemon still has all changes after `lastId`, the subscription begins with them. Otherwise
   * it begins with a snapshot. The subscriber is called synchronously, possibly before the promise resolves, and must not
   * block.
   */
  subscribe(lastId: number | null, subscriber: (id: number, change: shape.StreamChange) => void): Promise<Unsubscribe>;
  alerts(openOnly: boolean): Promise<readonly shape.Alert[]>;
  /**
   * Acknowledges alerts and returns their number. Returns an error and changes nothing if a unit is unknown or an id does not
   * belong to an open alert.
   */
  acknowledge(ids: readonly number[], units: readonly string[]): Promise<Result<number, ApiError>>;

  readonly notifications: NotificationQueries;

  /** Returns the samples at or after `sinceIso` and, if it is present, before `untilIso`. */
  metrics(id: string, sinceIso: string, limit: number, untilIso?: string): Promise<Result<readonly shape.MetricPoint[], ApiError>>;
  forecast(id: string): Promise<Result<shape.Forecast, ApiError>>;
  forecasts(): Promise<readonly shape.Forecast[]>;
  report(report: shape.MetricsReport): Promise<Result<null, ApiError>>;
  telemetry(): Promise<Telemetry>;
}
