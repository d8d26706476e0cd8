/** Shares the event loop among long tasks. However many tasks wait, only one slice of work is done in each turn of the loop. */
export class Turns {
  readonly #waiting: Array<() => void> = [];

  get isFree(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves when the caller may work for a slice. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(this.#give);
    });
  }

  readonly #give = (): void => {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(this.#give);
  };
}

/** Number of bytes that all running searches together may have found before only the oldest of them continues. */
const HELD_BYTES = 32 << 20;

/**
 * Number of bytes that searches may find before the garbage of the finished ones is collected. The collector itself waits for much
 * more, because it measures the garbage against all of the heap.
 */
const GARBAGE_BYTES = 32 << 20;

/** Limits the memory of searches, because their results cannot be dropped before somebody takes them. */
export class SearchMemory {
  #bytes = 0;
  #garbage = 0;
  readonly #collect: () => void;
  /** The running searches, oldest first. */
  readonly #running = new Set<object>();
  #blocked: Array<() => void> = [];

  /** `collect` runs a garbage collection. */
  constructor(collect: () => void) {
    this.#collect = collect;
  }

  /** Counts what a search has used and no longer needs. */
  used(bytes: number): void {
    this.#garbage += bytes;
    if (this.#garbage < GARBAGE_BYTES) return;
    this.#garbage = 0;
    this.#collect();
  }

  begin(): SearchShare {
    const share = {};
    let own = 0;
    this.#running.add(share);
    return {
      add: (bytes) => {
        own += bytes;
        this.#bytes += bytes;
        const [oldest] = this.#running;
        return this.#bytes > HELD_BYTES && oldest !== share ? new Promise<void>((resolve) => this.#blocked.push(resolve)) : null;
      },
      end: () => {
        this.#bytes -= own;
        this.used(own);
        this.#running.delete(share);
        for (const resume of this.#blocked.splice(0)) resume();
      },
    };
  }
}

export interface SearchShare {
  /**
   * Counts bytes that a search has found. Returns a promise that the search must await before it continues, or null if it may
   * continue at once.
   */
  add(bytes: number): Promise<void> | null;
  end(): void;
}
