/** A binary heap of (time, key) pairs, ordered by time. The heap keeps outdated entries, and its user skips them. */
export class Timeline {
  #heap: Array<{ readonly atMs: number; readonly key: string }> = [];

  get size(): number {
    return this.#heap.length;
  }

  push(atMs: number, key: string): void {
    const heap = this.#heap;
    heap.push({ atMs, key });
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.atMs <= heap[i]!.atMs) break;
      [heap[parent], heap[i]] = [heap[i]!, heap[parent]!];
      i = parent;
    }
  }

  /** Returns the earliest entry, or null if the heap is empty. */
  top(): { readonly atMs: number; readonly key: string } | null {
    return this.#heap[0] ?? null;
  }

  /** Removes the earliest entry and returns its key, if its time is not after `nowMs`. Otherwise returns undefined. */
  pop(nowMs: number): string | undefined {
    const heap = this.#heap;
    const top = heap[0];
    if (top === undefined || top.atMs > nowMs) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#sink();
    }
    return top.key;
  }

  clear(): void {
    this.#heap = [];
  }

  #sink(): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && heap[right]!.atMs < heap[left]!.atMs ? right : left;
      if (heap[i]!.atMs <= heap[child]!.atMs) return;
      [heap[i], heap[child]] = [heap[child]!, heap[i]!];
      i = child;
    }
  }
}
