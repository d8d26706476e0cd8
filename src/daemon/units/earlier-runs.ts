import { BEGINNINGS } from "../../core/explain/past-runs.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import type { Invocations } from "../engine/invocations.ts";

/**
 * How many runs a unit that is new to this daemon had since the boot: it may have been removed and added again, or the previous
 * daemon was shut down and kept no state. Counting continues from there, so that no two runs have the same invocation id.
 */
export function earlierRuns(store: EventHistory, invocations: Pick<Invocations, "runOf" | "given">): (id: string) => number {
  return (id) => {
    if (!invocations.given) return 0; // the first daemon since the boot: there were no runs
    const last = store.events({ serviceIds: [id], types: BEGINNINGS, limit: 1 }).at(-1)?.details.invocation;
    return typeof last === "string" ? (invocations.runOf(id, last) ?? 0) : 0;
  };
}
