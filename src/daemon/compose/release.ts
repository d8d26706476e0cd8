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
    if (!isDown(world.get(id)?.unit.phase ?? "idle")) continue;
    sockets.release(id);
    notify.close(id);
  }
}
