import type { Exit } from "../../base/exit.ts";
import type { Reason } from "../../base/words.ts";
import type { SpawnStage } from "../../base/spawn-stages.ts";
import type { ProcessRef } from "../../ports/processes.ts";
import type { Phase } from "./phase.ts";

/** Time and chance of one step: one `now` for everything in it. */
export interface Env {
  /** Monotonic. */
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly roll: number;
}

/** Who wants the unit as it is wanted. */
export type Cause = Extract<Reason, "none" | "operator" | "boot" | "dependency" | "schedule" | "watch" | "reload" | "shutdown" | "success">;

/** What a unit waits for, besides events: there is no other timer in the daemon for it. */
export type DueWhy = "start-timeout" | "reload-timeout" | "stop-timeout" | "kill-again" | "hook-timeout" | "backoff" | "fatal-retry";

export interface Due {
  /** Monotonic. */
  readonly atMs: number;
  readonly why: DueWhy;
}

export interface SpawnFailure {
  readonly stage: SpawnStage | "prepare";
  /** In words: "cannot execute ./serve: no such file or directory (ENOENT)". */
  readonly message: string;
  /** Our own shortage (EAGAIN, EMFILE, ENOMEM at fork), not the unit's mistake. */
  readonly resources: boolean;
}

/**
 * Why the current run ends. First cause wins, but for the operator, who always wins. `quit`: the service said that it stops
 * by itself; how it exits decides then. `protocol`: it ended well, but before it was ready. `shortage`: the machine had no
 * process or descriptor for it.
 */
export interface Ending {
  readonly by:
    "exit" | "quit" | "protocol" | "spawn" | "shortage" | "hook" | "timeout" | "health" | "watchdog" | "resources" | "stop" | "restart";
  /** For `restart`: who asked. */
  readonly cause: Cause;
  readonly exit: Exit | null;
  readonly detail: string;
  /** Processes that needed SIGKILL, by name. */
  readonly killed: readonly string[];
  /** How long the run was `running`, in milliseconds; null if it never was. */
  readonly ranMs: number | null;
}

/** The memory of the restart policy. */
export interface Ledger {
  /** Failed retries of this episode. */
  readonly retries: number;
  /** Monotonic times of the starts of the last second, oldest first; at most 11. */
  readonly recentStarts: readonly number[];
  /** Started too often: one start a second until a run lasts a second. */
  readonly throttled: boolean;
}

export interface Unit {
  readonly id: string;
  readonly phase: Phase;
  readonly want: "up" | "down";
  readonly cause: Cause;
  readonly reason: Reason;
  /** Number of the current or last run, from 1 in each boot; 0 before the first. Every outside fact carries it. */
  readonly run: number;
  /** Runs under its name before it was made: its first has the number after them. */
  readonly earlierRuns: number;
  /** The live main process. */
  readonly process: ProcessRef | null;
  readonly due: Due | null;
  readonly ending: Ending | null;
  /** How the last run ended, until the next one ends. */
  readonly last: Ending | null;
  /** Monotonic time since which the public state is what it is; null before the first change. Kept by the world. */
  readonly sinceMs: number | null;
  /** Monotonic time of exec and of becoming ready, of the current run. */
  readonly execAtMs: number | null;
  readonly readyAtMs: number | null;
  readonly ledger: Ledger;
  /** What the service says of itself in this run or the last (STATUS=). */
  readonly statusText: string | null;
  /** Starts after the first that followed an end: by itself or by `restart`. */
  readonly restarts: number;
  /** Monotonic time of the last of them. */
  readonly restartedAtMs: number | null;
  /** The next start is a restart, and counts. */
  readonly restarting: boolean;
  /** The last finished run of a oneshot succeeded: what the condition `succeeded` asks. */
  readonly succeeded: boolean;
}

export const NO_LEDGER: Ledger = { retries: 0, recentStarts: [], throttled: false };

/** A unit as it is when its file was just read. */
export const freshUnit = (id: string, earlierRuns = 0): Unit => ({
  id,
  phase: "idle",
  want: "down",
  cause: "none",
  reason: "none",
  run: 0,
  earlierRuns,
  process: null,
  due: null,
  ending: null,
  last: null,
  sinceMs: null,
  execAtMs: null,
  readyAtMs: null,
  statusText: null,
  ledger: NO_LEDGER,
  restarts: 0,
  restartedAtMs: null,
  restarting: false,
  succeeded: false,
});
