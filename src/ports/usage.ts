import type { ProcessRef, TreeOf } from "./processes.ts";

export interface Sample {
  /** Percent of one core: 200 is two busy cores. Null for the first sample of a process. */
  readonly cpuPercent: number | null;
  readonly memoryMb: number;
  readonly tasks: number;
  /** Null when no process of the tree can be inspected. */
  readonly openFiles: number | null;
}

/**
 * CPU and memory of whole trees. Each call must name all running units at once: the processes of a unit that is left out
 * are taken for foreign ones. The result omits units whose processes are gone.
 */
export interface Usage {
  sample(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, Sample>>;
  /** MiB of resident memory of each tree and nothing else: cheap enough to call every second. */
  memory(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, number>>;
  /** MiB that the tree would free (PSS: shared pages count in proportion). Walks all its memory: call on demand only. */
  proportional(tree: TreeOf): number | null;
  /** MiB of memory that the machine has available; null: unknown. */
  spare(): number | null;
  forget(ref: ProcessRef): void;
}

/** One process of a tree. Figures are null when they are unknown, also when the process ended while it was measured. */
export interface ProcessFigures {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  /** Percent of one core. */
  readonly cpuPercent: number | null;
  /** MiB of resident memory. */
  readonly memoryMb: number | null;
  /** Wall milliseconds. */
  readonly startedAtMs: number;
}

/** CPU and memory of each process of a tree, measured on request. */
export interface ProcessUsage {
  of(tree: TreeOf): Promise<readonly ProcessFigures[]>;
}
