import type { Pattern } from "../base/pattern.ts";
import type { LogSpec } from "../spec/spec.ts";

export type Stream = "stdout" | "stderr";

/** One line as a subscriber sees it, without the framing of the file. */
export interface LogLine {
  /** RFC 3339 with nanoseconds, UTC. */
  readonly time: string;
  readonly stream: Stream;
  /** False: a part of a longer line, which continues in the next. */
  readonly full: boolean;
  /** Decoded as UTF-8; bad bytes become U+FFFD. */
  readonly text: string;
}

export interface LogQuery {
  /** The last n matching lines; all when absent. */
  readonly lines?: number;
  /** Wall milliseconds, inclusive. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** Timestamps: from inclusive, before exclusive. Either one excludes lines without a timestamp. */
  readonly from?: string;
  readonly before?: string;
  readonly grep?: Pattern;
  readonly stream?: Stream;
  /** Once aborted, nobody waits for the result: a search ends with what it has found. */
  readonly signal?: { readonly aborted: boolean };
}

/** Output that did not reach the log. `limit`: `log.rate_limit` discarded it. */
export interface LogLoss {
  readonly why: "limit" | "disk";
  readonly lines: number;
  /** As the service wrote them, without framing. */
  readonly bytes: number;
  /** UTC ISO 8601: when the loss began. */
  readonly since: string;
  readonly cause: string;
  /** False: the loss continues. */
  readonly over: boolean;
}

export interface LogCondition {
  /** Since the daemon opened the log. */
  readonly losses: readonly LogLoss[];
  /** Why the file could not be rotated when it was due; null: no problem. */
  readonly trouble: string | null;
}

/** Retention of all logs, in addition to the settings of each log. */
export interface LogRetention {
  /** All logs together; null: no limit. */
  readonly maxTotalBytes: number | null;
  /** How long to keep the log of a unit that no longer exists, counted from its last record. */
  readonly goneMs: number;
}

/** `gone`: the retention of removed units has passed. `bound`: all logs together exceeded their limit. */
export interface DeletedLogs {
  readonly why: "gone" | "bound";
  readonly files: number;
  readonly bytes: number;
  readonly units: readonly string[];
}

/** Undefined: there is no such unit. Null: the unit exists, but its file cannot be read. */
export type SpecOf = (unit: string) => LogSpec | null | undefined;

/** A reader's position in a log. Nothing is buffered for a slow reader: it reads the files at its own pace. */
export interface LogTrail {
  /** Moves to the first line at or after `sinceMs` or `from`. */
  seek(): void;
  /** Moves to where `place` was taken, even by an earlier daemon; false: that position no longer exists. */
  resume(place: string): boolean;
  /** A string that `resume` takes to return to the present position; null: this position has none. */
  place(): string | null;
  /** Reads the next lines; null: there are none yet. `gap`: files were deleted before they were read. */
  next(): { readonly lines: readonly LogLine[]; readonly gap: boolean } | null;
  /** Calls `onMore` from the event loop when there may be more lines. Returns a function that stops it. */
  watch(onMore: () => void): () => void;
  close(): void;
}

/** The log of each unit: reads from FIFOs, writes to `UNIT.log` and its rotated files. */
export interface LogStore {
  /** Creates the unit's FIFOs if there are none, and reads from them from now on. Idempotent; a changed spec applies at once. */
  open(unit: string, spec: LogSpec): void;
  /**
   * Write ends for a new process, opened read-write so that it never gets SIGPIPE. The caller calls `close` after the spawn.
   * If no descriptor is left (EMFILE), throws an Error whose message can be shown to users.
   */
  writers(unit: string): { readonly stdout: number; readonly stderr: number; close(): void };
  /** Reads what waits in the FIFOs now, up to a limit: called before an exit is reported. */
  drain(unit: string): void;
  /** The run has ended and its tree is gone: reads the rest. A last line without a newline counts as complete. */
  endRun(unit: string): void;
  /** Adds a line of the daemon itself to the unit's log, as `stderr`, marked `[sup]`. */
  note(unit: string, text: string): void;
  /** The last lines read since the unit's current run began, newest last, including an unfinished one; at most 20. */
  tail(unit: string, count: number): readonly LogLine[];
  markRun(unit: string): void;
  /** A timestamp that is later than those of all lines read so far, and not later than that of any future line. */
  mark(): string;
  /** Synchronous: for a few lines. */
  read(unit: string, query: LogQuery): readonly LogLine[];
  /** The same in slices, for any amount of log; lines written meanwhile are not included. */
  search(unit: string, query: LogQuery): Promise<readonly LogLine[]>;
  /** Starts a new file now, whatever the size of the present one; false when that is empty, or the disk refuses. */
  rotate(unit: string): boolean;
  /** Live lines of one unit, in order. A slow subscriber gets `gap(n)` and never slows the service. Returns a function that stops it. */
  follow(unit: string, subscriber: { line(line: LogLine): void; gap(lines: number): void }): () => void;
  /** A reader of matching lines that starts at the present end of the log; `seek` and `resume` move it elsewhere. */
  trail(unit: string, query: Omit<LogQuery, "lines" | "untilMs">): LogTrail;
  /** Stops reading and removes the FIFOs; the log files stay. */
  close(unit: string): void;
  condition(unit: string): LogCondition;
}
