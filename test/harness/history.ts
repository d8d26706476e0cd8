import type { Event } from "../../src/api/contract/shapes.ts";
import type { Daemon } from "./daemon.ts";

/**
 * Returns a unit's events, oldest first, as `sup events --json` prints them. With the unit "", returns the events of all units
 * and of the daemon.
 */
export async function eventsOf(daemon: Daemon, unit: string, type?: string): Promise<Event[]> {
  return (await daemon.json(
    "events",
    ...(unit === "" ? [] : [unit]),
    "-n",
    "1000",
    ...(type === undefined ? [] : ["--type", type]),
  )) as Event[];
}

/** Returns the types of a unit's events, oldest first. */
export const typesOf = async (daemon: Daemon, unit: string): Promise<string[]> =>
  (await eventsOf(daemon, unit)).map((event) => event.event_type);
