/**
 * Thresholds for garbage collections. By default the runtime collects garbage only when there is more garbage than live data. That
 * suits a program that is always busy. A daemon that is busy for a minute and then idle for a day would waste the machine's memory.
 * Therefore the shared tick reads the heap size. It collects when the heap has grown much since its minimum, or when it has grown a
 * little and the daemon is idle. A collection blocks the daemon (about 20 ms for 30 MB of live data), so collections take at most 1 %
 * of the time.
 */
const BUSY = { grown: 1.3, bytes: 6_000_000 };
const IDLE = { grown: 1.1, bytes: 2_000_000 };
/** The daemon counts as idle if it has used less than this share of one core since the last reading. */
const IDLE_BELOW = 0.2;
/** The stored minimum of the heap size rises by this factor every five seconds, because live data may have grown permanently. */
const MINIMUM_GROWTH = 1.02;
const MINIMUM_GROWTH_MS = 5000;
const MAX_TIME_SHARE = 0.01;

/** The daemon shrinks when it is idle for the first time, this long after the first reading or later. */
const STARTED_MS = 5000;

export interface HeapReading {
  readonly nowMs: number;
  /** Bytes of the heap that are in use, including garbage. */
  readonly heapBytes: number;
  /** CPU time in milliseconds that the daemon has used since its start. */
  readonly cpuMs: number;
}

export class GcPacer {
  #minimum = Number.POSITIVE_INFINITY;
  #firstMs: number | null = null;
  #hasShrunk = false;
  #last: HeapReading | null = null;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  /**
   * Adds a reading. Returns `collect` if a collection is worthwhile now. Returns `shrink` once, when the daemon has started all
   * units and is idle. Memory that only the start needed can then be given back, too.
   */
  read(reading: HeapReading): "collect" | "shrink" | null {
    const { nowMs, heapBytes, cpuMs } = reading;
    this.#firstMs ??= nowMs;
    const passedMs = nowMs - (this.#last?.nowMs ?? nowMs);
    const isIdle = this.#last !== null && cpuMs - this.#last.cpuMs < IDLE_BELOW * passedMs;
    this.#last = reading;
    this.#minimum = Math.min(this.#minimum * MINIMUM_GROWTH ** (passedMs / MINIMUM_GROWTH_MS), heapBytes);
    if (isIdle && !this.#hasShrunk && nowMs >= this.#firstMs + STARTED_MS) {
      this.#hasShrunk = true;
      return "shrink";
    }
    const { grown, bytes } = isIdle ? IDLE : BUSY;
    return nowMs >= this.#notBeforeMs && heapBytes > this.#minimum * grown + bytes ? "collect" : null;
  }

  /** Must be called after a collection, which blocked the daemon for `pauseMs`. */
  collected(pauseMs: number, nowMs: number): void {
    this.#notBeforeMs = nowMs + pauseMs / MAX_TIME_SHARE;
  }
}
