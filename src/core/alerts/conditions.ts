import type { AlertCondition } from "./alerts.ts";
import { limitWords, LIMITS, maxOf } from "../metrics/limits.ts";
import type { Entry } from "../world/types.ts";

/** A unit that is not critical alerts when it is given up, or when it has failed this often without being well between. */
const MANY_RETRIES = 3;

/** What is wrong with a unit right now. A critical one alerts at once, and with that severity. */
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
  // Of the run that lives: one that was ended for it has its alert by then, which the next may keep open.
  if (spec.limits === null || limits === null || limits.run !== unit.run || unit.process === null) return concerns;
  for (const limit of LIMITS) {
    const max = maxOf(spec.limits, limit);
    const { level, value } = limits.standings[limit];
    if (max === null || value === null || level !== "over") continue;
    add(`${limit}-limit`, limitWords({ limit, level, was: "ok", value, max }));
  }
  return concerns;
}

/** What is wrong with the daemon's own history: that it cannot be written, or that some of it was lost. */
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
