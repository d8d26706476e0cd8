import type { Pattern, TextPattern } from "../base/pattern.ts";
import type { LogSpec } from "../spec/spec.ts";

export type Stream = "stdout" | "stderr";

/** One line of a log as subscribers receive it, without the framing of the file. */
export interface LogLine {
  /** UTC time in RFC 3339 format with nanoseconds. */
  readonly time: string;
  readonly stream: Stream;
  /** False if this is only a part of a long line, which continues in the next LogLine. */
  readonly full: boolean;
  /** The output of the service, decoded as UTF-8. Invalid bytes become U+FFFD. */
  readonly text: string;
}

export interface LogQuery {
  /** Return only the last `lines` matching lines. If absent, return all. */
  readonly lines?: number;
  /** Earliest and latest time of a line, in wall clock milliseconds; both are inclusive. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /**
   * Timestamps in the format of `LogLine.time`: `from` is inclusive, `before` is exclusive. If `from` or `before` is present, lines
   * without a timestamp do not match.
   */
  readonly from?: string;
  readonly before?: string;
  readonly grep?: Pattern;
  readonly stream?: Stream;
  /** Aborting this signal ends a search with what it has found so far. Callers abort it when nobody waits for the result any more. */
  readonly signal?: { readonly aborted: boolean };
}

/** Output that did not reach the log. `why` is `limit` if `log.rate_limit` discarded the output, `disk` if it could not be written. */
export interface LogLoss {
  readonly why: "limit" | "disk";
  readonly lines: number;
  /** Number of lost bytes as the service wrote them, without framing. */
  readonly bytes: number;
  /** Time at which the loss began, in UTC ISO 8601. */
  readonly since: string;
  readonly cause: string;
  /** False while the loss continues. */
  readonly over: boolean;
}

export interface LogCondition {
  /** Losses since the daemon opened the log. */
  readonly losses: readonly LogLoss[];
  /** Why the file could not be rotated when it was due, or null if it could. */
  readonly trouble: string | null;
}

/** Waits for one line of output. Only the first 16 KiB of a line are compared, without a carriage return at their end. */
export interface LineTest {
  readonly pattern: TextPattern;
  /** Called with the first line that matches, and never again. */
  readonly onMatch: (line: string) => void;
}

/** Limits that apply to all logs, in addition to the settings of each log. */
export interface LogRetention {
  /** Maximum size of all logs together, or null for no limit. */
  readonly maxTotalBytes: number | null;
  /** How long to keep the log of a unit that no longer exists, counted from the last record in it. */
  readonly goneMs: number;
}

/**
 * A report of deleted log files. `why` is `gone` if the retention for removed units has passed, `bound` if all logs together
 * exceeded their maximum size.
 */
export interface DeletedLogs {
  readonly why: "gone" | "bound";
  readonly files: number;
  readonly bytes: number;
  readonly units: readonly string[];
}

/** Returns the log settings of a unit: undefined if there is no such unit, null if the unit exists but its file cannot be read. */
export type SpecOf = (unit: string) => LogSpec | null | undefined;

/** A reader's position in a log. The log is not buffered for slow readers; each one reads the files at its own pace. */
export interface LogTrail {
  /** Moves to the first line at or after `sinceMs` or `from`. */
  seek(): void;
  /**
   * Moves to the first of the last `lines` matching lines, and returns how many of them follow. New lines come after them. It works in
   * slices like `search`, but holds no lines in memory.
   */
  back(): Promise<number>;
  /** Moves to a position that `place` returned, possibly to an earlier daemon. Returns false if that position no longer exists. */
  resume(place: string): boolean;
  /** Returns a string with which `resume` can return to the present position, or null if this position has no such string. */
  place(): string | null;
  /** Reads the next lines. Returns null if there are none yet. `gap` is true if files were deleted before they were read. */
  next(): { readonly lines: readonly LogLine[]; readonly gap: boolean } | null;
  /** Calls `onMore` from the event loop when there may be more lines. Returns a function that stops the calls. */
  watch(onMore: () => void): () => void;
  close(): void;
}

/** The logs of all units. The store reads a unit's output from FIFOs and writes it to `UNIT.log`, which it rotates. */
export interface LogStore {
  /**
   * Creates the unit's FIFOs if they do not exist, and starts to read from them. Calling it again is harmless and applies a
   * changed spec at once.
   */
  open(unit: string, spec: LogSpec): void;
  /**
   * Lets the group that the spec names read the unit's files, or takes that right back. Returns why that is not possible, as a
   * message for users, or null.
   */
  share(unit: string): string | null;
  /**
   * Opens the write ends of the FIFOs for a new process. They are opened read-write, so that the process never gets SIGPIPE.
   * The caller calls `close` after the spawn. If no descriptor is left (EMFILE), throws an Error whose message can be shown
   * to users.
   */
  writers(unit: string): { readonly stdout: number; readonly stderr: number; close(): void };
  /** Reads the output that waits in the FIFOs, up to a limit. Called before an exit is reported. */
  drain(unit: string): void;
  /**
   * Reads the rest of the output after the run has ended and all its processes are gone. A last line without a newline counts
   * as complete.
   */
  endRun(unit: string): void;
  /** Adds a message of the daemon to the unit's log, as a line of `stderr` that starts with `[sup]`. */
  note(unit: string, text: string): void;
  /**
   * Returns the last `count` lines (at most 20) since the unit's current run began, including an unfinished line. The newest
   * line is last.
   */
  tail(unit: string, count: number): readonly LogLine[];
  /**
   * Tests each line that is read from now on, even if a limit or the disk drops it. The tests replace earlier ones; an empty list
   * ends testing. Matches are reported outside of the store's own work, at the latest before `drain` returns.
   */
  matchLines(unit: string, tests: readonly LineTest[]): void;
  /**
   * Passes the output of the unit, as the service wrote it, to a function before it is split into lines. Replaces an earlier function;
   * null ends it. The bytes are valid only during the call. Does nothing if the log is not open.
   */
  tap(unit: string, onBytes: ((bytes: Uint8Array) => void) | null): void;
  /** Must be called when a run begins, before its process is spawned, because the process may write before its start is reported. */
  markRun(unit: string): void;
  /** Returns what `mark` returned when the unit's current run began; null if an earlier daemon began it. */
  runMark(unit: string): string | null;
  /**
   * Returns a timestamp that lies between the lines read so far and all future lines. It is later than the former, and not later than
   * the latter.
   */
  mark(): string;
  /** Returns matching lines. The call is synchronous, so it is meant for a few lines only. */
  read(unit: string, query: LogQuery): readonly LogLine[];
  /**
   * Returns matching lines like `read`, but works in slices and can handle a log of any size. It omits lines that are written
   * after the call.
   */
  search(unit: string, query: LogQuery): Promise<readonly LogLine[]>;
  /**
   * Starts a new log file, whatever the size of the present one. Returns false if the present one is empty, or if the disk
   * does not allow it.
   */
  rotate(unit: string): boolean;
  /**
   * Passes new lines of one unit to a subscriber, in order. A slow subscriber gets `gap(n)` instead of n lines, and never
   * slows the service. Returns a function that ends the subscription.
   */
  follow(unit: string, subscriber: { line(line: LogLine): void; gap(lines: number): void }): () => void;
  /** Creates a reader of matching lines that starts at the present end of the log. Its `seek` and `resume` move it elsewhere. */
  trail(unit: string, query: Omit<LogQuery, "untilMs">): LogTrail;
  /** Stops reading and removes the FIFOs. The log files stay. */
  close(unit: string): void;
  condition(unit: string): LogCondition;
}
