import type { ProcessRef, TreeOf } from "./processes.ts";

export interface Sample {
  /** Of one core: 200 is two cores busy. Null for the first sample of a process. */
  readonly cpuPercent: number | null;
  readonly memoryMb: number;
  readonly tasks: number;
  /** Null when none of its processes lets itself be asked. */
  readonly openFiles: number | null;
}

/** CPU and memory of whole trees, in one sweep for all units that run: whoever is left out is taken for a stranger. A unit whose processes are gone is absent from the answer. */
export interface Usage {
  sample(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, Sample>>;
  /** MiB of resident memory of each tree, and nothing else: cheap enough for every second. */
  memory(trees: ReadonlyMap<string, TreeOf>): Promise<ReadonlyMap<string, number>>;
  /** MiB that the tree would free: shared pages are counted in parts. It costs a walk over its memory, so it is for those who ask. */
  proportional(tree: TreeOf): number | null;
  /** MiB that the machine has to give; null when it cannot be told. */
  spare(): number | null;
  forget(ref: ProcessRef): void;
}
