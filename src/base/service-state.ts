import type { State } from "./words.ts";

/** The first state of this list that one of the units has is the state of the service: the one that most needs attention. */
const ORDER: readonly State[] = ["fatal", "failed", "backoff", "starting", "stopping", "running", "stopped"];

/** Returns the state of a service with several units. */
export const stateOfService = (units: readonly State[]): State => ORDER.find((state) => units.includes(state)) ?? "stopped";
