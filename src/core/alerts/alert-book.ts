import type { ConditionSource } from "../world/types.ts";
import { CALM_MS, judge, type AlertChange, type AlertCondition, type OpenAlert } from "./alerts.ts";

const NONE: readonly AlertCondition[] = [];

/**
 * The open alerts, and the conditions that come from outside of the units' own records. It is the last stage of a turn: the units
 * that changed, or of which something was observed, are judged once, when all else is decided.
 */
export class AlertBook {
  readonly #open = new Map<string, readonly OpenAlert[]>();
  readonly #observed = new Map<string, ReadonlyMap<ConditionSource, readonly AlertCondition[]>>();
  #lastId = 0;

  /** Goes on with the alerts that an earlier daemon left open. */
  restore(open: readonly OpenAlert[], lastId: number): void {
    for (const alert of open) this.#open.set(alert.unit, [...(this.#open.get(alert.unit) ?? []), alert]);
    this.#lastId = lastId;
  }

  /** Units with open alerts, "" for the daemon. */
  units(): Iterable<string> {
    return this.#open.keys();
  }

  /** What the source has to say of the unit, in place of what it said before. */
  observe(source: ConditionSource, unit: string, conditions: readonly AlertCondition[]): void {
    const known = new Map(this.#observed.get(unit));
    if (conditions.length > 0) known.set(source, conditions);
    else known.delete(source);
    if (known.size > 0) this.#observed.set(unit, known);
    else this.#observed.delete(unit);
  }

  observedOf(unit: string): readonly AlertCondition[] {
    const sources = this.#observed.get(unit);
    return sources === undefined ? NONE : [...sources.values()].flat();
  }

  /** The unit is gone: nothing more will be observed of it. Its alerts are resolved by the next judgement. */
  forget(unit: string): void {
    this.#observed.delete(unit);
  }

  judge(unit: string, conditions: readonly AlertCondition[], isSettled: boolean, nowMs: number): AlertChange[] {
    const before = this.#open.get(unit) ?? [];
    if (before.length === 0 && conditions.length === 0) return [];
    const { opened, resolved, open } = judge(before, conditions, isSettled, nowMs);
    const begun = opened.map((condition) => ({ kind: "opened", id: ++this.#lastId, condition }) as const);
    const after = [...open, ...begun.map(({ id, condition: { type } }) => ({ id, unit, type, calmSinceMs: null }))];
    if (after.length > 0) this.#open.set(unit, after);
    else this.#open.delete(unit);
    return [...begun, ...resolved.map(({ id, type }) => ({ kind: "resolved", id, unit, type }) as const)];
  }

  /** When an open alert of the unit has been calm for long enough; null when none is calm. */
  dueMs(unit: string): number | null {
    const calm = (this.#open.get(unit) ?? []).flatMap(({ calmSinceMs }) => calmSinceMs ?? []);
    return calm.length === 0 ? null : Math.min(...calm) + CALM_MS;
  }
}
