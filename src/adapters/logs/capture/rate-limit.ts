/** A token bucket for `log.rate_limit`. The burst is the number of bytes that the limit allows in one second. */
export class RateLimit {
  #tokens: number;
  #atMs: number;
  readonly bytesPerSecond: number;

  constructor(bytesPerSecond: number, nowMs: number) {
    this.bytesPerSecond = bytesPerSecond;
    this.#tokens = bytesPerSecond;
    this.#atMs = nowMs;
  }

  /** Returns how many bytes may pass now. The caller must pass the number of bytes that did pass to `spend`. */
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
