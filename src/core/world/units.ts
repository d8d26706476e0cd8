import { isStarting } from "../unit/phase.ts";
import { Services } from "../service/services.ts";
import { Deadlines } from "./deadlines.ts";
import type { Entry } from "./types.ts";

/** The key of a unit among the deadlines; units have no space in their names, other keys have. */
export const unitKey = (id: string): string => id;

/**
 * The records of all units, with what is derived from them: which service they belong to, who waits, who starts, and when each
 * has to be looked at again. Nothing else writes a record.
 */
export class Units {
  readonly services = new Services();
  readonly deadlines = new Deadlines();
  readonly waiting = new Set<string>();
  readonly #entries = new Map<string, Entry>();
  #starting = 0;

  /** Bound, so that it can be handed on as the look-up of units by id. */
  readonly get = (id: string): Entry | undefined => this.#entries.get(id);

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  entries(): IterableIterator<[string, Entry]> {
    return this.#entries.entries();
  }

  /** In the order of start: priority, then name. */
  ids(): string[] {
    return [...this.#entries.keys()].sort(this.compare);
  }

  readonly compare = (a: string, b: string): number => {
    const first = this.#entries.get(a)!.spec;
    const second = this.#entries.get(b)!.spec;
    return first.priority - second.priority || (a < b ? -1 : a > b ? 1 : 0);
  };

  /** Units that are starting now: they take up places of `start_concurrency`. */
  get starting(): number {
    return this.#starting;
  }

  put(entry: Entry): void {
    const { id, phase } = entry.unit;
    const before = this.#entries.get(id);
    if (before?.spec !== entry.spec) this.services.change(before?.spec, entry.spec);
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

  /** After a tick took the unit's deadline: sets the next one, unless a change did so already. */
  rearm(id: string, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined && !this.deadlines.has(unitKey(id))) this.deadlines.put(unitKey(id), dueOf(entry, nowMs));
  }
}

/** The earliest of the unit's deadlines after `afterMs`, or null. */
function dueOf({ unit, check, watchdog }: Entry, afterMs = -Infinity): number | null {
  let earliest: number | null = null;
  for (const dueMs of [unit.due?.atMs, check?.dueMs, watchdog?.dueMs])
    if (dueMs != null && dueMs > afterMs && (earliest === null || dueMs < earliest)) earliest = dueMs;
  return earliest;
}
