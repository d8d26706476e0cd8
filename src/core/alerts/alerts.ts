import type { Severity } from "../../base/words.ts";

/** Something a person should know of, for as long as it holds. One of a kind for a unit, or for the daemon (""). */
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
  /** Monotonic time since which its concern does not hold any more; null while it does. */
  readonly calmSinceMs: number | null;
}

export interface AlertChanges {
  readonly opened: readonly AlertCondition[];
  readonly resolved: readonly OpenAlert[];
  /** Those that stay open, by key, with what is known of them now. */
  readonly open: ReadonlyMap<string, OpenAlert>;
}

/** A concern that goes and comes within this is the same: what flaps is one alert. */
export const CALM_MS = 60_000;

/** What has become of it takes its place at once: a unit that kept failing and was given up has one alert. */
const BECOMES: Readonly<Record<string, string>> = { failing: "failed" };

export const keyOf = ({ unit, type }: Pick<AlertCondition, "unit" | "type">): string => `${unit}\0${type}`;

/**
 * What the concerns of this moment do to the alerts that are open. `settled` are units whose alerts need no calm: the
 * operator stopped them, or they are gone.
 */
export function judge(
  open: ReadonlyMap<string, OpenAlert>,
  concerns: readonly AlertCondition[],
  isSettled: (unit: string) => boolean,
  nowMs: number,
): AlertChanges {
  const held = new Set(concerns.map(keyOf));
  const next = new Map<string, OpenAlert>();
  const resolved: OpenAlert[] = [];
  for (const [key, alert] of open) {
    if (held.has(key)) next.set(key, alert.calmSinceMs === null ? alert : { ...alert, calmSinceMs: null });
    else {
      const calm = { ...alert, calmSinceMs: alert.calmSinceMs ?? nowMs };
      const then = BECOMES[alert.type];
      const isReplaced = then !== undefined && held.has(keyOf({ unit: alert.unit, type: then }));
      if (isReplaced || isSettled(alert.unit) || nowMs - calm.calmSinceMs >= CALM_MS) resolved.push(calm);
      else next.set(key, calm);
    }
  }
  return { opened: concerns.filter((concern) => !open.has(keyOf(concern))), resolved, open: next };
}
