/** Divides the event loop among long work: one slice in each turn of the loop, however much of it waits. */
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

/** What all running searches may have found together before only the oldest of them continues. */
const HELD_BYTES = 32 << 20;

/** Bounds the memory of searches: their results cannot be dropped before somebody takes them. */
export class SearchMemory {
  #bytes = 0;
  /** Oldest first. */
  readonly #running = new Set<object>();
  #blocked: Array<() => void> = [];

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
        this.#running.delete(share);
        for (const resume of this.#blocked.splice(0)) resume();
      },
    };
  }
}

export interface SearchShare {
  /** Counts what was found. Returns what to wait for before the search continues; null: nothing. */
  add(bytes: number): Promise<void> | null;
  end(): void;
}
