import type { Exit } from "../../base/exit.ts";
import type { KillMode, Reason } from "../../base/words.ts";
import type { SpawnStage } from "../../base/spawn-stages.ts";
import type { ProcessRef } from "../../ports/processes.ts";
import type { Phase } from "./phase.ts";
import { NO_REQUESTED_RESTARTS, type RequestedRestarts } from "./restart-count.ts";

/** The time and the random number for one step. All decisions of a step use the same `nowMs`. */
export interface Env {
  /** Monotonic time in milliseconds. */
  readonly nowMs: number;
  /** A random number, uniform in [0, 1). */
  readonly roll: number;
}

/** Who or what requested the state that the unit should be in. */
export type Cause = Extract<
  Reason,
  "none" | "operator" | "boot" | "dependency" | "schedule" | "watch" | "reload" | "scaling" | "shutdown" | "success"
>;

/** Why a unit has a deadline. A unit has at most one deadline, and no other timers. */
export type DueWhy =
  | "start-timeout"
  | "reload-timeout"
  | "reload-notice"
  | "drain-timeout"
  | "stop-timeout"
  | "kill-again"
  | "hook-timeout"
  | "backoff"
  | "fatal-retry";

export interface Due {
  /** Monotonic time in milliseconds. */
  readonly atMs: number;
  readonly why: DueWhy;
}

export interface SpawnFailure {
  readonly stage: SpawnStage | "prepare";
  /** For example "cannot execute ./serve: no such file or directory (ENOENT)". */
  readonly message: string;
  /** True if sup or the machine ran out of resources (EAGAIN, EMFILE, ENOMEM at fork). In this case the unit is not at fault. */
  readonly resources: boolean;
}

/**
 * Why the current run ends. The first cause wins, except that an operator's request always wins. `quit` means that the service
 * announced that it stops by itself; its exit decides the public reason. `protocol` means that it exited successfully, but before
 * it was ready. `shortage` means that the machine had no process or file descriptor left for it. `condition` means
 * that a condition of the start is not met, so that the run never began.
 */
export interface Ending {
  readonly by:
    | "exit"
    | "quit"
    | "protocol"
    | "spawn"
    | "shortage"
    | "hook"
    | "timeout"
    | "health"
    | "watchdog"
    | "log"
    | "resources"
    | "condition"
    | "stop"
    | "restart";
  /** Who requested a `stop` or `restart`; "none" for other endings. */
  readonly cause: Cause;
  readonly exit: Exit | null;
  readonly detail: string;
  /** Names of the processes that needed SIGKILL. */
  readonly killed: readonly string[];
  /** How many milliseconds the run was ready; null if it never became ready. */
  readonly ranMs: number | null;
}

/** The state that the restart policy keeps between runs. */
export interface Ledger {
  /** Retries used since the counter was last reset. */
  readonly retries: number;
  /** Monotonic times of the starts within the last second, oldest first; at most 11. */
  readonly recentStarts: readonly number[];
  /** True after too many starts within a second. Then the unit starts at most once per second until a run lasts a second. */
  readonly throttled: boolean;
}

/** A reload of the current run. */
export interface Reload {
  /** True once the reload signal was sent or the reload command has ended, and for a reload that the service began by itself. */
  readonly delivered: boolean;
  /** True once the service has sent RELOADING=1. */
  readonly announced: boolean;
  /** True once the service has sent the READY=1 that answers this reload. */
  readonly ready: boolean;
  /** Null until the reload has ended. */
  readonly result: { readonly failure: string | null; readonly message: string } | null;
}

/** A requested restart that happens only if the pre_restart commands succeed. */
export interface TestedRestart {
  readonly cause: Cause;
  /** `testing` while the commands run; `failed` if they prevented the restart, so that the run continues. */
  readonly state: "testing" | "failed";
  readonly failure: string | null;
}

export interface Unit {
  readonly id: string;
  readonly phase: Phase;
  readonly want: "up" | "down";
  readonly cause: Cause;
  readonly reason: Reason;
  /**
   * Number of the current or last run. Numbers begin at 1 in each boot; 0 means that there was no run. Every event about a run
   * carries its number, so that late events of an earlier run can be recognized.
   */
  readonly run: number;
  /** Number of runs under this name before the unit was created. The numbering of runs continues after them. */
  readonly earlierRuns: number;
  /** The main process, or null while none is alive. */
  readonly process: ProcessRef | null;
  readonly due: Due | null;
  readonly ending: Ending | null;
  /** How the last finished run ended; null before the first run has ended. */
  readonly last: Ending | null;
  /** Monotonic time of the last change of the public state; null before the first change. The world sets this field. */
  readonly sinceMs: number | null;
  /** Monotonic times at which the command of the current run was executed, and at which the run became ready. Each is null before that. */
  readonly execAtMs: number | null;
  readonly readyAtMs: number | null;
  readonly ledger: Ledger;
  /** The last STATUS= of the current or last run; null if the service sent none. */
  readonly statusText: string | null;
  /** The last reload of the current run, or null if there was none. */
  readonly reload: Reload | null;
  /** A restart of the current run that waits for its pre_restart commands, or that these commands have prevented; null if there is none. */
  readonly testedRestart: TestedRestart | null;
  /** Number of restarts by the restart policy. */
  readonly restarts: number;
  /** Number of requested restarts, by who requested them. */
  readonly requestedRestarts: RequestedRestarts;
  /** Monotonic time of the last restart. */
  readonly restartedAtMs: number | null;
  /** True if the next start counts as a restart. */
  readonly restarting: boolean;
  /** True if the last finished run of a oneshot succeeded, which meets the dependency condition `succeeded`. */
  readonly succeeded: boolean;
  /** The rollout that the next start belongs to; absent if the unit never took part in one. */
  readonly generation?: number;
  /** The number of the definition with which the last run of a unit of a service began; absent for 0. */
  readonly version?: number;
  /** The working directory in which the last run of a unit of a service began, without symbolic links; absent if it is not known. */
  readonly directory?: string;
  /** True if the stop or restart of the current run begins with `rolling.drain`, because a rollout has requested it. */
  readonly drains?: boolean;
  /**
   * The signal of the current stop or drain, from the decision to send it until it was sent, and the time that the run has after it.
   * If the daemon is killed in between, the next one sends the signal. Null or absent at all other times.
   */
  readonly unsent?: UnsentSignal | null;
}

export interface UnsentSignal {
  readonly signal: number;
  readonly mode: KillMode;
  readonly timeoutMs: number;
}

export const NO_LEDGER: Ledger = { retries: 0, recentStarts: [], throttled: false };

/** The state of a unit whose file was just loaded. */
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
