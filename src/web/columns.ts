import type { Service } from "../api/contract/shapes.ts";

/** Returns the titles of the columns in which all values would be empty or equal. The list does not show these columns. */
export function emptyColumns(services: readonly Service[]): ReadonlySet<string> {
  const empty = new Set<string>();
  if (services.every(({ health }) => health === "unknown")) empty.add("Health");
  if (services.every(({ priority }) => priority === services[0]!.priority)) empty.add("Priority");
  return empty;
}

/** The tops of the scales of all sparklines, so that the lines of different units can be compared. */
export interface Scales {
  readonly cpu: number;
  readonly memory: number;
}

/** The lowest maximum of a scale, so that units with little usage look idle. */
const LEAST: Scales = { cpu: 5, memory: 8 };

export const scalesOf = (services: readonly Service[]): Scales => ({
  cpu: services.reduce((most, { cpu_percent }) => Math.max(most, cpu_percent ?? 0), LEAST.cpu),
  memory: services.reduce((most, { memory_mb }) => Math.max(most, memory_mb ?? 0), LEAST.memory),
});
