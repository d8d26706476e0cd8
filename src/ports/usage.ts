import type { TreeOf } from "./processes.ts";

export interface Sample {
  /** Percent of one core, so 200 means two busy cores. Null for the first sample of a process. */
  readonly cpuPercent: number | null;
  readonly memoryMb: number;
  readonly tasks: number;
  /** Number of open descriptors, or null if no process of the tree can be inspected. */
  readonly openFiles: number | null;
}

/**
 * Measures CPU and memory of whole process trees. Each call must name all running units at once, because processes of a unit
 * that is left out are taken for processes outside of sup. The result omits units whose processes are gone.
 */
export interface Usage {
  sample(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, Sample>>;
  /** Returns only the resident memory of each tree, in MiB. This is cheap enough to call every second. */
  memory(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, number>>;
  /**
   * Returns the MiB that the end of the tree would free (PSS, which divides shared pages among their users). Call it on
   * demand only, because it walks all memory of the tree.
   */
  proportional(tree: TreeOf): number | null;
  /** Returns the number of established connections by local TCP port. A port without connections is absent. */
  connections(): ReadonlyMap<number, number>;
  /** Returns the number of connections to unix sockets by the path of the socket. A path without connections is absent. */
  unixConnections(): ReadonlyMap<string, number>;
  /** Returns the memory that the machine has available, in MiB, or null if it is unknown. */
  spare(): number | null;
}

/** Figures of one process of a tree. A figure is null if it is unknown, for example because the process ended while it was measured. */
export interface ProcessFigures {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  /** CPU time in percent of one core. */
  readonly cpuPercent: number | null;
  /** Resident memory in MiB. */
  readonly memoryMb: number | null;
  /** Time at which the process started, in wall clock milliseconds. */
  readonly startedAtMs: number;
}

/** Measures CPU and memory of each process of a tree, on request. */
export interface ProcessUsage {
  of(tree: TreeOf): Promise<readonly ProcessFigures[]>;
}

/** Figures of the whole machine. A figure is null if it is unknown. */
export interface HostFigures {
  readonly name: string;
  readonly cores: number;
  /** Percent of all cores since the previous sample, so 100 means that all cores are busy. */
  readonly cpuPercent: number | null;
  /** All memory, and the memory that can still be used without swapping, in MiB. */
  readonly memoryMb: number | null;
  readonly availableMb: number | null;
  /** Size and free space of the file system that holds the daemon's logs, in MiB. */
  readonly diskMb: number | null;
  readonly diskFreeMb: number | null;
  /** The load averages over 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number] | null;
}

export interface HostUsage {
  /** Measures the machine. Must be called at a fixed interval, because the CPU usage is an average since the previous call. */
  sample(): HostFigures;
}
