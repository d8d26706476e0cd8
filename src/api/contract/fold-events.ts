import { formatDuration } from "../../base/duration.ts";
import type { Event } from "./shapes.ts";

/** An event, or a crash loop that is shown like one event. */
export interface FoldedEvent {
  /** For a crash loop: the last end of a run, with their number in its type and the causes in its message. */
  readonly event: Event;
  /** The events of the crash loop, oldest first. Empty for a single event. */
  readonly inner: readonly Event[];
}

/** The events of a unit that starts, fails and is started again. Other events of the unit, such as `fatal`, end the loop. */
const IN_LOOP: ReadonlySet<string> = new Set([
  ...["starting", "started", "running", "ready", "healthy", "degraded", "unhealthy", "stopping", "killed"],
  ...["exited", "start-failed", "backoff"],
]);
const ENDS: ReadonlySet<string> = new Set(["exited", "start-failed"]);
/** These events appear in the middle of a crash loop, and are shown on their own. */
const ASIDE = /^(alert|log)-/;
/** A crash loop has at least this number of ends of runs. */
const LEAST = 3;
/** The longest time between two events of one crash loop. A unit that ran for longer has recovered in between. */
const MAX_GAP_MS = 10 * 60_000;
const MAX_CAUSES = 3;

/**
 * Folds the crash loops of each unit into one row. `events` are in order of time, oldest first, and so is the result. `msOf` parses a
 * timestamp, like `Date.parse`.
 */
export function foldEvents(events: readonly Event[], msOf: (timestamp: string) => number): readonly FoldedEvent[] {
  const loops = new Map<string, Event[]>();
  const folded = new Map<Event, readonly Event[]>();
  const hidden = new Set<Event>();
  const end = (unit: string): void => {
    const loop = loops.get(unit);
    loops.delete(unit);
    if (loop === undefined) return;
    // A start after the last failure stays visible, because it shows that the unit runs again.
    const inner = loop.slice(0, loop.findLastIndex(({ event_type }) => ENDS.has(event_type) || event_type === "backoff") + 1);
    if (inner.filter(({ event_type }) => ENDS.has(event_type)).length < LEAST) return;
    for (const event of inner) hidden.add(event);
    folded.set(inner.at(-1)!, inner);
  };
  for (const event of events) {
    const { service_id: unit, event_type, timestamp } = event;
    if (unit === null || ASIDE.test(event_type)) continue;
    const last = loops.get(unit)?.at(-1);
    const isLate = last !== undefined && msOf(timestamp) - msOf(last.timestamp) > MAX_GAP_MS;
    if (isLate || !IN_LOOP.has(event_type) || isRequested(event)) end(unit);
    if (!IN_LOOP.has(event_type)) continue;
    const loop = loops.get(unit);
    if (loop) loop.push(event);
    else loops.set(unit, [event]);
  }
  for (const unit of [...loops.keys()]) end(unit);
  return events.flatMap((event): FoldedEvent[] => {
    const inner = folded.get(event);
    if (inner !== undefined) return [{ event: summaryOf(inner, msOf), inner }];
    return hidden.has(event) ? [] : [{ event, inner: [] }];
  });
}

/** Returns true for a start that is no automatic restart, but was requested by the operator, a schedule or something else. */
const isRequested = ({ event_type, details }: Event): boolean =>
  (event_type === "starting" || event_type === "started") && typeof details.cause === "string" && details.cause !== "policy";

function summaryOf(inner: readonly Event[], msOf: (timestamp: string) => number): Event {
  const ends = inner.filter(({ event_type }) => ENDS.has(event_type));
  const last = ends.at(-1)!;
  const causes = new Map<string, number>();
  for (const cause of causesOf(inner)) causes.set(cause, (causes.get(cause) ?? 0) + 1);
  const sorted = [...causes].sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, MAX_CAUSES).map(([text, count]) => (sorted.length === 1 ? text : `${text} (${count}×)`));
  const more = sorted.length > MAX_CAUSES ? ` and ${sorted.length - MAX_CAUSES} more` : "";
  const span = formatDuration(msOf(inner.at(-1)!.timestamp) - msOf(inner[0]!.timestamp));
  const { invocation: _, ...details } = last.details;
  return {
    ...last,
    id: inner.at(-1)!.id,
    timestamp: inner.at(-1)!.timestamp,
    event_type: `${last.event_type} ×${ends.length}`,
    message: `${ends.length} times in ${span}: ${shown.join(", ")}${more}`,
    details,
  };
}

/** Returns why the runs ended. The back-off after a run says this better than the end, for example after a failed health check. */
function causesOf(inner: readonly Event[]): string[] {
  const causes: string[] = [];
  let end: string | null = null;
  for (const { event_type, message, details } of inner) {
    if (ENDS.has(event_type)) end = message;
    else if (event_type === "backoff") {
      causes.push(typeof details.cause === "string" ? details.cause : (end ?? message));
      end = null;
    }
  }
  return end === null ? causes : [...causes, end];
}
