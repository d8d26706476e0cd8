import type { Spec } from "../../spec/spec.ts";
import type { Unit } from "../unit/record.ts";

/** Returns true for a service with `instances.min` 0: it can be scaled to zero, and a connection to its sockets starts it. */
export const isOnDemand = ({ scaling }: Pick<Spec, "scaling">): boolean => scaling?.min === 0;

/**
 * Returns true for a unit that is down because its service was scaled to zero. The daemon holds the listening sockets of the service,
 * and the first connection starts the unit. A unit that an operator stopped has another reason, so a connection does not start it.
 */
export const isAsleep = ({ phase, want, reason }: Pick<Unit, "phase" | "want" | "reason">, spec: Pick<Spec, "scaling">): boolean =>
  phase === "idle" && want === "down" && reason === "scaling" && isOnDemand(spec);
