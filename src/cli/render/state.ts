import type { Service } from "../../api/contract/shapes.ts";
import type { Health, State } from "../../base/words.ts";
import type { Colour } from "./paint.ts";
import { relative } from "./time.ts";

export const STATE_COLOUR: Record<State, Colour> = {
  running: "green",
  starting: "cyan",
  stopping: "cyan",
  backoff: "yellow",
  failed: "red",
  fatal: "red",
  stopped: "dim",
};

export const UNLOADED_COLOUR = { masked: "dim", broken: "red" } as const;

export const HEALTH_COLOUR: Record<Health, Colour> = {
  healthy: "green",
  starting: "cyan",
  degraded: "yellow",
  unhealthy: "red",
  unknown: "dim",
};

/** Returns the colour of the unit's dot. It shows the health of a running unit, and otherwise the state. */
export function dotColour(service: Pick<Service, "state" | "health" | "over_limits">): Colour {
  if (service.state !== "running") return STATE_COLOUR[service.state];
  if (service.health === "unhealthy" || service.health === "degraded") return HEALTH_COLOUR[service.health];
  return service.over_limits === undefined ? "green" : "yellow";
}

/** The marks differ in shape, so that states can be distinguished without colour. */
const MARKS: Record<State, string> = {
  running: "●",
  starting: "↻",
  stopping: "↻",
  backoff: "↻",
  failed: "×",
  fatal: "×",
  stopped: "○",
};
export const UNLOADED_MARK = { masked: "○", broken: "×" } as const;

export const dotOf = (service: Pick<Service, "state">): string => MARKS[service.state];

/**
 * Returns true if a unit needs attention. This is so if it is failed, fatal, in back-off, unhealthy or degraded, or if its unit file
 * has errors. It is also so if the unit exceeds a limit, keeps failing, or waits for a unit that failed, and if it is critical and
 * enabled, but stopped.
 */
export function isProblem(service: Service): boolean {
  if (service.state === "failed" || service.state === "fatal" || service.state === "backoff") return true;
  if (service.problems.length > 0 || isBlocked(service)) return true;
  if (service.state === "starting") return service.retries > 0;
  if (service.state === "running") return service.health === "unhealthy" || service.health === "degraded" || isUnstable(service);
  return service.state === "stopped" && service.critical && service.enabled;
}

/** A unit that runs again after this many retries is not stable before its retry counter resets. Its alert `failing` is open too. */
const MANY_RETRIES = 3;

const isUnstable = ({ over_limits, retries }: Service): boolean => over_limits !== undefined || retries >= MANY_RETRIES;

/** Returns the units that need attention, critical ones first. */
export const troubledFirst = (services: readonly Service[]): Service[] =>
  services.filter(isProblem).sort((a, b) => Number(b.critical) - Number(a.critical));

/** Returns true if the unit waits for a unit that has failed and will not start by itself. */
export const isBlocked = ({ obstacles = [] }: Service): boolean => obstacles.some(({ state }) => state === "failed" || state === "fatal");

/**
 * Returns the state as users see it. A service has the number of its units that are ready added, a oneshot that succeeded is `done`,
 * and a scheduled unit has its next run added.
 */
export function stateWords({ state, type, reason, schedule, ready, wanted, leaving }: Service, now: number): string {
  if (wanted !== undefined) return `${state}, ${ready} of ${wanted} ready`;
  if (leaving) return `${state}, leaving`;
  const word = state === "stopped" && type === "oneshot" && reason === "success" ? "done" : state;
  const next = state === "stopped" || state === "failed" ? schedule?.next_run : null;
  return next ? `${word}, next ${relative(next, now)}` : word;
}

/** Formats megabytes with the units that `ps` uses, such as `12.3M` or `1.2G`. Returns "" for null. */
export function memory(mb: number | null): string {
  if (mb === null) return "";
  if (mb >= 1024) return `${(mb / 1024).toFixed(1)}G`;
  return mb >= 100 ? `${Math.round(mb)}M` : `${mb.toFixed(1)}M`;
}

export const percent = (value: number | null): string => (value === null ? "" : `${value.toFixed(value < 10 ? 1 : 0)}%`);
