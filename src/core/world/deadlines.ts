import { Timeline } from "./timeline.ts";

/** Stale entries are removed when the heap has more than CROWD × (number of deadlines) + FEW entries. */
const CROWD = 4;
const FEW = 256;

/**
 * Holds at most one deadline per key. Keys stand for units, jobs and the alerts of units. A service may postpone its deadline
 * a thousand times a second. To keep changes cheap, a changed deadline leaves a stale entry in the heap until that entry
 * reaches the top. Stale entries are also removed in bulk. Therefore the size of the heap depends on the number of keys
 * instead of the number of changes.
 */
export class Deadlines {
  readonly #timeline = new Timeline();
  readonly #due = new Map<string, number>();

  /** Number of entries in the heap, including stale ones. */
  get size(): number {
    return this.#timeline.size;
  }

  /** Sets the deadline of a key (monotonic time in milliseconds) in place of any earlier one; null removes it. */
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

  /** Returns the earliest deadline, or null if there is none. */
  next(): number | null {
    for (let top = this.#timeline.top(); top !== null; top = this.#timeline.top()) {
      if (this.#due.get(top.key) === top.atMs) return top.atMs;
      this.#timeline.pop(top.atMs);
    }
    return null;
  }

  /** Removes a deadline that has passed and returns its key. Returns undefined if none has passed. */
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
