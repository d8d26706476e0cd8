import type { Service } from "../../api/contract/shapes.ts";
import { serviceRows } from "../../api/contract/service-rows.ts";
import type { View } from "../../api/contract/view.ts";
import { isProblem } from "../render/state.ts";
import { branchOf } from "../render/status-table.ts";
import { ORDER, type Sort } from "../render/top.ts";

/** `trouble` puts units that need attention first. The other orders are those of `--sort`. */
export type Order = Sort | "trouble";
export const ORDERS: readonly Order[] = ["trouble", "cpu", "memory", "name", "restarts", "uptime"];

export interface Row {
  readonly service: Service;
  /** The line that connects a unit with its service. */
  readonly branch: string;
  /** True if this is a service with `instances`, and not a unit. */
  readonly isService: boolean;
}

/** Returns the rows of the list. A filter shows units whose id, state, health, group or label contains it. */
export function listRows(view: View, order: Order, filter: string, now: number): Row[] {
  const compare = comparison(order, now);
  const matching = [...view.services.values()].filter((service) => matches(service, filter.toLowerCase()));
  const groups = serviceRows(matching).sort((a, b) => compare(a.service, b.service));
  return groups.flatMap(({ service, units }) => {
    const sorted = [...units].sort(compare);
    const below = sorted.map((unit, i) => ({ service: unit, branch: branchOf(i, sorted), isService: false }));
    return [{ service, branch: "", isService: units.length > 0 }, ...below];
  });
}

function comparison(order: Order, now: number): (a: Service, b: Service) => number {
  if (order !== "trouble") return ORDER[order](now);
  const byName = ORDER.name(now);
  const rank = (service: Service): number => Number(isProblem(service)) * 2 + Number(isProblem(service) && service.critical);
  return (a, b) => rank(b) - rank(a) || byName(a, b);
}

function matches({ id, state, health, groups, labels }: Service, filter: string): boolean {
  const words = [id, state, health, ...groups.map((group) => `@${group}`), ...Object.entries(labels).map((pair) => pair.join("="))];
  return words.some((word) => word.toLowerCase().includes(filter));
}
