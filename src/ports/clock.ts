/** Time and randomness: besides events, `core` gets only these from outside. */
export interface Clock {
  /** Monotonic milliseconds since boot (CLOCK_BOOTTIME); never goes back, and stays comparable across daemons of one boot. */
  monotonicMs(): number;
  /** Wall clock in milliseconds since 1970: for display and storage, never to measure durations. */
  wallMs(): number;
  /** Uniform in [0, 1). */
  roll(): number;
  /** Calls back once when the monotonic clock has passed `atMs`. A new call replaces the previous one; null cancels it. */
  wakeAt(atMs: number | null, callback: () => void): void;
}
