import { EXIT } from "../../api/contract/errors.ts";
import type { Graph } from "../../api/contract/shapes.ts";
import { ok } from "../../base/result.ts";
import { stripSuffix } from "../../base/names.ts";
import { closure } from "../../base/graph.ts";
import type { Context, Run } from "../context.ts";
import { resolveIds } from "../requests/resolve-ids.ts";
import { isPattern } from "../requests/select-services.ts";
import { layOut, type Column } from "../render/columns.ts";
import { safe, safeCell } from "../render/safe.ts";
import { STATE_COLOUR } from "../render/state.ts";
import { tableOptions, type TableStyle } from "../render/status-table.ts";
import { styleOf } from "./status.ts";

type Edge = Graph["edges"][number];

export const run: Run = async (context) => {
  // The graph has the names of all units and services, so only globs and groups must be looked up.
  const isPlain = !context.args.some(isPattern);
  const named = isPlain ? ok(context.args.map(stripSuffix)) : await resolveIds(context, context.args);
  const ids = context.args.length === 0 ? null : named;
  if (ids?.ok === false) return context.fail(ids.error);
  const answer = await context.client.call("graph");
  if (!answer.ok) return context.fail(answer.error);
  const graph = answer.value;
  const nodeOf = (id: string): string => graph.nodes.find((node) => node.id === id || node.units?.includes(id))?.id ?? id;
  const chosen = ids === null ? null : [...new Set(ids.value.map(nodeOf))];
  const missing = chosen?.find((id) => !graph.nodes.some((node) => node.id === id));
  if (missing !== undefined)
    return context.fail({ code: "no-such-unit", message: `there is no unit ${missing}`, hint: "`sup list` shows all units" });
  const walk = new Walk(graph, context.options.reverse ?? false);
  const roots = chosen ?? walk.roots();
  const subgraph = walk.within(roots);
  if (context.options.json) context.json(subgraph);
  else context.out(context.options.tree ? tree(walk, roots, styleOf(context)) : table(subgraph, context));
  return EXIT.done;
};

/** Walks the dependency graph in one direction, from a unit to its dependencies or to its dependents. */
class Walk {
  readonly reverse: boolean;
  readonly #graph: Graph;
  readonly #next = new Map<string, Edge[]>();

  constructor(graph: Graph, reverse: boolean) {
    this.#graph = graph;
    this.reverse = reverse;
    for (const edge of graph.edges) {
      const from = reverse ? edge.to : edge.from;
      this.#next.set(from, [...(this.#next.get(from) ?? []), edge]);
    }
  }

  next(id: string): readonly Edge[] {
    return this.#next.get(id) ?? [];
  }

  to(edge: Edge): string {
    return this.reverse ? edge.from : edge.to;
  }

  node(id: string): Graph["nodes"][number] | undefined {
    return this.#graph.nodes.find((node) => node.id === id);
  }

  /** Returns the units without incoming edges in this direction, which are the roots of the trees. */
  roots(): string[] {
    const targets = new Set(this.#graph.edges.map((edge) => this.to(edge)));
    return this.#graph.nodes.map(({ id }) => id).filter((id) => !targets.has(id));
  }

  within(roots: readonly string[]): Graph {
    const ids = closure(roots, (id) => this.next(id).map((edge) => this.to(edge)));
    return {
      nodes: this.#graph.nodes.filter(({ id }) => ids.has(id)),
      edges: this.#graph.edges.filter(({ from, to }) => ids.has(from) && (ids.has(to) || !this.node(to))),
    };
  }
}

const COLUMNS: readonly Column[] = [{ title: "WAVE", align: "right" }, { title: "UNIT" }, { title: "STATE" }, { title: "NEEDS" }];

/** Formats the graph as a table in start order. */
function table({ nodes, edges }: Graph, context: Context): string {
  const style = styleOf(context);
  if (nodes.length === 0) return "No units.";
  const rows = nodes
    .toSorted((a, b) => a.wave - b.wave || (a.id < b.id ? -1 : 1))
    .map(({ id, state, wave }) => [
      { text: String(wave + 1) },
      { text: safeCell(id), paint: (text: string) => style.paint("bold", text) },
      { text: state, paint: (text: string) => style.paint(STATE_COLOUR[state], text) },
      {
        text: safeCell(
          edges
            .filter(({ from }) => from === id)
            .map(edgeText)
            .join(", "),
        ),
      },
    ]);
  return layOut(COLUMNS, rows, tableOptions(style)).join("\n");
}

const edgeText = ({ to, condition, required }: Edge): string => `${to} (${condition}${required ? "" : ", order only"})`;

function tree(walk: Walk, roots: readonly string[], style: TableStyle): string {
  const lines: string[] = [];
  const seen = new Set<string>();
  const name = (id: string): string => {
    const node = walk.node(id);
    const state = node === undefined ? style.paint("red", "missing") : style.paint(STATE_COLOUR[node.state], node.state);
    return `${style.paint("bold", safe(id))} ${state}`;
  };
  const descend = (id: string, indent: string): void => {
    const edges = walk.next(id);
    edges.forEach((edge, index) => {
      const to = walk.to(edge);
      const last = index === edges.length - 1;
      const isRepeated = seen.has(to) && walk.next(to).length > 0;
      const how = style.paint("dim", `(${edge.condition}${edge.required ? "" : ", order only"})${isRepeated ? " see above" : ""}`);
      lines.push(`${indent}${last ? "└─" : "├─"} ${name(to)} ${how}`);
      if (isRepeated) return;
      seen.add(to);
      descend(to, `${indent}${last ? "   " : "│  "}`);
    });
  };
  for (const root of roots) {
    lines.push(name(root));
    seen.add(root);
    descend(root, "");
  }
  return lines.length === 0 ? "No units." : lines.join("\n");
}
