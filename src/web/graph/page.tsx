import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Graph, Service } from "../../api/contract/shapes.ts";
import { findService } from "../fold.ts";
import { plural } from "../format.ts";
import { useNarrow } from "../narrow.ts";
import { unitHref } from "../route.ts";
import { request } from "../state/api.ts";
import { SearchField } from "../components/search-field.tsx";
import { onChange, view } from "../state/live.ts";
import { toneNow } from "../state/around.ts";
import { clip } from "../text.ts";
import { blockerOf } from "../trouble.ts";
import { layOut, NODE, stack, type Placed } from "./layout.ts";
import { Waves } from "./waves.tsx";
import { useZoom } from "./zoom.ts";

/** Shows the dependency graph. Dependencies are to the left of their dependents, and nodes have the colours of their current state. */
export function GraphPage() {
  const graph = useGraph();
  const [text, setText] = useState("");
  const [apart, setApart] = useState(true);
  const isNarrow = useNarrow();
  const [drawn, setDrawn] = useState(false);
  const shown = useMemo(() => (graph === null ? null : narrow(graph, text, apart)), [graph, text, apart]);
  const placed = useMemo(() => (shown === null ? null : isNarrow ? stack(shown) : layOut(shown)), [shown, isNarrow]);
  if (graph === null || placed === null || shown === null)
    return (
      <p class="empty" role="status">
        Loading the graph…
      </p>
    );
  const waves = Math.max(0, ...graph.nodes.map(({ wave }) => wave + 1));
  return (
    <div class="graph-page">
      <h1 class="visually-hidden">Graph</h1>
      <div class="filter-bar" role="search">
        <SearchField
          placeholder="Show only what is connected to…"
          label="Show only units connected to units whose name contains this text"
          value={text}
          onChange={setText}
        />
        <label class="check">
          <input type="checkbox" checked={apart} onChange={(event) => setApart(event.currentTarget.checked)} /> Show units without
          dependencies
        </label>
        {isNarrow && (
          <button type="button" class="button small" aria-pressed={drawn} onClick={() => setDrawn(!drawn)}>
            Drawing
          </button>
        )}
        <span class="shown" role="status">
          {plural(shown.nodes.length, "unit")}, started in {plural(waves, "wave")}
        </span>
      </div>
      {isNarrow && !drawn ? <Waves graph={shown} /> : <Drawing graph={shown} placed={placed} isStack={isNarrow} />}
    </div>
  );
}

/** Loads the graph, and loads it again when dependencies change. The states of the units come from the event stream. */
function useGraph(): Graph | null {
  const [graph, setGraph] = useState<Graph | null>(null);
  const shape = [...view.value.services.values()]
    .map(({ id, dependencies }) => `${id}:${dependencies.map(({ unit }) => unit).join()}`)
    .join(" ");
  useEffect(() => {
    let gone = false;
    const load = async (): Promise<void> => {
      const answer = await request("graph");
      if (!gone && answer.ok) setGraph(answer.value);
    };
    void load();
    const stop = onChange((change) => void (change.kind === "snapshot" && load()));
    return () => {
      gone = true;
      stop();
    };
  }, [shape]);
  return graph;
}

function narrow(graph: Graph, text: string, apart: boolean): Graph {
  const word = text.trim().toLowerCase();
  let ids = new Set(graph.nodes.filter(({ id }) => id.toLowerCase().includes(word)).map(({ id }) => id));
  for (let before = -1; word !== "" && before !== ids.size;) {
    before = ids.size;
    ids = new Set([...ids, ...graph.edges.filter(({ from, to }) => ids.has(from) || ids.has(to)).flatMap(({ from, to }) => [from, to])]);
  }
  const linked = new Set(graph.edges.flatMap(({ from, to }) => [from, to]));
  const wanted = (id: string): boolean => ids.has(id) && (apart || linked.has(id));
  return { nodes: graph.nodes.filter(({ id }) => wanted(id)), edges: graph.edges.filter(({ from, to }) => wanted(from) && wanted(to)) };
}

interface DrawingProps {
  readonly graph: Graph;
  readonly placed: Placed;
  /** True if the nodes are one below the other. */
  readonly isStack: boolean;
}

