import { importsOf } from "./imports.ts";
import { isCode, type Finding, type Tree } from "./tree.ts";

/**
 * Groups of files under src/ that import each other, directly or over other files. Type-only and lazy imports count too: the
 * runtime does not mind them, but a reader cannot understand one file of a circle without the others.
 */
export function findCircles(tree: Tree): Finding[] {
  const imports = new Map<string, readonly string[]>();
  for (const [path, text] of tree) {
    if (path.startsWith("src/") && isCode(path)) imports.set(path, importsOf(path, text).map(({ to }) => to)); // prettier-ignore
  }
  return components(imports)
    .filter((files) => files.length > 1 || imports.get(files[0]!)!.includes(files[0]!))
    .map((files) => files.toSorted())
    .sort(([a], [b]) => (a! < b! ? -1 : 1))
    .map(([first, ...others]) => ({
      path: first!,
      line: 0,
      message: others.length === 0 ? "imports itself" : `is in a circle of imports with ${others.join(", ")}`,
    }));
}

/** The strongly connected components of a graph (Tarjan, 1972). Targets that are no key of the map are ignored. */
function components(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    lowest.set(node, order.get(node)!);
    stack.push(node);
    for (const next of edges.get(node)!) {
      if (!edges.has(next)) continue;
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) lowest.set(node, Math.min(lowest.get(node)!, lowest.get(next)!));
    }
    if (lowest.get(node) === order.get(node)) found.push(stack.splice(stack.indexOf(node)));
  };
  for (const node of edges.keys()) if (!order.has(node)) visit(node);
  return found;
}
