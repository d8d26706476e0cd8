/** A directed graph of unit ids. The edge a → b means "a depends on b". */
export type Edges = ReadonlyMap<string, readonly string[]>;

/**
 * Returns one cycle as a path (`["a","b","a"]`), or null if the graph has none. The depth-first search uses an explicit
 * stack, so that the call stack does not limit its depth.
 */
export function findCycle(edges: Edges): string[] | null {
  const done = new Set<string>();
  for (const root of edges.keys()) {
    if (done.has(root)) continue;
    const path: string[] = [];
    const onPath = new Set<string>();
    const stack: Array<{ id: string; next: number }> = [{ id: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === 0) {
        path.push(top.id);
        onPath.add(top.id);
      }
      const to = (edges.get(top.id) ?? [])[top.next++];
      if (to === undefined) {
        stack.pop();
        path.pop();
        onPath.delete(top.id);
        done.add(top.id);
      } else if (onPath.has(to)) return [...path.slice(path.indexOf(to)), to];
      else if (!done.has(to)) stack.push({ id: to, next: 0 });
    }
  }
  return null;
}

/** Returns every node that is reachable from `roots`, including the roots, in order of discovery. */
export function closure(roots: Iterable<string>, edges: (id: string) => Iterable<string>): Set<string> {
  const seen = new Set<string>(roots);
  for (const id of seen) for (const to of edges(id)) seen.add(to); // iterating a Set includes items added meanwhile
  return seen;
}

/**
 * Groups nodes into waves. Each node is in the wave after the last of its dependencies. The result omits nodes that are part
 * of a cycle or depend on one.
 */
export function waves(edges: Edges): string[][] {
  const needed = new Map<string, number>();
  const users = new Map<string, string[]>();
  for (const [id, list] of edges) {
    const known = list.filter((to) => edges.has(to));
    needed.set(id, known.length);
    for (const to of known) users.set(to, [...(users.get(to) ?? []), id]);
  }
  const result: string[][] = [];
  let wave = [...needed].filter(([, count]) => count === 0).map(([id]) => id);
  while (wave.length > 0) {
    result.push(wave);
    const next: string[] = [];
    for (const id of wave)
      for (const user of users.get(id) ?? []) {
        needed.set(user, needed.get(user)! - 1);
        if (needed.get(user) === 0) next.push(user);
      }
    wave = next;
  }
  return result;
}
