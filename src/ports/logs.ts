import type { Pattern } from "../base/pattern.ts";
import type { LogSpec } from "../spec/spec.ts";

export type Stream = "stdout" | "stderr";

/** One line as a subscriber sees it, after the frame was taken off. */
export interface LogLine {
  /** RFC 3339 with nanoseconds, UTC. */
  readonly time: string;
  readonly stream: Stream;
  /** False: the line was longer than a part and goes on in the next. */
  readonly full: boolean;
  /** Decoded as UTF-8; bad bytes become U+FFFD. */
  readonly text: string;
}

export interface LogQuery {
  /** The last n lines of what matches; all when absent. */
  readonly lines?: number;
  /** Wall milliseconds, inclusive. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly grep?: Pattern;
  readonly stream?: Stream;
}

/** Output that did not get into a log: `limit` is `log.rate_limit`. */
export interface LogLoss {
  readonly why: "limit" | "disk";
  readonly lines: number;
  /** As the service wrote them. */
  readonly bytes: number;
  /** UTC ISO 8601: the first of it. */
  readonly since: string;
  readonly cause: string;
  /** False: it goes on. */
  readonly over: boolean;
}

export interface LogCondition {
  /** Since the daemon has the log open. */
  readonly losses: readonly LogLoss[];
  /** Why the file is not rotated though it is time; null: nothing is in the way. */
  readonly trouble: string | null;
}

/** How long and how much is kept beyond what each log says of itself. */
export interface LogRetention {
  /** Of all logs together; null: no bound. */
  readonly maxTotalBytes: number | null;
  /** Logs of units that no longer exist, from their last record on. */
  readonly goneMs: number;
}

/** `gone`: of units that no longer exist, after their time. `bound`: all logs were over their bound. */
export interface DeletedLogs {
  readonly why: "gone" | "bound";
  readonly files: number;
  readonly bytes: number;
  readonly units: readonly string[];
}

/** Undefined: there is no such unit. Null: there is, but its file cannot be read. */
export type SpecOf = (unit: string) => LogSpec | null | undefined;

/** The log of each unit: FIFOs on one side, `UNIT.log` and its rotations on the other. */
export interface LogStore {
  /** Makes the unit's FIFOs (if need be) and reads from them from now on. Idempotent; a changed spec applies at once. */
  open(unit: string, spec: LogSpec): void;
  /**
   * Write ends for a new process, opened read-write so that it never gets SIGPIPE. The caller calls `close` after the spawn.
   * Throws an Error whose message is for people when no descriptor can be had (EMFILE).
   */
  writers(unit: string): { readonly stdout: number; readonly stderr: number; close(): void };
  /** Takes in what waits in the FIFOs now, up to a short limit: called before an exit is told. */
  drain(unit: string): void;
  /** The run is over and its tree is gone: takes in the rest; a last line without a newline is complete now. */
  endRun(unit: string): void;
  /** Adds a line of the daemon's own to the unit's log, as `stderr`, marked `[sup]`. */
  note(unit: string, text: string): void;
  /** The last lines taken in since the unit's current run began, newest last; at most 20. */
  tail(unit: string, count: number): readonly LogLine[];
  markRun(unit: string): void;
  read(unit: string, query: LogQuery): readonly LogLine[];
  /** Begins a new file now, whatever the size of the present one; false when that is empty, or the disk does not let us. */
  rotate(unit: string): boolean;
  /** Live lines of one unit, in order. A slow subscriber is told `gap(n)` and never slows the service. Returns a stop. */
  follow(unit: string, subscriber: { line(line: LogLine): void; gap(lines: number): void }): () => void;
  /** Ends reading, removes the FIFOs; the files stay. */
  close(unit: string): void;
  condition(unit: string): LogCondition;
}
