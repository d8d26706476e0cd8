/**
 * Garbage is left to lie until it is more than what is alive: right for a program that is busy all the time, and a waste of the
 * machine's memory in one that was busy for a minute and then rests for a day. So the shared tick looks at the heap, and has it
 * collected when it has grown by much since it was smallest; when the daemon rests, by a little. Nothing else runs meanwhile
 * (some 20 ms for 30 MB alive): it takes at most a hundredth of the time.
 */
const BUSY = { grown: 1.3, bytes: 6_000_000 };
const AT_REST = { grown: 1.1, bytes: 2_000_000 };
/** Of one core, since the last look. */
const RESTS_BELOW = 0.2;
/** What is alive may have become more for good: the smallest is forgotten by this much in five seconds. */
const FORGET = 1.02;
const FORGET_MS = 5000;
const SHARE_OF_TIME = 0.01;

export interface HeapReading {
  readonly nowMs: number;
  /** In use, garbage included. */
  readonly heapBytes: number;
  /** CPU time that the daemon has used since its start. */
  readonly cpuMs: number;
}

export class GcPacer {
  #smallest = Number.POSITIVE_INFINITY;
  #last: HeapReading | null = null;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  /** True when a collection is worth its time now. */
  look(look: HeapReading): boolean {
    const { nowMs, heapBytes, cpuMs } = look;
    const passedMs = nowMs - (this.#last?.nowMs ?? nowMs);
    const rests = this.#last !== null && cpuMs - this.#last.cpuMs < RESTS_BELOW * passedMs;
    this.#last = look;
    this.#smallest = Math.min(this.#smallest * FORGET ** (passedMs / FORGET_MS), heapBytes);
    const { grown, bytes } = rests ? AT_REST : BUSY;
    return nowMs >= this.#notBeforeMs && heapBytes > this.#smallest * grown + bytes;
  }

  /** A collection took so long, and is over now. */
  took(pauseMs: number, nowMs: number): void {
    this.#notBeforeMs = nowMs + pauseMs / SHARE_OF_TIME;
  }
}
