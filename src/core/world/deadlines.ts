import { Timeline } from "./timeline.ts";
import type { Entry } from "./types.ts";

/** Entries for one that is true, and these besides, before the others are thrown out. */
const CROWD = 4;
const FEW = 256;

/**
 * When to look at which unit. A deadline that was put off stays in the timeline until its time has come, and a service may put
 * one off a thousand times a second: what is no longer true is thrown out now and then, so that the timeline is as long as there
 * are units, not as there were events.
 */
export class Deadlines {
  readonly #timeline = new Timeline();
  readonly #entries: ReadonlyMap<string, Entry>;

  constructor(entries: ReadonlyMap<string, Entry>) {
    this.#entries = entries;
  }

  /** Entries of the timeline, true or not. */
  get size(): number {
    return this.#timeline.size;
  }

  /** Called with every change of a unit, when it is among the entries. */
  put(before: Entry | undefined, entry: Entry): void {
    const { unit, check, watchdog } = entry;
    // Not by its time: a new deadline may be of the moment at which the last one was taken out.
    if (unit.due !== before?.unit.due) this.#push(unit.due?.atMs, unit.id);
    if (check?.dueMs !== before?.check?.dueMs) this.#push(check?.dueMs, unit.id);
    if (watchdog?.dueMs !== before?.watchdog?.dueMs) this.#push(watchdog?.dueMs, unit.id);
    if (this.#timeline.size > FEW + CROWD * this.#entries.size) this.#tidy();
  }

  /** The earliest time at which something may be due, or null. */
  next(): number | null {
    return this.#timeline.peek();
  }

  /** A unit that something may be due of, once for each of its deadlines; undefined when no more are. */
  pop(nowMs: number): string | undefined {
    return this.#timeline.pop(nowMs);
  }

  #tidy(): void {
    this.#timeline.clear();
    for (const [id, { unit, check, watchdog }] of this.#entries) {
      for (const dueMs of [unit.due?.atMs, check?.dueMs, watchdog?.dueMs]) this.#push(dueMs, id);
    }
  }

  #push(dueMs: number | null | undefined, id: string): void {
    if (dueMs != null) this.#timeline.push(dueMs, id);
  }
}
