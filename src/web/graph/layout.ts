import dagre from "@dagrejs/dagre";
import type { Graph } from "../../api/contract/shapes.ts";

/** The positions of a graph's nodes and edges, in pixels from its top left corner. */
export interface Placed {
  readonly width: number;
  readonly height: number;
  readonly nodes: ReadonlyMap<string, Place>;
  readonly edges: ReadonlyArray<Edge & { readonly points: readonly Point[] }>;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

type Edge = Graph["edges"][number];
type Point = { readonly x: number; readonly y: number };

export const NODE = { width: 168, height: 40 } as const;
const GAP = 28;
/**
 * The maximum number of nodes for dagre, whose run time grows more than quadratically. Larger components are laid out by the
 * waves in which their units start.
 */
const MOST_FOR_DAGRE = 250;
const GRID_COLUMNS = 6;

/**
 * Lays out each connected component separately. The components are placed one below the other, the largest first. Unconnected
 * units form a grid at the end. Dependencies are to the left of their dependents, so that the start order runs from left to
 * right.
 */
export function layOut({ nodes, edges }: Graph): Placed {
  const known = new Set(nodes.map(({ id }) => id));
  const inside = edges.filter(({ from, to }) => known.has(from) && known.has(to));
  const parts = partsOf(
    nodes.map(({ id }) => id),
    inside,
  );
  const waveOf = new Map(nodes.map(({ id, wave }) => [id, wave]));
  const places = new Map<string, Place>();
  const drawn: Array<Edge & { readonly points: readonly Point[] }> = [];
  let top = 0;
  let width = 0;
  for (const ids of parts.filter((part) => part.length > 1)) {
    const members = new Set(ids);
    const own = inside.filter(({ from }) => members.has(from));
    const part = ids.length <= MOST_FOR_DAGRE ? byDagre(ids, own) : byWaves(ids, own, waveOf);
    for (const [id, { x, y }] of part.nodes) places.set(id, { x, y: y + top });
    for (const edge of part.edges) drawn.push({ ...edge, points: edge.points.map(({ x, y }) => ({ x, y: y + top })) });
    top += part.height + GAP;
    width = Math.max(width, part.width);
  }
  const single = parts.filter((part) => part.length === 1).map(([id]) => id!);
  const columns = Math.max(GRID_COLUMNS, Math.floor(width / (NODE.width + GAP)));
  for (const [index, id] of single.entries()) {
    const x = (index % columns) * (NODE.width + GAP / 2) + NODE.width / 2;
    places.set(id, { x, y: top + Math.floor(index / columns) * (NODE.height + GAP / 2) + NODE.height / 2 });
    width = Math.max(width, x + NODE.width / 2);
  }
  if (single.length > 0) top += Math.ceil(single.length / columns) * (NODE.height + GAP / 2);
  return { width, height: top, nodes: places, edges: drawn };
}

const INDENT = 22;

/**
 * Lays out the nodes one below the other for a narrow screen, each unit below its dependencies. A unit is indented by the wave in
 * which it starts, and edges lead down from the dependency and then to the right.
 */
export function stack({ nodes, edges }: Graph): Placed {
  const waveOf = new Map(nodes.map(({ id, wave }) => [id, wave]));
  const inside = edges.filter(({ from, to }) => waveOf.has(from) && waveOf.has(to));
  const places = new Map<string, Place>();
  for (const ids of partsOf([...waveOf.keys()], inside)) {
    for (const id of ids.toSorted((a, b) => waveOf.get(a)! - waveOf.get(b)!)) {
      const y = places.size * (NODE.height + GAP / 2) + NODE.height / 2;
      places.set(id, { x: waveOf.get(id)! * INDENT + NODE.width / 2, y });
    }
  }
  const drawn = inside.map((edge) => {
    const [from, to] = [places.get(edge.to)!, places.get(edge.from)!];
    const trunk = from.x - NODE.width / 2 + INDENT / 2;
    return {
      ...edge,
      points: [
        { x: trunk, y: from.y },
        { x: trunk, y: to.y },
        { x: to.x - NODE.width / 2, y: to.y },
      ],
    };
  });
  const width = Math.max(0, ...waveOf.values()) * INDENT + NODE.width;
  return { width, height: places.size * (NODE.height + GAP / 2), nodes: places, edges: drawn };
}

/** Returns the ids of each connected component, the largest component first. */
function partsOf(ids: readonly string[], edges: readonly Edge[]): readonly string[][] {
  const neighbours = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { from, to } of edges) {
    neighbours.get(from)!.push(to);
    neighbours.get(to)!.push(from);
  }
  const seen = new Set<string>();
  const parts: string[][] = [];
  for (const start of ids) {
    if (seen.has(start)) continue;
    seen.add(start);
    const part = [start];
    for (const id of part) {
      for (const next of neighbours.get(id)!) {
        if (seen.has(next)) continue;
        seen.add(next);
        part.push(next);
      }
    }
    parts.push(part);
  }
  return parts.sort((a, b) => b.length - a.length);
}

function byDagre(ids: readonly string[], edges: readonly Edge[]): Placed {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 56, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of ids) graph.setNode(id, { ...NODE });
  edges.forEach(({ from, to }, index) => graph.setEdge(to, from, {}, String(index)));
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { readonly width?: number; readonly height?: number };
  const nodes = new Map(ids.map((id) => [id, pointOf(graph.node(id))]));
  const drawn = edges.map((edge, index) => {
    const { points } = graph.edge(edge.to, edge.from, String(index)) as { points: Point[] };
    return { ...edge, points: fromSideToSide(nodes.get(edge.to)!, nodes.get(edge.from)!, points.slice(1, -1).map(pointOf)) };
  });
  return { width, height, nodes, edges: drawn };
}

/**
 * Returns the points of an edge from the right side of one node to the left side of the other. dagre would end edges anywhere
 * on a node's border, even at the top and bottom near other nodes. An edge to the next column needs no bends. A longer edge
 * keeps its bends, which lead around the nodes in between.
 */
function fromSideToSide(from: Point, to: Point, bends: readonly Point[]): readonly Point[] {
  const half = NODE.width / 2;
  return [{ x: from.x + half, y: from.y }, ...(bends.length > 1 ? bends : []), { x: to.x - half, y: to.y }];
}

const pointOf = ({ x, y }: { readonly x?: number; readonly y?: number }): Point => ({ x: x ?? 0, y: y ?? 0 });

/** Lays out the nodes with one column per start wave, and straight edges. */
function byWaves(ids: readonly string[], edges: readonly Edge[], waveOf: ReadonlyMap<string, number>): Placed {
  const rows = new Map<number, number>();
  const nodes = new Map<string, Place>();
  for (const id of ids) {
    const wave = waveOf.get(id) ?? 0;
    const row = rows.get(wave) ?? 0;
    rows.set(wave, row + 1);
    nodes.set(id, { x: wave * (NODE.width + 96) + NODE.width / 2, y: row * (NODE.height + 14) + NODE.height / 2 });
  }
  const half = NODE.width / 2;
  const drawn = edges.map((edge) => {
    const [from, to] = [nodes.get(edge.to)!, nodes.get(edge.from)!];
    return {
      ...edge,
      points: [
        { x: from.x + half, y: from.y },
        { x: to.x - half, y: to.y },
      ],
    };
  });
  const width = (Math.max(0, ...rows.keys()) + 1) * (NODE.width + 96) - 96;
  return { width, height: Math.max(0, ...rows.values()) * (NODE.height + 14), nodes, edges: drawn };
}
