/**
 * Holds descriptors in a process of its own, so that what they name outlives a SIGKILL of the daemon. Keys say what a
 * descriptor is: `keeperKey`.
 */
export interface Keeper {
  /** Holds a copy from now on (from the next turn of the loop). The descriptor stays the caller's, who drops it before he closes it. */
  keep(key: string, fd: number): void;
  drop(key: string): void;
  /** What the last daemon kept under this key, as a descriptor of the caller's own; null: nothing. */
  takeBack(key: string): number | null;
  /** Everything is taken back that ever will be: the last daemon's keeper ends. */
  settle(): void;
  /** The daemon ends and the services go on: from now on nothing that is kept is let go. */
  leave(): void;
  /** An orderly end: nothing has to outlive it. Nothing happens after `leave`. */
  close(): void;
}

export const keeperKey = {
  output: (unit: string, stream: string): string => `output ${unit} ${stream}`,
  isProcess: (key: string): boolean => key.startsWith("process "),
  process: (pid: number): string => `process ${pid}`,
  socket: (unit: string, index: number, listen: string): string => `socket ${unit} ${index} ${listen}`,
  notify: (unit: string, address: string): string => `notify ${unit} ${address}`,
} as const;
