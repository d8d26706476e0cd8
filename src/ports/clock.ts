/** Time and randomness. Apart from events, they are the only inputs of `core` from outside. */
export interface Clock {
  /**
   * Milliseconds since boot (CLOCK_BOOTTIME). The value never decreases, and daemons that run one after another in the same
   * boot can compare their values.
   */
  monotonicMs(): number;
  /** Wall clock in milliseconds since 1970. It is for display and storage only, never for measuring durations. */
  wallMs(): number;
  /** Returns a random number that is uniformly distributed in [0, 1). */
  roll(): number;
  /** Calls back once when the monotonic clock has passed `atMs`. Each call replaces the previous one; null cancels the callback. */
  wakeAt(atMs: number | null, callback: () => void): void;
}
