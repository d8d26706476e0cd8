import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { mayProbe, stateOf } from "../../core/unit/phase.ts";
import type { Entry, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import { healthOf, isDownByFailure, isoOf, probeFailureOf, round } from "./describe.ts";

/** Returns the health of one unit with its latest probe results. */
export function serviceHealth(id: string, { spec, check, unit }: Entry, clock: Clock): shape.ServiceHealth {
  return {
    id,
    health: healthOf({ check, unit }),
    state: stateOf(unit),
    last_exit: unit.last?.detail ?? null,
    check: spec.check?.probe.type ?? null,
    consecutive_failures: check?.failures ?? 0,
    failure_threshold: spec.check?.failureThreshold ?? null,
    next_probe: isoOf(check?.dueMs ?? null, clock),
    results: (check?.results ?? []).map((result) => ({
      time: isoOf(result.atMs, clock)!,
      kind: result.kind,
      detail: result.detail,
      response_ms: result.responseMs === null ? null : round(result.responseMs, 3),
      fallback: result.fallback,
    })),
  };
}

/** Returns the error for a unit that cannot be probed in its present state, or null if it can be probed. */
export function refusalToProbe(id: string, { spec, unit }: Entry): ApiError | null {
  if (spec.check === null) return null; // the response says that the unit has no health check
  if (mayProbe(unit, spec)) return null;
  return { code: "conflict", message: `cannot check the health of ${id}: it is ${stateOf(unit)}, and only running units are checked` };
}

/**
 * Returns the health of all units together. It is `unhealthy` if at least one unit has failed or is unhealthy. Otherwise it is
 * `degraded` if at least one unit is degraded.
 */
export function overallHealth(world: Pick<World, "entries">): shape.OverallHealth {
  const counts: Record<string, number> = {};
  const notHealthy: shape.OverallHealth["not_healthy"] = [];
  let status: shape.OverallHealth["status"] = "healthy";
  for (const [id, entry] of world.entries()) {
    const state = stateOf(entry.unit);
    const health = healthOf(entry);
    counts[state] = (counts[state] ?? 0) + 1;
    const bad = isDownByFailure(entry) || health === "unhealthy";
    if (!bad && health !== "degraded") continue;
    notHealthy.push({ id, state, health, reason: entry.unit.reason, detail: probeFailureOf(entry) ?? entry.unit.last?.detail ?? null });
    if (bad) status = "unhealthy";
    else if (status === "healthy") status = "degraded";
  }
  return { status, counts, not_healthy: notHealthy };
}
