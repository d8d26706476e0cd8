import type { Exit } from "../base/exit.ts";
import type { Containment, KillMode } from "../base/words.ts";
import type { IdentitySpec } from "../spec/spec.ts";

/** Names one process for good: a pid alone may be somebody else's by tomorrow. */
export interface ProcessRef {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTicks: number;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** The most that a run may take, with all its processes; null: no limit. */
export interface CgroupLimits {
  /** MiB. */
  readonly memory: number | null;
  /** Percent of one core. */
  readonly cpu: number | null;
  readonly tasks: number | null;
}

export interface SpawnRequest {
  /** argv[0] is looked up on `env.PATH` unless it holds a slash. */
  readonly argv: readonly string[];
  /**
   * The whole environment of the new process, less `BUN_*`. SUP_UNIT and SUP_INVOCATION_ID name the run it belongs to.
   * `LISTEN_PID` and `WATCHDOG_PID`, where they are there, become the new process's pid.
   */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly identity: IdentitySpec;
  /** Open descriptors to become 0, 1, 2 (and 3… for sockets); null is /dev/null. They stay open here. */
  readonly fds: readonly (number | null)[];
  /** What the kernel is to hold its run to, where it can; without it, what the run is held to already. */
  readonly bounds?: CgroupLimits | null;
  /** How it ends is told to the next daemon, should this one be killed before. */
  readonly kept?: true;
}

/** The step of the set-up that failed, in the order they are done. */
export const SPAWN_STAGES = [
  "resolve", // the command is not on PATH, or is no executable file
  "user", // no such user or group
  "fork",
  "cgroup", // it cannot be born there
  "session",
  "oom-score",
  "nice",
  "limits",
  "descriptors",
  "groups",
  "gid",
  "uid",
  "chdir",
  "exec",
] as const;
export type SpawnStage = (typeof SPAWN_STAGES)[number];

export type SpawnResult =
  | { readonly ok: true; readonly ref: ProcessRef }
  /** `subject`: the path, user or limit that it was about. */
  | { readonly ok: false; readonly stage: SpawnStage; readonly errno: number; readonly subject: string };

/** What is known of a run's processes besides the main one. */
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
  /** Monotonic time at which the process was made. */
  readonly madeAtMs: number;
}

/**
 * Processes of the machine. All calls are synchronous and quick: a spawn answers when exec has really happened (or
 * failed), and tells the end of the process once, by a call from the event loop, never during `spawn` itself.
 */
export interface Processes {
  spawn(request: SpawnRequest, onExit: (exit: Exit) => void): SpawnResult;
  /** What holds the processes of the run together: a cgroup of its own, or what a process carries with it. */
  containment(invocation: string): Containment;
  /** Holds a run that is alive to these bounds from now on; null: to none. */
  bind(invocation: string, bounds: CgroupLimits | null): void;
  /** Null: the kernel holds the run to this bound. Otherwise why it does not; of no run: why it could not. */
  unheld(invocation: string | null, bound: keyof CgroupLimits): string | null;
  /**
   * Asked for a run whose main process got a SIGKILL from elsewhere just now: whether that was the kernel, for want of memory.
   * `certain`: by the run's own cgroup alone.
   */
  ranOutOfMemory(invocation: string, certain: boolean): boolean;
  /**
   * Watches a process that an earlier daemon spawned. `ended`: it has ended meanwhile, how is told from the event loop.
   * `gone`: no such process, or the pid is somebody else's now.
   */
  adopt(ref: ProcessRef, onExit: (exit: Exit) => void): "adopted" | "ended" | "gone";
  /**
   * Living processes that carry SUP_UNIT and SUP_INVOCATION_ID and lead a session of their own, the oldest of each run: among
   * them what an earlier daemon spawned and could not write down any more, and those of any other daemon.
   */
  findRuns(): readonly FoundRun[];
  /** A zombie, a stopped process, one that runs, or none at all. */
  condition(ref: ProcessRef): "running" | "stopped" | "zombie" | "gone";
  /** Sends to the main process alone. False when it is gone. */
  signal(ref: ProcessRef, signal: number): boolean;
  /** Sends to the tree as the kill mode says (`group`: all of it; `mixed`, `process`: the main process), then SIGCONT. */
  signalTree(tree: TreeOf, signal: number, mode: KillMode): void;
  /** SIGKILL to everything of the tree; the answer names what it hit. */
  killTree(tree: TreeOf): readonly Survivor[];
  /** The processes of the tree that are alive, main process included. */
  members(tree: TreeOf): readonly Survivor[];
  /** The process of this pid, if it is alive and of the tree. */
  findMember(tree: TreeOf, pid: number): ProcessRef | null;
  /** Once the main process has ended: true when nothing else of the tree is left for sure. If false, `whenEmpty` tells when. */
  isEmpty(tree: TreeOf): boolean;
  /** Calls back once when nothing of the tree is left; at once (but not during the call) when nothing is. Returns a cancel. */
  whenEmpty(tree: TreeOf, callback: () => void): () => void;
  /** The run is over, and its unit is gone: what is kept for it goes as well. */
  forget(invocation: string): void;
}
