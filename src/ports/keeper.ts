/**
 * Holds descriptors in a separate process, so that they stay open when the daemon is killed. A key says what a
 * descriptor is.
 */
export interface Keeper {
  /** Holds a copy, from the next turn of the event loop on. The caller keeps its own descriptor, and calls `drop` before it closes that. */
  keep(key: string, fd: number): void;
  drop(key: string): void;
  /** Returns what the last daemon kept under this key, as a descriptor that the caller owns; null: nothing. */
  takeBack(key: string): number | null;
  /** Nothing more will be taken back: ends the last daemon's keeper. */
  settle(): void;
  /** The daemon exits and its services go on: from now on the keeper drops nothing. */
  leave(): void;
  /** The daemon exits and nothing has to outlive it: ends the keeper. Does nothing after `leave`. */
  close(): void;
}
