import type { AlertCondition } from "./alerts.ts";
import { limitWords, LIMITS, maxOf } from "../metrics/limits.ts";
import type { Entry } from "../world/types.ts";

/**
 * A unit that is not critical has an alert after this many retries without a recovery in between. A unit that sup has given up
 * always has an alert.
 */
const MANY_RETRIES = 3;

/**
 * Returns the present alert conditions of a unit. A critical unit has an alert from its first failure on, and all its alerts
 * have severity critical.
 */
export function conditionsOf({ unit, spec, check, limits }: Entry): AlertCondition[] {
  const concerns: AlertCondition[] = [];
  const severity = spec.critical ? "critical" : "warning";
  const add = (type: string, message: string): void => void concerns.push({ unit: unit.id, type, severity, message });
  if (unit.want === "down" && unit.phase !== "failed" && unit.phase !== "fatal") return [];
  const detail = unit.last?.detail ?? "";
  if (unit.phase === "fatal" || unit.phase === "failed") add("failed", `it is ${unit.phase}: ${detail}`);
  else if (unit.ledger.retries >= MANY_RETRIES) add("failing", `it keeps failing (${unit.ledger.retries} retries so far): ${detail}`);
  else if (unit.ledger.retries > 0 && spec.critical) add("failing", `it failed: ${detail}`);
  if (check !== null && unit.process !== null) {
    const why = check.results.at(-1)?.detail ?? "";
    if (check.health === "unhealthy") add("unhealthy", `its health check fails: ${why}`);
    if (check.health === "degraded") add("degraded", `only its fallback check passes: ${why}`);
  }
  // Only the limits of the live run count. If sup ended a run because it exceeded a limit, that alert is open already, and stays
  // open if the next run exceeds the limit again.
  if (spec.limits === null || limits === null || limits.run !== unit.run || unit.process === null) return concerns;
  for (const limit of LIMITS) {
    const max = maxOf(spec.limits, limit);
    const { level, value } = limits.standings[limit];
    if (max === null || value === null || level !== "over") continue;
    add(`${limit}-limit`, limitWords({ limit, level, was: "ok", value, max }));
  }
  return concerns;
}

/** Returns the alert conditions of the daemon's own store. There is one if writes fail, and one if a part of the history was lost. */
export function storeConditions({
  failing,
  notes,
}: {
  readonly failing: string | null;
  readonly notes: readonly string[];
}): AlertCondition[] {
  const concerns: AlertCondition[] = [];
  const losses = notes.filter((note) => note !== failing);
  if (failing !== null) concerns.push({ unit: "", type: "store", severity: "critical", message: failing });
  if (losses.length > 0) concerns.push({ unit: "", type: "store-loss", severity: "warning", message: losses.join("; ") });
  return concerns;
}
