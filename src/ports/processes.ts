import type { Exit } from "../base/exit.ts";
import type { SpawnStage } from "../base/spawn-stages.ts";
import type { Containment, KillMode } from "../base/words.ts";
import type { IdentitySpec } from "../spec/spec.ts";

/** Identifies one process for good: the kernel reuses a pid alone. */
export interface ProcessRef {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTicks: number;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** Resource limits of a run, all its processes together; null: no limit. */
export interface CgroupLimits {
  /** MiB. */
  readonly memory: number | null;
  /** Percent of one core. */
  readonly cpu: number | null;
  readonly tasks: number | null;
}

export interface SpawnRequest {
  /** argv[0] is looked up on `env.PATH` unless it contains a slash. */
  readonly argv: readonly string[];
  /**
   * The complete environment of the new process; `BUN_*` is left out. SUP_UNIT and SUP_INVOCATION_ID name its run.
   * If `LISTEN_PID` or `WATCHDOG_PID` is present, its value becomes the new process's pid.
   */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly identity: IdentitySpec;
  /** Open descriptors that become 0, 1, 2 (and 3… for sockets); null is /dev/null. They stay open in the daemon. */
  readonly fds: readonly (number | null)[];
  /** Limits that the kernel enforces on the run, where it can; if absent, the run's present limits stay. */
  readonly bounds?: CgroupLimits | null;
  /** If this daemon is killed first, the next one can still learn how the process exits. */
  readonly kept?: true;
}

export type SpawnResult =
  | { readonly ok: true; readonly ref: ProcessRef }
  /** `subject`: the path, user or limit that caused the error. */
  | { readonly ok: false; readonly stage: SpawnStage; readonly errno: number; readonly subject: string };

/** What identifies all processes of a run. */
export interface TreeOf {
  /** The value of SUP_INVOCATION_ID in the environment of every process of the run. */
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
  /** Monotonic time at which the process was created. */
  readonly madeAtMs: number;
}

/**
 * Processes of the machine. All calls are synchronous and quick. `spawn` returns once exec has succeeded or failed, and
 * reports the exit of the process once, from the event loop, never during `spawn` itself.
 */
export interface Processes {
  spawn(request: SpawnRequest, onExit: (exit: Exit) => void): SpawnResult;
  /** How the processes of the run are tracked: by a cgroup of their own, or by marks that each process carries. */
  containment(invocation: string): Containment;
  /** Changes the limits of a live run; null: removes them. */
  bind(invocation: string, bounds: CgroupLimits | null): void;
  /** Null: the kernel enforces this limit on the run. Otherwise why it does not; without a run: why it could not. */
  unheld(invocation: string | null, bound: keyof CgroupLimits): string | null;
  /**
   * Whether the kernel's OOM killer killed the run's main process, which has just died from a SIGKILL that sup did not send.
   * `certain`: accept only the evidence of the run's own cgroup.
   */
  ranOutOfMemory(invocation: string, certain: boolean): boolean;
  /**
   * Watches a process that an earlier daemon spawned. `ended`: it has exited meanwhile; `onExit` reports how, from the event
   * loop. `gone`: there is no such process, or another process has its pid now.
   */
  adopt(ref: ProcessRef, onExit: (exit: Exit) => void): "adopted" | "ended" | "gone";
  /**
   * Live session leaders that carry SUP_UNIT and SUP_INVOCATION_ID, the oldest of each run. They include processes that an
   * earlier daemon spawned but could not record before it died, and those of any other daemon.
   */
  findRuns(): readonly FoundRun[];
  condition(ref: ProcessRef): "running" | "stopped" | "zombie" | "gone";
  /** Sends to the main process only. False when it is gone. */
  signal(ref: ProcessRef, signal: number): boolean;
  /** Sends to the tree as the kill mode says (`group`: to all of it; `mixed`, `process`: to the main process), then SIGCONT. */
  signalTree(tree: TreeOf, signal: number, mode: KillMode): void;
  /** Sends SIGKILL to every process of the tree; returns those that it killed. */
  killTree(tree: TreeOf): readonly Survivor[];
  /** The live processes of the tree, including the main process. */
  members(tree: TreeOf): readonly Survivor[];
  /** The process with this pid, if it is alive and belongs to the tree. */
  findMember(tree: TreeOf, pid: number): ProcessRef | null;
  /** For use after the main process has exited: true when certainly no process of the tree is left. If false, `whenEmpty` reports it. */
  isEmpty(tree: TreeOf): boolean;
  /** Calls back once when no process of the tree is left, never during the call itself. Returns a function that cancels it. */
  whenEmpty(tree: TreeOf, callback: () => void): () => void;
  /** The run has ended and its unit was removed: releases what is kept for it. */
  forget(invocation: string): void;
}
