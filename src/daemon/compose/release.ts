import { numberedUnit } from "../../base/names.ts";
import { canRoll } from "../../core/service/rolling-policy.ts";
import { isDown } from "../../core/unit/phase.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { Machine } from "./machine.ts";

/** Releases, after a turn, everything that the daemon holds for units that are now down or removed. */
export function releaseAfter(
  turn: Turn,
  world: World,
  { logs, sockets, notify, invocations }: Pick<Machine, "logs" | "sockets" | "notify" | "invocations">,
  caches: ReadonlyArray<{ forget(id: string): void }>,
): void {
  for (const id of turn.removed) {
    logs.close(id);
    if (world.get(id) !== undefined) continue; // the unit was added again in the meantime
    for (const cache of caches) cache.forget(id);
    invocations.forgetUnit(id);
  }
  for (const id of [...turn.changed, ...turn.removed]) {
    const spec = world.get(id)?.spec;
    if (spec !== undefined && canRoll(spec)) sockets.restoreFiles(spec.service);
    if (!isDown(world.get(id)?.unit.phase ?? "idle")) continue;
    const service = serviceOf(id, world, sockets);
    // Most services have no sockets. Looking at all units of a service in the turn of each unit takes quadratic time.
    if (sockets.has(service) && !world.onDemand.listens(service) && areDown(service, world)) sockets.release(service);
    notify.close(id);
  }
}

const areDown = (service: string, world: World): boolean =>
  world.unitsOf(service).every((unit) => isDown(world.get(unit)?.unit.phase ?? "idle"));

/** Returns the service of a unit that may be removed already. */
const serviceOf = (id: string, world: World, sockets: Machine["sockets"]): string =>
  world.get(id)?.spec.service ?? (sockets.has(id) ? id : (numberedUnit(id)?.service ?? id));
