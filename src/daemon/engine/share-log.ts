import type { World } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";

/** Lets the group of `log.group` read the log of a unit. Returns why that is not possible, or null. */
export function shareLog({ world, logs }: { readonly world: World; readonly logs: LogStore }, id: string): string | null {
  const group = world.get(id)?.spec.log.group ?? null;
  if (group !== null)
    for (const [other, { spec }] of world.entries())
      if (spec.log.group !== null && spec.log.group !== group) return groupConflict(group, other, spec.log.group);
  return logs.share(id);
}

export const groupConflict = (group: string, other: string, otherGroup: string): string =>
  `cannot let the group ${group} read the log: the unit ${other} names the group ${otherGroup}, and the log directory can belong to one group only`;
