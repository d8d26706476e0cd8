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
  /** Stamps: at or after the one, before the other. Then lines without a stamp are left out. */
  readonly from?: string;
  readonly before?: string;
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

/** Somebody's place in a log. Nothing is kept for a slow reader: it reads on when it can. */
export interface LogTrail {
  /** To the first line since `sinceMs` or `from`. */
  seek(): void;
  /** To where `place` was, also that of an earlier daemon; false: it is not known any more. */
  resume(place: string): boolean;
  /** A name for where it is now; null: it has none here. */
  place(): string | null;
  /** Reads on a little; null: there is nothing yet. `gap`: files were deleted before they were read. */
  next(): { readonly lines: readonly LogLine[]; readonly gap: boolean } | null;
  /** `onMore` is called from the event loop when there may be more. Returns a stop. */
  watch(onMore: () => void): () => void;
  close(): void;
}

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
  /** The last lines taken in since the unit's current run began, newest last, also without an end; at most 20. */
  tail(unit: string, count: number): readonly LogLine[];
  markRun(unit: string): void;
  /** A stamp after those of all lines that were taken in, and not after that of any line to come. */
  mark(): string;
  /** At once: for a few lines. */
  read(unit: string, query: LogQuery): readonly LogLine[];
  /** The same a little at a time, however much there is to look through; what is written meanwhile is not in it. */
  search(unit: string, query: LogQuery): Promise<readonly LogLine[]>;
  /** Begins a new file now, whatever the size of the present one; false when that is empty, or the disk does not let us. */
  rotate(unit: string): boolean;
  /** Live lines of one unit, in order. A slow subscriber is told `gap(n)` and never slows the service. Returns a stop. */
  follow(unit: string, subscriber: { line(line: LogLine): void; gap(lines: number): void }): () => void;
  /** The log from its present end on, or from where `seek` or `resume` goes: what a query wants, as it comes into the files. */
  trail(unit: string, query: Omit<LogQuery, "lines" | "untilMs">): LogTrail;
  /** Ends reading, removes the FIFOs; the files stay. */
  close(unit: string): void;
  condition(unit: string): LogCondition;
}
