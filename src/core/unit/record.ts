import type { Exit } from "../../base/exit.ts";
import type { Reason } from "../../base/words.ts";
import type { SpawnStage } from "../../base/spawn-stages.ts";
import type { ProcessRef } from "../../ports/processes.ts";
import type { Phase } from "./phase.ts";
import { NO_REQUESTED_RESTARTS, type RequestedRestarts } from "./restart-count.ts";

/** Time and randomness of one step: everything in it sees the same `now`. */
export interface Env {
  /** Monotonic. */
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly roll: number;
}

/** Who or what requested the state that the unit should be in. */
export type Cause = Extract<Reason, "none" | "operator" | "boot" | "dependency" | "schedule" | "watch" | "reload" | "shutdown" | "success">;

/** Why a unit has a deadline. The daemon has no other timers for a unit. */
export type DueWhy =
  "start-timeout" | "reload-timeout" | "reload-notice" | "stop-timeout" | "kill-again" | "hook-timeout" | "backoff" | "fatal-retry";

export interface Due {
  /** Monotonic. */
  readonly atMs: number;
  readonly why: DueWhy;
}

export interface SpawnFailure {
  readonly stage: SpawnStage | "prepare";
  /** For example "cannot execute ./serve: no such file or directory (ENOENT)". */
  readonly message: string;
  /** sup or the machine ran out of resources (EAGAIN, EMFILE, ENOMEM at fork); the unit is not at fault. */
  readonly resources: boolean;
}

/**
 * Why the current run ends. The first cause wins, except that an operator's request always wins. `quit`: the service
 * announced that it stops by itself, and its exit decides the reason. `protocol`: it exited successfully, but before it was
 * ready. `shortage`: the machine had no process or file descriptor left for it.
 */
export interface Ending {
  readonly by:
    "exit" | "quit" | "protocol" | "spawn" | "shortage" | "hook" | "timeout" | "health" | "watchdog" | "resources" | "stop" | "restart";
  /** For `stop` and `restart`: who requested it. */
  readonly cause: Cause;
  readonly exit: Exit | null;
  readonly detail: string;
  /** Names of the processes that needed SIGKILL. */
  readonly killed: readonly string[];
  /** Milliseconds that the run was `running`; null if it never was. */
  readonly ranMs: number | null;
}

/** What the restart policy remembers between runs. */
export interface Ledger {
  /** Retries used since the counter was last reset. */
  readonly retries: number;
  /** Monotonic times of the starts within the last second, oldest first; at most 11. */
  readonly recentStarts: readonly number[];
  /** Started too often: at most one start per second until a run lasts a second. */
  readonly throttled: boolean;
}

/** A reload of the current run. */
export interface Reload {
  /** The signal was sent or the command has ended; true for a reload that the service began by itself. */
  readonly delivered: boolean;
  /** The service sent RELOADING=1. */
  readonly announced: boolean;
  /** READY=1 followed. */
  readonly ready: boolean;
  /** Null while it is under way. */
  readonly result: { readonly failure: string | null; readonly message: string } | null;
}

/** A requested restart that depends on the pre_restart commands. */
export interface TestedRestart {
  readonly cause: Cause;
  /** `failed`: they prevented it, and the unit goes on running. */
  readonly state: "testing" | "failed";
  readonly failure: string | null;
}

export interface Unit {
  readonly id: string;
  readonly phase: Phase;
  readonly want: "up" | "down";
  readonly cause: Cause;
  readonly reason: Reason;
  /** Number of the current or last run, from 1 in each boot; 0 before the first. Every fact carries it. */
  readonly run: number;
  /** Runs under this name before the unit was created; numbering continues after them. */
  readonly earlierRuns: number;
  /** The live main process. */
  readonly process: ProcessRef | null;
  readonly due: Due | null;
  readonly ending: Ending | null;
  /** How the last run ended, until the next one ends. */
  readonly last: Ending | null;
  /** Monotonic time of the last change of the public state; null before the first. The world maintains it. */
  readonly sinceMs: number | null;
  /** Monotonic times of exec and of becoming ready in the current run. */
  readonly execAtMs: number | null;
  readonly readyAtMs: number | null;
  readonly ledger: Ledger;
  /** The last STATUS= that the service sent in this run or the one before. */
  readonly statusText: string | null;
  /** The last reload of the current run; null: there was none. */
  readonly reload: Reload | null;
  /** Of the current run; null when no restart was requested that has pre_restart commands. */
  readonly testedRestart: TestedRestart | null;
  /** Number of restarts by the restart policy. */
  readonly restarts: number;
  /** Number of the other restarts, by who requested them. */
  readonly requestedRestarts: RequestedRestarts;
  /** Monotonic time of the last restart. */
  readonly restartedAtMs: number | null;
  /** The next start counts as a restart. */
  readonly restarting: boolean;
  /** The last finished run of a oneshot succeeded: this meets the dependency condition `succeeded`. */
  readonly succeeded: boolean;
}

export const NO_LEDGER: Ledger = { retries: 0, recentStarts: [], throttled: false };

/** A unit whose file was just loaded. */
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
  reload: null,
  testedRestart: null,
  ledger: NO_LEDGER,
  restarts: 0,
  requestedRestarts: NO_REQUESTED_RESTARTS,
  restartedAtMs: null,
  restarting: false,
  succeeded: false,
});
