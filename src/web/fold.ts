import { serviceRows } from "../api/contract/service-rows.ts";
import type { Service } from "../api/contract/shapes.ts";

/** A row of the list of units. */
export interface FoldRow {
  /** A unit, or the totals of a service with several units. */
  readonly service: Service;
  /** `open` and `closed` are rows of totals. `inner` is a unit below them, and `plain` any other unit. */
  readonly fold: "open" | "closed" | "inner" | "plain";
}

/** Returns the rows for sorted units. If `isOpen` returns true for a service, its units follow its totals. */
export function foldRows(units: readonly Service[], isOpen: (service: string) => boolean): readonly FoldRow[] {
  return serviceRows(units).flatMap(({ service, units: inner }): FoldRow[] => {
    if (inner.length === 0) return [{ service, fold: "plain" }];
    if (!isOpen(service.id)) return [{ service, fold: "closed" }];
    return [{ service, fold: "open" }, ...inner.map((unit) => ({ service: unit, fold: "inner" as const }))];
  });
}

/** Returns a unit, or the totals of a service with several units. Returns undefined if neither exists. */
export function findService(units: ReadonlyMap<string, Service>, id: string): Service | undefined {
  const unit = units.get(id);
  if (unit !== undefined) return unit;
  return serviceRows([...units.values()].filter(({ service }) => service === id))[0]?.service;
}
