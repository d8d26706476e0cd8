import type * as shape from "../../api/contract/shapes.ts";
import { waves } from "../../base/graph.ts";
import { stateOf } from "../../core/unit/phase.ts";
import { conditionOf } from "../../core/world/dependencies.ts";
import type { World } from "../../core/world/world.ts";

/** Returns all units and their dependencies. Units of the same wave start in parallel. */
export function dependencyGraph(world: Pick<World, "ids" | "get">): shape.Graph {
  const ids = world.ids();
  const edges = new Map(ids.map((id) => [id, world.get(id)!.spec.dependencies.map((dependency) => dependency.unit)]));
  const waveOf = new Map(waves(edges).flatMap((wave, index) => wave.map((id) => [id, index] as const)));
  return {
    nodes: ids.map((id) => ({ id, state: stateOf(world.get(id)!.unit), wave: waveOf.get(id) ?? 0 })),
    edges: ids.flatMap((id) =>
      world.get(id)!.spec.dependencies.map((dependency) => ({
        from: id,
        to: dependency.unit,
        condition: conditionOf(dependency, world.get(dependency.unit)?.spec),
        required: dependency.required,
      })),
    ),
  };
}
