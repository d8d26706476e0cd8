import type { Member, Node, ObjectNode, Path } from "./tree.ts";

/**
 * Merges two JSON trees according to RFC 7396 (JSON Merge Patch). Every value in the result still knows which file it came from.
 * Objects are merged key by key, null removes a key, and everything else, including lists, replaces the old value.
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

/** Returns `over` with the keys of `base` added that `over` does not have. */
export function underlay(base: ObjectNode, over: ObjectNode): ObjectNode {
  const members = new Map<string, Member>(over.members);
  for (const [name, member] of base.members) {
    const own = members.get(name);
    if (!own) members.set(name, member);
    else if (own.value.kind === "object" && member.value.kind === "object") {
      members.set(name, { key: own.key, value: underlay(member.value, own.value) });
    }
  }
  return { ...over, members };
}

/** Returns the paths of the keys that a patch removes. */
export function removals(patch: Node, path: Path = []): Path[] {
  if (patch.kind !== "object") return [];
  return [...patch.members].flatMap(([name, { value }]) => (isNull(value) ? [[...path, name]] : removals(value, [...path, name])));
}

const isNull = (node: Node): boolean => node.kind === "scalar" && node.value === null;
