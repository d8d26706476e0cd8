import type { Event } from "../api/contract/shapes.ts";

/** Two events of one turn of the daemon have nearly the same time. */
const SAME_TURN_MS = 500;

/**
 * Marks the alerts that ended because sup gave up the unit. Such an alert is not resolved, but replaced by a worse one. `events`
 * are newest first, and so is the result.
 */
export function markReplaced(events: readonly Event[]): readonly Event[] {
  const ends = new Map<string, readonly Event[]>();
  for (const event of events) {
    if (event.service_id === null || (event.event_type !== "fatal" && event.event_type !== "failed")) continue;
    ends.set(event.service_id, [...(ends.get(event.service_id) ?? []), event]);
  }
  return events.map((event) => {
    if (event.event_type !== "alert-resolved" || event.service_id === null) return event;
    const end = ends.get(event.service_id)?.find(({ timestamp }) => Math.abs(msBetween(timestamp, event.timestamp)) < SAME_TURN_MS);
    if (end === undefined) return event;
    return { ...event, message: `replaced by: ${end.event_type}`, details: { ...event.details, replaced_by: end.event_type } };
  });
}

const msBetween = (a: string, b: string): number => Date.parse(a) - Date.parse(b);
