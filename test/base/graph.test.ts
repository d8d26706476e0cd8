import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { closure, findCycle, waves, type Edges } from "../../src/base/graph.ts";

const edges = (graph: Record<string, string[]>): Edges => new Map(Object.entries(graph));

/** Graphs of up to eight nodes, with edges to nodes that don't exist too. */
const graphs = fc
  .array(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }), { maxLength: 8 })
  .map((lists) => new Map(lists.map((list, i) => [`n${i}`, list.map((to) => `n${to}`)])));

describe("findCycle", () => {
  test("gives the path of a cycle, from a node back to it", () => {
    expect(findCycle(edges({ a: ["b"], b: ["c"], c: ["a"] }))).toEqual(["a", "b", "c", "a"]);
    expect(findCycle(edges({ x: ["a"], a: ["b"], b: ["a"] }))).toEqual(["a", "b", "a"]);
    expect(findCycle(edges({ a: ["a"] }))).toEqual(["a", "a"]);
  });

  test("null without one: a diamond is none, nor is a missing node", () => {
    expect(findCycle(edges({ a: ["b", "c"], b: ["d"], c: ["d"], d: ["gone"] }))).toBeNull();
    expect(findCycle(edges({}))).toBeNull();
  });

  test("what it gives is a path of the graph, and it finds one exactly when waves leave nodes out", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const cycle = findCycle(graph);
        expect(cycle === null).toBe(waves(graph).flat().length === graph.size);
        for (let i = 0; cycle !== null && i + 1 < cycle.length; i++) expect(graph.get(cycle[i]!)).toContain(cycle[i + 1]!);
        if (cycle !== null) expect(cycle[0]).toBe(cycle.at(-1)!);
      }),
    );
  });

  test("has no limit on the depth", () => {
    const deep = new Map(Array.from({ length: 20_000 }, (_, i) => [`n${i}`, [`n${i + 1}`]]));
    expect(findCycle(deep)).toBeNull();
    expect(findCycle(deep.set("n20000", ["n0"]))).toHaveLength(20_002);
  });
});

describe("closure", () => {
  test("everything reachable, the roots included, each once", () => {
    const graph = edges({ a: ["b", "c"], b: ["d"], c: ["d"], d: ["a"], e: [] });
    expect([...closure(["a"], (id) => graph.get(id) ?? [])]).toEqual(["a", "b", "c", "d"]);
    expect([...closure([], () => [])]).toEqual([]);
  });
});

describe("waves", () => {
  test("each node one wave after the last that it needs; missing ones don't count", () => {
    expect(waves(edges({ web: ["db", "cache"], db: ["disk"], disk: [], cache: ["gone"] }))).toEqual([["disk", "cache"], ["db"], ["web"]]);
  });

  test("a node stands after all that it needs", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const place = new Map(waves(graph).flatMap((wave, i) => wave.map((id) => [id, i] as const)));
        for (const [id, at] of place) for (const to of graph.get(id) ?? []) if (graph.has(to)) expect(place.get(to)!).toBeLessThan(at);
      }),
    );
  });
});