function Drawing({ graph, placed, isStack }: DrawingProps) {
  const svg = useRef<SVGSVGElement>(null);
  const zoom = useZoom(svg, placed, isStack);
  return (
    <div class="graph-box">
      <div class="graph-zoom" role="group" aria-label="Zoom">
        <button type="button" class="button small" aria-label="Zoom in" onClick={zoom.closer}>
          +
        </button>
        <button type="button" class="button small" aria-label="Zoom out" onClick={zoom.farther}>
          −
        </button>
        <button type="button" class="button small" onClick={zoom.fit}>
          Fit
        </button>
      </div>
      <svg ref={svg} class="graph" role="group" aria-label="Units and their dependencies">
        <defs>
          {["arrow", "arrow-blocked"].map((id) => (
            <marker key={id} id={id} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0.5L8 4L0 7.5z" />
            </marker>
          ))}
        </defs>
        <g transform={zoom.transform}>
          {placed.edges.map(({ from, to, required, points, condition }) => {
            const blocked = blocks(to, from);
            return (
              <path
                key={`${from} ${to}`}
                class={`edge ${required ? "" : "edge-order"} ${blocked ? "edge-blocked" : ""}`}
                d={isStack ? `M${points.map(({ x, y }) => `${x} ${y}`).join("L")}` : curve(points)}
                marker-end={blocked ? "url(#arrow-blocked)" : "url(#arrow)"}
              >
                <title>{`${from} needs ${to} ${condition}${required ? "" : " (order only)"}`}</title>
              </path>
            );
          })}
          {graph.nodes.map(({ id, wave }) => {
            const place = placed.nodes.get(id);
            const service = findService(view.value.services, id);
            return place && service ? <Node key={id} service={service} wave={wave} x={place.x} y={place.y} /> : null;
          })}
        </g>
      </svg>
    </div>
  );
}

/** Returns true if `unit` waits in vain for `dependency`. */
function blocks(dependency: string, unit: string): boolean {
  const { services } = view.value;
  const service = findService(services, unit);
  const obstacle = service?.obstacles?.find((one) => one.unit === dependency);
  if (service === undefined || obstacle === undefined || blockerOf(service, services) === null) return false;
  if (obstacle.state === "failed" || obstacle.state === "fatal" || obstacle.state === null) return true;
  const other = services.get(dependency);
  return other !== undefined && blockerOf(other, services) !== null;
}

const MOST_CHARS = 19;

function Node({ service, wave, x, y }: { readonly service: Service; readonly wave: number; readonly x: number; readonly y: number }) {
  const { id, state, health, ready, wanted } = service;
  const words = wanted === undefined ? state : `${state} ${ready}/${wanted}`;
  const isUnwell = state === "running" && health !== "unknown" && health !== "healthy";
  const blocker = blockerOf(service, view.value.services);
  const shown = blocker !== null ? `blocked by ${blocker.unit}` : isUnwell ? health : words;
  return (
    <g transform={`translate(${x - NODE.width / 2} ${y - NODE.height / 2})`}>
      <a href={unitHref(id)} class={`node tone-${toneNow(service)}`}>
        <title>{`${id}: ${blocker !== null ? shown : isUnwell ? `${state}, ${health}` : state}, wave ${wave + 1}`}</title>
        <rect width={NODE.width} height={NODE.height} rx="6" />
        <rect class="node-tone" width="5" height={NODE.height} rx="2" />
        <text class="node-name" x="14" y="17">
          {id.length > MOST_CHARS ? `${id.slice(0, MOST_CHARS - 1)}…` : id}
        </text>
        <text class="node-state" x="14" y="32">
          {clip(shown, blocker === null ? 16 : 26).text}
        </text>
        {blocker === null && (
          <text class="node-wave" x={NODE.width - 8} y="32" text-anchor="end">
            wave {wave + 1}
          </text>
        )}
      </a>
    </g>
  );
}

/** Returns the SVG path of a smooth curve through the points. */
function curve(points: ReadonlyArray<{ readonly x: number; readonly y: number }>): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let path = `M${first.x} ${first.y}`;
  let last = first;
  for (const point of rest) {
    const middle = (last.x + point.x) / 2;
    path += `C${middle} ${last.y} ${middle} ${point.y} ${point.x} ${point.y}`;
    last = point;
  }
  return path;
}
