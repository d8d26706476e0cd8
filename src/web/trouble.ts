import type { Alert, Service } from "../api/contract/shapes.ts";
import { STATES, type State } from "../base/words.ts";

/** The urgency with which a unit needs attention. */
export type Trouble = "none" | "warning" | "bad";

/** What the trouble of a unit depends on, besides the unit itself. */
export interface Around {
  readonly services: ReadonlyMap<string, Service>;
  /** The open alerts of each unit. */
  readonly alerts: ReadonlyMap<string, readonly Alert[]>;
}

const NOTHING: Around = { services: new Map(), alerts: new Map() };

export function troubleOf(service: Service, around: Around = NOTHING): Trouble {
  const { state, health, critical } = service;
  if (state === "failed" || state === "fatal") return "bad";
  if (state === "running" && health === "unhealthy") return "bad";
  if (state === "stopped" && critical && service.enabled) return "bad";
  if (blockerOf(service, around.services) !== null) return critical ? "bad" : "warning";
  const alerts = alertsOf(service, around);
  if (alerts.some(({ severity }) => severity === "critical") && state !== "backoff") return "bad";
  if (service.over_limits !== undefined) return critical ? "bad" : "warning";
  if (state === "backoff" || service.problems.length > 0) return "warning";
  if (state === "running" && health === "degraded") return "warning";
  if (state === "starting" && health === "unhealthy") return "warning";
  if (isRecovering(service) || alerts.some(({ severity }) => severity === "warning")) return "warning";
  return "none";
}

/** Returns true if the unit was restarted after a failure, and has not run long enough since then to count as recovered. */
export const isRecovering = ({ state, retries }: Service): boolean => retries > 0 && (state === "running" || state === "starting");

/** Returns the open alerts of a unit, or of all units of a service. */
export const alertsOf = ({ id, units = [id] }: Service, { alerts }: Around): readonly Alert[] =>
  units.flatMap((unit) => alerts.get(unit) ?? []);

/** A unit that will not start by itself, so that other units wait for it in vain. Its state is null if there is no such unit. */
export interface Blocker {
  readonly unit: string;
  readonly state: State | null;
}

/**
 * Returns the unit that the start of this unit waits for in vain, directly or through other waiting units. Returns null if the
 * unit does not wait, or if everything that it waits for can still start.
 */
export function blockerOf(service: Service, services: Around["services"]): Blocker | null {
  // A unit is visited once, because the paths through a graph can be far more than its units.
  const visited = new Set([service.id]);
  const queue = [service];
  for (const { obstacles = [] } of queue) {
    const dead = obstacles.find(({ state }) => state === "failed" || state === "fatal" || state === null);
    if (dead) return dead;
    for (const { unit } of obstacles) {
      const other = services.get(unit);
      if (other === undefined || visited.has(unit)) continue;
      visited.add(unit);
      queue.push(other);
    }
  }
  return null;
}

/** Returns true if the unit needs attention at once, and is critical. */
export const isCriticalTrouble = (service: Service, around?: Around): boolean => service.critical && troubleOf(service, around) === "bad";

export const TROUBLE_RANK: Readonly<Record<Trouble, number>> = { bad: 0, warning: 1, none: 2 };

/**
 * Returns the units that need attention, the worst first. Among equally bad units, critical ones come first. Otherwise the
 * order is unchanged.
 */
export function troubled(services: Iterable<Service>, around?: Around): readonly Service[] {
  return [...services]
    .map((service) => ({ service, rank: TROUBLE_RANK[troubleOf(service, around)] }))
    .filter(({ rank }) => rank < TROUBLE_RANK.none)
    .toSorted((a, b) => a.rank - b.rank || Number(b.service.critical) - Number(a.service.critical))
    .map(({ service }) => service);
}

/** The colour class of a unit. It represents the worse of its state and its trouble. */
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

export function toneOf(service: Service, around?: Around): Tone {
  const trouble = troubleOf(service, around);
  return trouble === "none" ? STATE_TONES[service.state] : trouble;
}

/** Counts units by state. Like the answer to `GET /summary`, the result contains every state in a fixed order. */
export function countStates(services: Iterable<Service>): Readonly<Record<State, number>> {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0])) as Record<State, number>;
  for (const { state } of services) counts[state]++;
  return counts;
}
