import type { Severity } from "../../base/words.ts";

/** A condition that an operator should know about while it lasts. A unit, or the daemon (unit ""), has at most one condition of each type. */
export interface AlertCondition {
  readonly unit: string;
  readonly type: string;
  readonly severity: Severity;
  readonly message: string;
}

export interface OpenAlert {
  readonly id: number;
  readonly unit: string;
  readonly type: string;
  /** Monotonic time at which the condition of the alert stopped holding, and its quiet period began; null while it holds. */
  readonly calmSinceMs: number | null;
}

export type AlertChange =
  | { readonly kind: "opened"; readonly id: number; readonly condition: AlertCondition }
  | { readonly kind: "resolved"; readonly id: number; readonly unit: string; readonly type: string };

export interface Judgement {
  readonly opened: readonly AlertCondition[];
  readonly resolved: readonly OpenAlert[];
  /** Alerts that stay open. */
  readonly open: readonly OpenAlert[];
}

/**
 * The quiet period. An alert is resolved when its condition has not held for this time. If the condition returns earlier, the
 * same alert stays open, so that a flapping condition causes only one alert.
 */
export const CALM_MS = 60_000;

/**
 * Maps an alert type to the type that supersedes it. When the second opens, the first resolves at once instead of waiting for its
 * quiet period. When sup gives up on a unit that kept failing, only the later alert stays open.
 */
const BECOMES: Readonly<Record<string, string>> = { failing: "failed" };

/**
 * Compares the present conditions of one unit with its open alerts. If `isSettled` is true, its alerts are resolved without a
 * quiet period, because the operator stopped the unit or the unit was removed.
 */
export function judge(open: readonly OpenAlert[], conditions: readonly AlertCondition[], isSettled: boolean, nowMs: number): Judgement {
  const holds = (type: string | undefined): boolean => conditions.some((condition) => condition.type === type);
  const stay: OpenAlert[] = [];
  const resolved: OpenAlert[] = [];
  for (const alert of open) {
    if (holds(alert.type)) stay.push(alert.calmSinceMs === null ? alert : { ...alert, calmSinceMs: null });
    else {
      const calm = { ...alert, calmSinceMs: alert.calmSinceMs ?? nowMs };
      const isOver = isSettled || holds(BECOMES[alert.type]) || nowMs - calm.calmSinceMs >= CALM_MS;
      (isOver ? resolved : stay).push(calm);
    }
  }
  return { opened: conditions.filter(({ type }) => !open.some((alert) => alert.type === type)), resolved, open: stay };
}
