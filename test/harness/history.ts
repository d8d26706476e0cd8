import type { Event } from "../../src/api/contract/shapes.ts";
import type { Daemon } from "./daemon.ts";

/** A unit's history (of "": the daemon's and everybody's), oldest first, as `sup events --json` gives it; of one type, or all. */
export async function eventsOf(daemon: Daemon, unit: string, type?: string): Promise<Event[]> {
  return (await daemon.json(
    "events",
    ...(unit === "" ? [] : [unit]),
    "-n",
    "1000",
    ...(type === undefined ? [] : ["--type", type]),
  )) as Event[];
}

/** The types of a unit's history, oldest first. */
export const typesOf = async (daemon: Daemon, unit: string): Promise<string[]> =>
  (await eventsOf(daemon, unit)).map((event) => event.event_type);
