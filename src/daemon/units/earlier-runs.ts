import { BEGINNINGS } from "../../core/explain/past-runs.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import type { Invocations } from "../engine/invocations.ts";

/**
 * How many runs there were in this boot under the name of a unit that is new to this daemon: it was removed and added again,
 * or the daemon was stopped in order and forgot it. Counted on from there, no run is called as an earlier one was.
 */
export function earlierRuns(store: EventHistory, invocations: Pick<Invocations, "runOf" | "given">): (id: string) => number {
  return (id) => {
    if (!invocations.given) return 0; // at the first start after a boot, for every unit: nothing to look for
    const last = store.events({ serviceIds: [id], types: BEGINNINGS, limit: 1 }).at(-1)?.details.invocation;
    return typeof last === "string" ? (invocations.runOf(id, last) ?? 0) : 0;
  };
}
