import { globMatcher, stripSuffix } from "../../base/names.ts";
import type { Service } from "../../api/contract/shapes.ts";

/** Returns true if a name, glob or @group selects the unit, as in a request to the daemon. A service selects its units. */
export function matchesPattern({ id, service, groups }: Pick<Service, "id" | "service" | "groups">, pattern: string): boolean {
  if (pattern.startsWith("@")) return groups.includes(pattern.slice(1));
  const name = stripSuffix(pattern);
  return name === service || globMatcher(name)(id);
}
