import { compareIds } from "../../base/names.ts";
import { retriesResetAtMs } from "../unit/restart.ts";
import { isStarting } from "../unit/phase.ts";
import { Services } from "../service/services.ts";
import { Deadlines } from "./deadlines.ts";
import type { Entry } from "./types.ts";

/** Returns the key of a unit's deadline. Keys of other kinds contain a space, and names of units do not, so they cannot collide. */
export const unitKey = (id: string): string => id;

/**
 * Holds the records of all units, and the data that is derived from these records: the services, the waiting units, the
 * number of starting units, and the deadline of each unit. Records change only through this class.
 */
export class Units {
  readonly services = new Services();
  readonly deadlines = new Deadlines();
  readonly waiting = new Set<string>();
  readonly #entries = new Map<string, Entry>();
  #starting = 0;

  /** Returns the entry of a unit. This is an arrow function, so that callers can pass the function on without the object. */
  readonly get = (id: string): Entry | undefined => this.#entries.get(id);

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  entries(): IterableIterator<[string, Entry]> {
    return this.#entries.entries();
  }

  /** Returns the ids in the order in which units start: by priority, then by name. */
  ids(): string[] {
    return [...this.#entries.keys()].sort(this.compare);
  }

  readonly compare = (a: string, b: string): number => {
    const first = this.#entries.get(a)!.spec;
    const second = this.#entries.get(b)!.spec;
    return first.priority - second.priority || compareIds(a, b);
  };

  /** The number of units that are starting, which `start_concurrency` limits. */
  get starting(): number {
    return this.#starting;
  }

  put(entry: Entry): void {
    const { id, phase } = entry.unit;
    const before = this.#entries.get(id);
    if (before?.spec !== entry.spec) this.services.change(before?.spec, entry.spec);
    if ((before?.retired ?? false) !== entry.retired) this.services.leaving(entry.spec, entry.retired);
    this.#entries.set(id, entry);
    this.#starting += Number(isStarting(phase)) - Number(before !== undefined && isStarting(before.unit.phase));
    this.deadlines.put(unitKey(id), dueOf(entry));
    if (phase === "waiting") this.waiting.add(id);
    else this.waiting.delete(id);
  }

  remove(id: string): void {
    this.services.change(this.#entries.get(id)?.spec, undefined);
    this.#entries.delete(id);
    this.waiting.delete(id);
    this.deadlines.put(unitKey(id), null);
  }

  /** Sets the unit's next deadline after a tick has removed the previous one, unless a change has already set it. */
  rearm(id: string, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined && !this.deadlines.has(unitKey(id))) this.deadlines.put(unitKey(id), dueOf(entry, nowMs));
  }
}

/** Returns the unit's earliest deadline after `afterMs`, or null if there is none. */
function dueOf({ unit, spec, check, watchdog }: Entry, afterMs = -Infinity): number | null {
  let earliest: number | null = null;
  for (const dueMs of [unit.due?.atMs, check?.dueMs, watchdog?.dueMs, retriesResetAtMs(unit, spec.restart)])
    if (dueMs != null && dueMs > afterMs && (earliest === null || dueMs < earliest)) earliest = dueMs;
  return earliest;
}
