import type { Turn, World, WorldEvent } from "../../core/world/world.ts";
import type { Held, SocketHolder } from "./socket-holder.ts";
import type { Interpreter } from "./interpreter.ts";

export interface ConnectionWatchOptions {
  readonly world: Pick<World, "get" | "onDemand" | "services" | "unitsOf">;
  readonly sockets: Pick<SocketHolder, "of" | "watch">;
  readonly interpreter: Pick<Interpreter, "holdSockets">;
  readonly post: (...events: readonly WorldEvent[]) => void;
}

/**
 * Reports connections to services that run on demand (`instances.min` 0). It watches the listening sockets of sleeping services.
 * While such a service runs, the watch notices connections that begin and end between two samples. The daemon never accepts a
 * connection: the connection waits in the kernel for the service.
 */
export class ConnectionWatch {
  readonly #o: ConnectionWatchOptions;
  /** The watch of each service, and the sockets that it watches. */
  readonly #watches = new Map<string, { readonly held: readonly Held[]; readonly stop: () => void }>();

  constructor(options: ConnectionWatchOptions) {
    this.#o = options;
  }

  /** Called after each turn, before its effects are performed. */
  followTurn({ changed, removed }: Pick<Turn, "changed" | "removed">): void {
    for (const service of this.#watches.keys()) if (this.#o.world.unitsOf(service).length === 0) this.#end(service);
    if (changed.size === 0 && removed.size === 0) return;
    const services = new Set<string>();
    for (const id of changed) {
      const spec = this.#o.world.get(id)?.spec;
      if (spec !== undefined && (spec.scaling?.min === 0 || this.#watches.has(spec.service))) services.add(spec.service);
    }
    for (const service of services) this.#check(service);
  }

  /** Must be called after each round of samples. Reports the next connection to each service that runs. */
  expectActivity(): void {
    for (const { name } of this.#o.world.services()) if (this.#o.world.onDemand.stateOf(name) === "awake") this.#watch(name);
  }

  #check(service: string): void {
    const { world, interpreter, post } = this.#o;
    const state = world.onDemand.stateOf(service);
    if (state !== "asleep" && state !== "awake") return this.#end(service);
    if (state === "awake") return;
    const entry = world.get(world.unitsOf(service)[0]!)!;
    // The start opens the sockets again, reports why that fails, and is retried.
    if (!interpreter.holdSockets(entry.spec.id, entry.unit, entry.spec)) return post({ type: "connected", service, failed: true });
    this.#watch(service);
  }

  #watch(service: string): void {
    const { sockets, post } = this.#o;
    const held = sockets.of(service);
    if (this.#watches.get(service)?.held === held) return;
    this.#end(service);
    const stop = sockets.watch(service, () => {
      this.#watches.delete(service);
      post({ type: "connected", service });
    });
    this.#watches.set(service, { held, stop });
  }

  #end(service: string): void {
    this.#watches.get(service)?.stop();
    this.#watches.delete(service);
  }
}
