import type { State } from "./words.ts";

/** All states, the ones that need attention first. The state of a service is the first state of this list that one of its units has. */
const ORDER: readonly State[] = ["fatal", "failed", "backoff", "starting", "stopping", "running", "stopped"];

/** Compares two states. The one that needs attention comes first. */
export const compareStates = (a: State, b: State): number => ORDER.indexOf(a) - ORDER.indexOf(b);

/** Returns the state of a service with several units. */
export const stateOfService = (units: readonly State[]): State => ORDER.find((state) => units.includes(state)) ?? "stopped";
