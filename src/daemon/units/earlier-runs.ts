import { BEGINNINGS } from "../../core/explain/past-runs.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import type { Invocations } from "../engine/invocations.ts";

/**
 * Returns a function that returns how many runs a unit had earlier in this boot, before this daemon loaded the unit for the
 * first time. There may be such runs if the unit was removed and added again, or if the previous daemon was shut down and
 * kept no state. The numbers of new runs continue after them, so that no two runs have the same invocation id.
 */
export function earlierRuns(store: EventHistory, invocations: Pick<Invocations, "runOf" | "given">): (id: string) => number {
  return (id) => {
    if (!invocations.given) return 0; // this is the first daemon since the boot, so there were no runs
    const last = store.events({ serviceIds: [id], types: BEGINNINGS, limit: 1 }).at(-1)?.details.invocation;
    return typeof last === "string" ? (invocations.runOf(id, last) ?? 0) : 0;
  };
}
