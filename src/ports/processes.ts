import type { Exit } from "../base/exit.ts";
import type { SpawnStage } from "../base/spawn-stages.ts";
import type { Containment, KillMode } from "../base/words.ts";
import type { IdentitySpec } from "../spec/spec.ts";

/** Identifies one process permanently. A pid alone is not enough, because the kernel reuses it. */
export interface ProcessRef {
  readonly pid: number;
  /** Start time of the process in clock ticks since boot: field 22 of /proc/PID/stat. */
  readonly startTicks: number;
  /** The boot in which the process runs: the content of /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** Limits for all processes of a run together. A limit is null if there is none. */
export interface CgroupLimits {
  /** Memory in MiB. */
  readonly memory: number | null;
  /** CPU time in percent of one core. */
  readonly cpu: number | null;
  readonly tasks: number | null;
}

export interface SpawnRequest {
  /** The command and its arguments. argv[0] is looked up in `env.PATH` unless it contains a slash. */
  readonly argv: readonly string[];
  /**
   * The complete environment of the new process, except that variables named `BUN_*` are left out. SUP_UNIT and
   * SUP_INVOCATION_ID name its run. If `LISTEN_PID` or `WATCHDOG_PID` is present, its value is replaced by the new process's
   * pid.
   */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly identity: IdentitySpec;
  /**
   * Descriptors of the daemon that become 0, 1, 2 (and 3… for sockets) in the new process; null stands for /dev/null. The
   * daemon's own descriptors stay open, and the caller may close them after `spawn`.
   */
  readonly fds: readonly (number | null)[];
  /** Set if descriptor 0 is a terminal that becomes the controlling terminal of the process. */
  readonly terminal?: true;
  /** Limits that the kernel enforces on the run, where it can. If absent, the run keeps its present limits. */
  readonly bounds?: CgroupLimits | null;
  /** Set if the exit status of the process must not be lost when this daemon is killed, so that the next daemon can learn it. */
  readonly kept?: true;
}

export type SpawnResult =
  | { readonly ok: true; readonly ref: ProcessRef }
  /** `subject` is the path, user or limit that caused the error. */
  | { readonly ok: false; readonly stage: SpawnStage; readonly errno: number; readonly subject: string };

/** A process that is being set up and has not called exec. */
export interface PendingStart {
  /** Reports the result now if there is one and it has not been reported. */
  collect(): void;
  /** Kills the process and reports a failure now, unless a result has been reported. */
  abort(): void;
}

/** Identifies all processes of a run, which are called its tree. */
export interface TreeOf {
  /** The value of SUP_INVOCATION_ID in the environment of every process of the run. If it is "", the tree is only the session of `main`. */
  readonly invocation: string;
  readonly main: ProcessRef;
}

export interface Survivor {
  readonly pid: number;
  readonly name: string;
}

export interface FoundRun {
  readonly unit: string;
  readonly invocation: string;
  readonly ref: ProcessRef;
  /** Monotonic time in milliseconds at which the process was created. */
  readonly madeAtMs: number;
}

/** The processes of the machine. All calls are synchronous and quick, and none waits for a process. */
export interface Processes {
  /**
   * Calls `onStarted` when exec has succeeded or failed, or has not happened within ten seconds. After a success, calls `onExit`
   * once when the process has ended. Both calls come from the event loop or from a method of the pending start, never from
   * `spawn` itself.
   */
  spawn(request: SpawnRequest, onStarted: (result: SpawnResult) => void, onExit: (exit: Exit) => void): PendingStart;
  /** Returns how the processes of the run are tracked: by a cgroup of their own, or by session, parent and environment. */
  containment(invocation: string): Containment;
  /** Changes the limits of a live run; null removes them. */
  bind(invocation: string, bounds: CgroupLimits | null): void;
  /**
   * Returns null if the kernel enforces this limit on the run, otherwise the reason why it does not. If `invocation` is null,
   * answers for a run that does not exist yet.
   */
  unheld(invocation: string | null, bound: keyof CgroupLimits): string | null;
  /**
   * Returns whether the kernel's OOM killer killed the run's main process, which has just died from a SIGKILL that sup did
   * not send. With `certain`, only the evidence of the run's own cgroup counts.
   */
  ranOutOfMemory(invocation: string, certain: boolean): boolean;
  /**
   * Watches a process that an earlier daemon spawned. Returns `ended` if the process has exited meanwhile; `onExit` then
   * reports the exit from the event loop. Returns `gone` if there is no such process, or if another process has its pid now.
   */
  adopt(ref: ProcessRef, onExit: (exit: Exit) => void): "adopted" | "ended" | "gone";
  /**
   * Returns, for each run, the oldest live session leader that has SUP_UNIT and SUP_INVOCATION_ID in its environment. These include
   * processes that an earlier daemon spawned but could not record before it died, and processes of any other daemon. Health
   * checks (base/check-mark.ts) are among them, also those whose session leader has ended.
   */
  findRuns(): readonly FoundRun[];
  condition(ref: ProcessRef): "running" | "stopped" | "zombie" | "gone";
  /** Sends a signal to the main process only. Returns false if that process is gone. */
  signal(ref: ProcessRef, signal: number): boolean;
  /**
   * Sends a signal, then SIGCONT, to the processes that the kill mode selects: the whole tree for `group`, only the main
   * process for `mixed` and `process`.
   */
  signalTree(tree: TreeOf, signal: number, mode: KillMode): void;
  /** Sends SIGKILL to every process of the tree. Returns the processes that were killed. */
  killTree(tree: TreeOf): readonly Survivor[];
  /** Returns the live processes of the tree, including the main process. */
  members(tree: TreeOf): readonly Survivor[];
  /** Returns the process with this pid if it is alive and belongs to the tree, otherwise null. */
  findMember(tree: TreeOf, pid: number): ProcessRef | null;
  /**
   * Returns true if certainly no process of the tree is left. Called after the main process has exited. If the result is
   * false, the caller uses `whenEmpty`.
   */
  isEmpty(tree: TreeOf): boolean;
  /** Calls back once when no process of the tree is left, never during the call itself. Returns a function that cancels the callback. */
  whenEmpty(tree: TreeOf, callback: () => void): () => void;
  /** Releases what is kept for a run. Called when the run has ended and its unit was removed. */
  forget(invocation: string): void;
}
