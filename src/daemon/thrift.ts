/**
 * Garbage is left to lie until it is more than what is alive: right for a program that is busy all the time, and a waste of the
 * machine's memory in one that was busy for a minute and then rests for a day. So the shared tick looks at the heap, and has it
 * collected when it has grown by much since it was smallest. Nothing else runs meanwhile (some 20 ms for 30 MB alive): it takes at
 * most a hundredth of the time.
 */
const GROWN = 1.3;
const GROWN_BYTES = 6_000_000;
/** What is alive may have become more for good: the smallest is forgotten by this much at each look. */
const FORGET = 1.02;
const SHARE_OF_TIME = 0.01;

export class Thrift {
  #smallest = Number.POSITIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  /** True when a collection is worth its time now. `heapBytes`: in use, garbage included. */
  look(nowMs: number, heapBytes: number): boolean {
    this.#smallest = Math.min(this.#smallest * FORGET, heapBytes);
    return nowMs >= this.#notBeforeMs && heapBytes > this.#smallest * GROWN + GROWN_BYTES;
  }

  /** A collection took so long, and is over now. */
  took(pauseMs: number, nowMs: number): void {
    this.#notBeforeMs = nowMs + pauseMs / SHARE_OF_TIME;
  }
}
