import type { Service } from "../api/contract/shapes.ts";
import { STATES, type State } from "../base/words.ts";

/** The urgency with which a unit needs attention. */
export type Trouble = "none" | "warning" | "bad";

export function troubleOf(service: Service): Trouble {
  if (service.state === "failed" || service.state === "fatal") return "bad";
  if (service.state === "running" && service.health === "unhealthy") return "bad";
  if (service.state === "stopped" && service.critical && service.enabled && service.waits_for_connection !== true) return "bad";
  if (service.state === "backoff" || service.problems.length > 0) return "warning";
  if (service.state === "running" && service.health === "degraded") return "warning";
  if (service.state === "starting" && service.health === "unhealthy") return "warning";
  return "none";
}

/** Returns true if the unit has failed or fails its check, and is critical. */
export const isCriticalTrouble = (service: Service): boolean => service.critical && troubleOf(service) === "bad";

const RANK: Readonly<Record<Trouble, number>> = { bad: 0, warning: 1, none: 2 };

/**
 * Returns the units that need attention, the worst first. Among equally bad units, critical ones come first. Otherwise the
 * order is unchanged.
 */
export function troubled(services: Iterable<Service>): readonly Service[] {
  return [...services]
    .filter((service) => troubleOf(service) !== "none")
    .toSorted((a, b) => RANK[troubleOf(a)] - RANK[troubleOf(b)] || Number(b.critical) - Number(a.critical));
}

/** The colour class of a unit. It represents the worse of its state and its health. */
export type Tone = "good" | "busy" | "warning" | "bad" | "quiet";

const STATE_TONES: Readonly<Record<State, Tone>> = {
  running: "good",
  starting: "busy",
  stopping: "busy",
  backoff: "warning",
  failed: "bad",
  fatal: "bad",
  stopped: "quiet",
};

export const toneOfState = (state: State): Tone => STATE_TONES[state];

export const HEALTH_TONES: Readonly<Record<Service["health"], Tone>> = {
  healthy: "good",
  starting: "busy",
  degraded: "warning",
  unhealthy: "bad",
  unknown: "quiet",
};

export function toneOf({ state, health }: Pick<Service, "state" | "health">): Tone {
  return state === "running" && (health === "unhealthy" || health === "degraded") ? HEALTH_TONES[health] : STATE_TONES[state];
}

/** Counts units by state. Like the answer to `GET /summary`, the result contains every state in a fixed order. */
export function countStates(services: Iterable<Service>): Readonly<Record<State, number>> {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0])) as Record<State, number>;
  for (const { state } of services) counts[state]++;
  return counts;
}
