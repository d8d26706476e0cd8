import type * as shape from "../../api/contract/shapes.ts";
import { waves } from "../../base/graph.ts";
import { stateOfService } from "../../base/service-state.ts";
import { stateOf } from "../../core/unit/phase.ts";
import { conditionOf } from "../../core/world/dependencies.ts";
import type { World } from "../../core/world/world.ts";
import { targetSpec } from "./describe.ts";

/**
 * Returns all services and their dependencies. The units of a service have the same dependencies, so each service is one node; a plain
 * unit is a service of its own. Services of the same wave start in parallel.
 */
export function dependencyGraph(world: Pick<World, "ids" | "get" | "unitsOf">): shape.Graph {
  const services = new Map<string, string[]>();
  for (const id of world.ids()) {
    const { service } = world.get(id)!.spec;
    services.set(service, [...(services.get(service) ?? []), id]);
  }
  const nodeOf = (name: string): string => (services.has(name) ? name : (world.get(name)?.spec.service ?? name));
  const dependenciesOf = (units: readonly string[]) => world.get(units[0]!)!.spec.dependencies;
  const edges = new Map([...services].map(([name, units]) => [name, dependenciesOf(units).map(({ unit }) => nodeOf(unit))]));
  const waveOf = new Map(waves(edges).flatMap((wave, index) => wave.map((name) => [name, index] as const)));
  return {
    nodes: [...services].map(([id, units]) => ({
      id,
      state: stateOfService(units.map((unit) => stateOf(world.get(unit)!.unit))),
      wave: waveOf.get(id) ?? 0,
      ...(units[0] !== id && { units }),
    })),
    edges: [...services].flatMap(([from, units]) =>
      dependenciesOf(units).map((dependency) => ({
        from,
        to: nodeOf(dependency.unit),
        condition: conditionOf(dependency, targetSpec(world, dependency.unit)),
        required: dependency.required,
      })),
    ),
  };
}
