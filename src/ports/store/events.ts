/** One entry of a unit's history. `details` is stored as JSON. */
export interface EventRow {
  readonly id: number;
  /** The unit's id, or null if the event concerns the daemon itself. */
  readonly serviceId: string | null;
  readonly type: string;
  /** Time of the event in UTC ISO 8601 with milliseconds. */
  readonly timestamp: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export type NewEvent = Omit<EventRow, "id">;

export interface EventQuery {
  readonly limit: number;
  readonly serviceIds?: readonly string[];
  readonly types?: readonly string[];
  /** Earliest time of an event, in ISO 8601; inclusive. */
  readonly since?: string;
  /** Return only events with a greater id. */
  readonly afterId?: number;
}

export interface EventHistory {
  /** Returns the newest `limit` matches, oldest first. */
  events(query: EventQuery): readonly EventRow[];
}
