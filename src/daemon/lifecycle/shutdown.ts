import { isDown, isLive } from "../../core/unit/phase.ts";
import type { World } from "../../core/world/world.ts";
import type { Parts } from "../compose/compose.ts";

/** Additional time for SIGKILL and post_stop commands, on top of the stop timeouts of all units. */
const MARGIN_MS = 15_000;

/**
 * Stops every unit, dependents first. Resolves with the ids of the units that are still up after `patienceMs`. Once `impatience`
 * resolves, all processes (including hooks) are killed in no particular order, and `onImpatient` receives the ids of the killed units.
 */
export async function shutDown(parts: Parts, impatience: Promise<void>, onImpatient: (ids: readonly string[]) => void): Promise<string[]> {
  const { world, engine, store } = parts;
  const ids = world.ids();
  const up = (): string[] => ids.filter((id) => !isDown(world.get(id)?.unit.phase ?? "idle"));
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = (): void => {
    if (up().length === 0) resolve();
  };
  const unwatch = engine.watch(check);
  const timer = setTimeout(resolve, patienceMs(world));
  engine.handle({ type: "request", action: "stop", ids, cause: "shutdown" });
  check();
  let stopKilling = (): void => {};
  void impatience.then(() => {
    stopKilling = killEverything(parts);
    onImpatient(up());
  });
  await promise;
  stopKilling();
  clearTimeout(timer);
  unwatch();
  // To the next daemon, the absence of stored state means that a unit was stopped in an orderly way. That daemon starts the enabled units.
  store.record({ memories: ids.map((id) => ({ kind: "unit", id, memory: null })) });
  return up();
}

/**
 * Kills all processes. As a result, units start their post_stop commands, which are killed, too. Returns a function that ends
 * the killing.
 */
function killEverything({ world, engine, interpreter }: Parts): () => void {
  const kill = (ids: Iterable<string>): void => {
    for (const id of ids) {
      const unit = world.get(id)?.unit;
      if (unit !== undefined && isLive(unit.phase)) interpreter.perform({ type: "kill", id, run: unit.run });
    }
  };
  const killed = new Set<string>();
  kill(world.ids());
  // Hooks are killed after the turn in which their phase begins, because an effect of that turn starts the hook.
  return engine.watch((turn) => {
    const hooks = [...turn.changed].filter((id) => world.get(id)?.unit.phase === "finishing" && !killed.has(id));
    for (const id of hooks) killed.add(id);
    if (hooks.length > 0) setImmediate(() => kill(hooks));
  });
}

/** Returns the maximum time in milliseconds to stop all units. In the worst case they stop one after the other. */
export function patienceMs(world: World): number {
  const ids = world.ids();
  return Math.max(0, ...ids.map((id) => stopMs(world.get(id)?.spec))) * ids.length + MARGIN_MS;
}

function stopMs(
  spec: { readonly stop: { readonly timeoutMs: number }; readonly postStop: ReadonlyArray<{ readonly timeoutMs: number }> } | undefined,
): number {
  if (spec === undefined) return 0;
  // The stop timeout applies once more to the processes that post_stop leaves behind.
  const sweeps = spec.postStop.length === 0 ? 1 : 2;
  return spec.postStop.reduce((sum, hook) => sum + hook.timeoutMs, sweeps * spec.stop.timeoutMs);
}
