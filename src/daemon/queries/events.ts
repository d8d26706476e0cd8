import type * as shape from "../../api/contract/shapes.ts";
import { stripSuffix } from "../../base/names.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import { eventShape } from "../engine/recorder.ts";

export interface EventFilter {
  readonly limit: number;
  readonly service?: string;
  /** Event types, separated by commas. */
  readonly type?: string;
  readonly since?: string;
}

/** Returns the stored events of all units, including units that no longer exist. `units` are the units of the service in the filter. */
export function storedEvents(
  store: EventHistory,
  { limit, service, type, since }: EventFilter,
  units: readonly string[] = [],
): shape.Event[] {
  const query = {
    limit,
    ...(service ? { serviceIds: [stripSuffix(service), ...units] } : {}),
    ...(type ? { types: type.split(",") } : {}),
    ...(since ? { since } : {}),
  };
  return store.events(query).map(eventShape);
}
