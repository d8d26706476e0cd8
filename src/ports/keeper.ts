/**
 * The keeper: a helper process that holds descriptors, so that they stay open when the daemon is killed. Each descriptor has
 * a key that says what it is.
 */
export interface Keeper {
  /** The pid of the process that holds the descriptors, a child of the daemon; null if there is none now. */
  readonly pid: number | null;
  /**
   * Gives the keeper a copy of the descriptor at the next turn of the event loop. The caller keeps its own descriptor, and
   * must call `drop` before it closes that.
   */
  keep(key: string, fd: number): void;
  drop(key: string): void;
  /**
   * Returns a descriptor that the previous daemon kept under this key, or null if there is none. The caller owns the returned
   * descriptor.
   */
  takeBack(key: string): number | null;
  /** Ends the previous daemon's keeper. After this call, `takeBack` finds nothing more. */
  settle(): void;
  /** After somebody deleted the keeper's file, which ended the keeper: a new one receives everything. */
  restoreFile(): void;
  /** The daemon exits and its services go on: from now on the keeper drops nothing. */
  leave(): void;
  /** Ends the keeper. Called when the daemon exits and nothing has to outlive it. Does nothing after `leave`. */
  close(): void;
}
