import type { KillMode } from "../../base/words.ts";

/** What the interpreter has to do. Results come back only as new events with the same run. */
export type Effect =
  /** Run the pre_start commands; answers `prepared`. */
  | { readonly type: "prepare"; readonly run: number }
  /** Execute the command; answers `spawned` or `spawnFailed`, and later `exited`. */
  | { readonly type: "spawn"; readonly run: number }
  /** Signal the run's processes. */
  | { readonly type: "signal"; readonly run: number; readonly signal: number; readonly mode: KillMode }
  /** SIGKILL the run's whole tree. */
  | { readonly type: "kill"; readonly run: number }
  /** The main process is gone: signal what is left, if anything, and answer `swept` when nothing is. */
  | { readonly type: "sweep"; readonly run: number; readonly signal: number }
  /** The service's own reload; answers `reloaded`. */
  | { readonly type: "reload"; readonly run: number }
  /** Run the post_stop commands; answers `finished`. */
  | { readonly type: "finish"; readonly run: number }
  /** A line of history. */
  | { readonly type: "tell"; readonly event: History };

/** The words of `event_type` in the history of a unit. */
export const HISTORY_TYPES = [
  "starting",
  "waiting",
  "started",
  "running",
  "main-process",
  "reloaded",
  "reload-failed",
  "exited",
  "start-failed",
  "unhealthy",
  "degraded",
  "healthy",
  "stopping",
  "killed",
  "stopped",
  "backoff",
  "failed",
  "fatal",
  "reset",
  "limit-near",
  "limit-exceeded",
  "limit-recovered",
] as const;
export type HistoryType = (typeof HISTORY_TYPES)[number];

export interface History {
  readonly type: HistoryType;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}
