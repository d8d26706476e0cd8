/** A token bucket for `log.rate_limit`: so many bytes a second, with a burst of the same size. */
export class RateLimit {
  #tokens: number;
  #atMs: number;
  readonly bytesPerSecond: number;

  constructor(bytesPerSecond: number, nowMs: number) {
    this.bytesPerSecond = bytesPerSecond;
    this.#tokens = bytesPerSecond;
    this.#atMs = nowMs;
  }

  /** How many of the bytes may pass; what passes in the end must be told by `spend`. */
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
