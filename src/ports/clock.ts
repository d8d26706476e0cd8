/** Time and chance, the only two things `core` is given from outside besides events. */
export interface Clock {
  /** Monotonic milliseconds since boot (CLOCK_BOOTTIME); never goes back, and means the same to the next daemon of this boot. */
  monotonicMs(): number;
  /** Wall clock in milliseconds since 1970; to show and to store, never to measure. */
  wallMs(): number;
  /** Uniform in [0, 1). */
  roll(): number;
  /** Calls back once when the monotonic clock has passed `atMs`; a new call replaces the last. Null disarms. */
  wakeAt(atMs: number | null, callback: () => void): void;
}
