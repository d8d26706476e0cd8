import type { Severity } from "../../base/words.ts";

/** Something a person should know about, for as long as it holds. A unit, or the daemon (""), has one of each type. */
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
  /** Monotonic time since which its condition no longer holds; null while it does. */
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

/** A condition that ends and returns within this time is the same alert: what flaps is one alert. */
export const CALM_MS = 60_000;

/** A condition that develops into another is replaced by it at once: a unit that kept failing and was given up has one alert. */
const BECOMES: Readonly<Record<string, string>> = { failing: "failed" };

/**
 * What the conditions of this moment do to the open alerts of one unit. `isSettled`: its alerts end without a calm time, because
 * the operator stopped it or it is gone.
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
