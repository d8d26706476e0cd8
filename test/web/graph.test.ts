import { expect, test } from "bun:test";
import { layOut, NODE, stack } from "../../src/web/graph/layout.ts";

const node = (id: string, wave: number) => ({ id, wave }) as Parameters<typeof layOut>[0]["nodes"][number];
const needs = (from: string, to: string) =>
  ({ from, to, required: true, condition: "ready" }) as Parameters<typeof layOut>[0]["edges"][number];

test("each edge starts at the right of the dependency, ends at the left of the dependent, and never turns back", () => {
  const { nodes, edges } = layOut({
    nodes: [node("db", 0), node("cache", 0), node("migrate", 1), node("api", 2), node("mailer", 1), node("web", 3)],
    edges: [
      needs("migrate", "db"),
      needs("api", "migrate"),
      needs("api", "cache"),
      needs("mailer", "cache"),
      needs("web", "api"),
      needs("web", "db"),
    ],
  });
  expect(edges.length).toBe(6);
  for (const { from, to, points } of edges) {
    const [needed, needing] = [nodes.get(to)!, nodes.get(from)!];
    expect(points[0]).toEqual({ x: needed.x + NODE.width / 2, y: needed.y });
    expect(points.at(-1)).toEqual({ x: needing.x - NODE.width / 2, y: needing.y });
    const across = points.map(({ x }) => x);
    expect(across).toEqual(across.toSorted((a, b) => a - b));
  }
});

test("on a narrow screen each node has a row of its own, below its dependencies, and edges lead down and to the right", () => {
  const chain = [node("web", 2), node("alone", 0), node("db", 0), node("api", 1)];
  const { width, nodes, edges } = stack({ nodes: chain, edges: [needs("api", "db"), needs("web", "api"), needs("web", "db")] });
  expect([...nodes].toSorted(([, a], [, b]) => a.y - b.y).map(([id]) => id)).toEqual(["db", "api", "web", "alone"]);
  expect(new Set([...nodes.values()].map(({ y }) => y)).size).toBe(4);
  expect(width).toBeLessThan(390 - 40);
  for (const { from, to, points } of edges) {
    expect(points[0]!.y).toBe(nodes.get(to)!.y);
    expect(points.at(-1)).toEqual({ x: nodes.get(from)!.x - NODE.width / 2, y: nodes.get(from)!.y });
    expect(points[0]!.x).toBeLessThan(points.at(-1)!.x);
  }
});
