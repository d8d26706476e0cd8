/**
 * The keeper is a helper process that holds descriptors, so that they stay open when the daemon is killed. Each descriptor has a key
 * that says what it is.
 */
export interface Keeper {
  /** The pid of the process that holds the descriptors, which is a child of the daemon. Null if there is no such process at present. */
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
  /** Starts a new keeper, which receives everything. Called after somebody has deleted the keeper's file and thereby ended the keeper. */
  restoreFile(): void;
  /** Must be called before the daemon exits while its services keep running. From then on, the keeper drops nothing. */
  leave(): void;
  /** Ends the keeper. Called when the daemon exits and nothing has to outlive it. Does nothing after `leave`. */
  close(): void;
}
