import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { closure, findCycle, waves, type Edges } from "../../src/base/graph.ts";

const edges = (graph: Record<string, string[]>): Edges => new Map(Object.entries(graph));

/** Graphs of up to eight nodes, some with edges to nodes that do not exist. */
const graphs = fc
  .array(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }), { maxLength: 8 })
  .map((lists) => new Map(lists.map((list, i) => [`n${i}`, list.map((to) => `n${to}`)])));

describe("findCycle", () => {
  test("returns the path of a cycle, from a node back to itself", () => {
    expect(findCycle(edges({ a: ["b"], b: ["c"], c: ["a"] }))).toEqual(["a", "b", "c", "a"]);
    expect(findCycle(edges({ x: ["a"], a: ["b"], b: ["a"] }))).toEqual(["a", "b", "a"]);
    expect(findCycle(edges({ a: ["a"] }))).toEqual(["a", "a"]);
  });

  test("returns null without a cycle, also for a diamond and a missing node", () => {
    expect(findCycle(edges({ a: ["b", "c"], b: ["d"], c: ["d"], d: ["gone"] }))).toBeNull();
    expect(findCycle(edges({}))).toBeNull();
  });

  test("returns a path of the graph, exactly when waves omit nodes", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const cycle = findCycle(graph);
        expect(cycle === null).toBe(waves(graph).flat().length === graph.size);
        for (let i = 0; cycle !== null && i + 1 < cycle.length; i++) expect(graph.get(cycle[i]!)).toContain(cycle[i + 1]!);
        if (cycle !== null) expect(cycle[0]).toBe(cycle.at(-1)!);
      }),
    );
  });

  test("handles any depth", () => {
    const deep = new Map(Array.from({ length: 20_000 }, (_, i) => [`n${i}`, [`n${i + 1}`]]));
    expect(findCycle(deep)).toBeNull();
    expect(findCycle(deep.set("n20000", ["n0"]))).toHaveLength(20_002);
  });
});

describe("closure", () => {
  test("everything reachable, including the roots, each once", () => {
    const graph = edges({ a: ["b", "c"], b: ["d"], c: ["d"], d: ["a"], e: [] });
    expect([...closure(["a"], (id) => graph.get(id) ?? [])]).toEqual(["a", "b", "c", "d"]);
    expect([...closure([], () => [])]).toEqual([]);
  });
});

describe("waves", () => {
  test("each node is one wave after the last of its dependencies; missing nodes do not count", () => {
    expect(waves(edges({ web: ["db", "cache"], db: ["disk"], disk: [], cache: ["gone"] }))).toEqual([["disk", "cache"], ["db"], ["web"]]);
  });

  test("a node comes after all its dependencies", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const place = new Map(waves(graph).flatMap((wave, i) => wave.map((id) => [id, i] as const)));
        for (const [id, at] of place) for (const to of graph.get(id) ?? []) if (graph.has(to)) expect(place.get(to)!).toBeLessThan(at);
      }),
    );
  });
});
