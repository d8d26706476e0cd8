import { Timeline } from "./timeline.ts";

/** The heap may hold this many entries for each true deadline, and FEW besides, before stale ones are removed. */
const CROWD = 4;
const FEW = 256;

/**
 * One deadline per key: a unit, a job, the alerts. The heap keeps stale entries until they surface, because a service may
 * postpone its deadline a thousand times a second; they are removed in bulk, so that the heap's size follows the number of
 * keys, not the number of changes.
 */
export class Deadlines {
  readonly #timeline = new Timeline();
  readonly #due = new Map<string, number>();

  /** Entries of the heap, stale ones included. */
  get size(): number {
    return this.#timeline.size;
  }

  /** Sets the only deadline of the key (monotonic); null removes it. */
  put(key: string, dueMs: number | null): void {
    if (dueMs === null) {
      this.#due.delete(key);
      return;
    }
    if (this.#due.get(key) === dueMs) return;
    this.#due.set(key, dueMs);
    this.#timeline.push(dueMs, key);
    if (this.#timeline.size > FEW + CROWD * this.#due.size) this.#tidy();
  }

  has(key: string): boolean {
    return this.#due.has(key);
  }

  /** The earliest deadline, or null. */
  next(): number | null {
    for (let top = this.#timeline.top(); top !== null; top = this.#timeline.top()) {
      if (this.#due.get(top.key) === top.atMs) return top.atMs;
      this.#timeline.pop(top.atMs);
    }
    return null;
  }

  /** Removes and returns a key whose deadline has passed; undefined when there is none. */
  take(nowMs: number): string | undefined {
    for (let top = this.#timeline.top(); top !== null && top.atMs <= nowMs; top = this.#timeline.top()) {
      this.#timeline.pop(nowMs);
      if (this.#due.get(top.key) !== top.atMs) continue;
      this.#due.delete(top.key);
      return top.key;
    }
    return undefined;
  }

  #tidy(): void {
    this.#timeline.clear();
    for (const [key, dueMs] of this.#due) this.#timeline.push(dueMs, key);
  }
}
