import { isDown } from "../../core/unit/phase.ts";
import type { World } from "../../core/world/world.ts";
import type { Parts } from "../compose/compose.ts";

/** Past the longest stop timeout of all units: SIGKILL and post_stop commands need their moment too. */
const MARGIN_MS = 15_000;

/** Stops every unit, dependents first. Resolves with the ids that are still not down when all patience is used up. */
export async function shutDown({ world, engine, store }: Parts): Promise<string[]> {
  const ids = world.ids();
  const up = (): string[] => ids.filter((id) => !isDown(world.get(id)?.unit.phase ?? "idle"));
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (up().length === 0) resolve();
  };
  const unwatch = engine.watch(look);
  const timer = setTimeout(resolve, patienceMs(world));
  engine.handle({ type: "request", action: "stop", ids, cause: "shutdown" });
  look();
  await promise;
  clearTimeout(timer);
  unwatch();
  // Told by the next daemon: what is not in the memories was stopped in order, and enabled units start afresh.
  store.record({ memories: ids.map((id) => ({ kind: "unit", id, memory: null })) });
  return up();
}

/** How long stopping all units may take: each after the other at the worst. */
export function patienceMs(world: World): number {
  const ids = world.ids();
  return Math.max(0, ...ids.map((id) => stopMs(world.get(id)?.spec))) * ids.length + MARGIN_MS;
}

function stopMs(
  spec: { readonly stop: { readonly timeoutMs: number }; readonly postStop: ReadonlyArray<{ readonly timeoutMs: number }> } | undefined,
): number {
  if (spec === undefined) return 0;
  return spec.postStop.reduce((sum, hook) => sum + hook.timeoutMs, spec.stop.timeoutMs);
}
