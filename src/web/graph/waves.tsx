import type { Graph } from "../../api/contract/shapes.ts";
import { Dot, StateMark } from "../components/marks.tsx";
import { findService } from "../fold.ts";
import { unitHref } from "../route.ts";
import { view } from "../state/live.ts";
import { blockerOf } from "../trouble.ts";

/** Shows the graph as a list in the order of the start, for screens that are too narrow for a drawing with readable text. */
export function Waves({ graph }: { readonly graph: Graph }) {
  const waves = Map.groupBy(graph.nodes, ({ wave }) => wave);
  const needs = Map.groupBy(graph.edges, ({ from }) => from);
  const neededBy = Map.groupBy(graph.edges, ({ to }) => to);
  return (
    <ol class="waves" aria-label="Units in the order of their start" tabIndex={0}>
      {[...waves]
        .toSorted(([a], [b]) => a - b)
        .map(([wave, nodes]) => (
          <li key={wave} class="wave">
            <h2>Wave {wave + 1}</h2>
            <ul>
              {nodes.map(({ id }) => (
                <WaveUnit
                  key={id}
                  id={id}
                  needs={needs.get(id)?.map(({ to }) => to) ?? []}
                  neededBy={neededBy.get(id)?.map(({ from }) => from) ?? []}
                />
              ))}
            </ul>
          </li>
        ))}
    </ol>
  );
}

interface Props {
  readonly id: string;
  readonly needs: readonly string[];
  readonly neededBy: readonly string[];
}

function WaveUnit({ id, needs, neededBy }: Props) {
  const service = findService(view.value.services, id);
  const blocker = service === undefined ? null : blockerOf(service, view.value.services);
  return (
    <li class="wave-unit">
      {service && <Dot service={service} />}
      <a class="unit-link" href={unitHref(id)}>
        {id}
      </a>
      {service && <StateMark service={service} />}
      {blocker !== null && <span class="mark tone-bad">blocked by {blocker.unit}</span>}
      <Names words="needs" ids={needs} />
      <Names words="needed by" ids={neededBy} />
    </li>
  );
}

const Names = ({ words, ids }: { readonly words: string; readonly ids: readonly string[] }) =>
  ids.length === 0 ? null : (
    <span class="wave-names">
      {words}{" "}
      {ids.map((id, index) => (
        <span key={id}>
          {index > 0 && ", "}
          <a href={unitHref(id)}>{id}</a>
        </span>
      ))}
    </span>
  );
