import type { ConditionSource } from "../world/types.ts";
import { CALM_MS, judge, type AlertChange, type AlertCondition, type OpenAlert } from "./alerts.ts";

const NONE: readonly AlertCondition[] = [];

/**
 * Holds the open alerts. Also holds the alert conditions that other sources observed (`observe`), because the record of a unit
 * does not contain them. Alerts are judged in the last stage of a turn, when everything else is decided, once for each unit
 * that changed or that has a new observation.
 */
export class AlertBook {
  readonly #open = new Map<string, readonly OpenAlert[]>();
  readonly #observed = new Map<string, ReadonlyMap<ConditionSource, readonly AlertCondition[]>>();
  #lastId = 0;

  /** Restores the alerts that an earlier daemon left open. */
  restore(open: readonly OpenAlert[], lastId: number): void {
    for (const alert of open) this.#open.set(alert.unit, [...(this.#open.get(alert.unit) ?? []), alert]);
    this.#lastId = lastId;
  }

  /** Returns the ids of units with open alerts; "" stands for the daemon. */
  units(): Iterable<string> {
    return this.#open.keys();
  }

  /** Replaces the conditions that this source observed for the unit. */
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

  /** Forgets the observations of a unit that was removed. The next call of `judge` resolves its alerts. */
  forget(unit: string): void {
    this.#observed.delete(unit);
  }

  /** Opens and resolves alerts of one unit according to its present conditions, and returns these changes. See `judge` in `alerts.ts`. */
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

  /**
   * Returns the earliest monotonic time at which the quiet period of one of the unit's alerts ends. The unit must be judged again at
   * that time. Returns null if no alert is in its quiet period.
   */
  dueMs(unit: string): number | null {
    const calm = (this.#open.get(unit) ?? []).flatMap(({ calmSinceMs }) => calmSinceMs ?? []);
    return calm.length === 0 ? null : Math.min(...calm) + CALM_MS;
  }
}
