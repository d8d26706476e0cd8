import type { KillMode } from "../../base/words.ts";

/** Something that the interpreter must do. Results come back only as new events that carry the same run number. */
export type Effect =
  /** Check the conditions, then run the pre_start commands; the result is `prepared`. */
  | { readonly type: "prepare"; readonly run: number }
  /** Execute the command; the result is `spawned` or `spawnFailed`, and later `exited`. */
  | { readonly type: "spawn"; readonly run: number }
  /** Send the signal to the run's processes that `mode` selects; the result is `signalSent`. */
  | { readonly type: "signal"; readonly run: number; readonly signal: number; readonly mode: KillMode }
  /** Send SIGKILL to all processes of the run. */
  | { readonly type: "kill"; readonly run: number }
  /**
   * Send the signal to the processes that outlived the main process or post_stop; 0 sends nothing. The result is `swept` once all
   * of them have exited.
   */
  | { readonly type: "sweep"; readonly run: number; readonly signal: number }
  /** Reload the service's own configuration; the result is `reloaded`. */
  | { readonly type: "reload"; readonly run: number }
  /** Run the pre_restart commands; the result is `restartTested`. */
  | { readonly type: "testRestart"; readonly run: number }
  /** Run the post_stop commands; the result is `finished`. */
  | { readonly type: "finish"; readonly run: number }
  /** Write a history entry. */
  | { readonly type: "record"; readonly event: History };

/** The values of `event_type` in a unit's history. */
export const HISTORY_TYPES = [
  "starting",
  "skipped",
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
  "restart-failed",
  "draining",
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
  "scaled",
  "rollout-started",
  "rollout-paused",
  "rollout-resumed",
  "rollout-cancelled",
  "rollout-promoted",
  "rollout-reverted",
  "rollout-done",
  "rollout-failed",
] as const;
export type HistoryType = (typeof HISTORY_TYPES)[number];

export interface History {
  readonly type: HistoryType;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}
