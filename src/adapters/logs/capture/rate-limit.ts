/** A token bucket for `log.rate_limit`; the burst is one second's worth of bytes. */
export class RateLimit {
  #tokens: number;
  #atMs: number;
  readonly bytesPerSecond: number;

  constructor(bytesPerSecond: number, nowMs: number) {
    this.bytesPerSecond = bytesPerSecond;
    this.#tokens = bytesPerSecond;
    this.#atMs = nowMs;
  }

  /** How many bytes may pass now. Call `spend` with the number that did pass. */
  allowance(nowMs: number): number {
    const rate = this.bytesPerSecond;
    this.#tokens = Math.min(rate, this.#tokens + ((nowMs - this.#atMs) / 1000) * rate);
    this.#atMs = nowMs;
    return Math.floor(this.#tokens);
  }

  spend(bytes: number): void {
    this.#tokens -= bytes;
  }
}
