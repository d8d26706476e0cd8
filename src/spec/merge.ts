import type { Member, Node, ObjectNode, Path } from "./tree.ts";

/**
 * RFC 7396 (JSON Merge Patch) over trees, so that every value keeps the file it came from: objects are merged key by
 * key, null takes a key away, everything else (lists too) replaces what was there.
 */
export function merge(target: Node | undefined, patch: ObjectNode): ObjectNode {
  const onto = target?.kind === "object" ? target : undefined;
  const members = new Map<string, Member>(onto?.members);
  for (const [name, { key, value }] of patch.members) {
    if (isNull(value)) members.delete(name);
    else members.set(name, { key, value: value.kind === "object" ? merge(members.get(name)?.value, value) : value });
  }
  return { kind: "object", source: (onto ?? patch).source, start: (onto ?? patch).start, members };
}

/** The paths that a patch takes away. */
export function removals(patch: Node, path: Path = []): Path[] {
  if (patch.kind !== "object") return [];
  return [...patch.members].flatMap(([name, { value }]) => (isNull(value) ? [[...path, name]] : removals(value, [...path, name])));
}

const isNull = (node: Node): boolean => node.kind === "scalar" && node.value === null;
