/** One setting that is in force. */
export interface Leaf {
  /** Dotted, as the sources name it: `restart_policy.max_retries`. */
  readonly key: string;
  /** The value as JSON. */
  readonly text: string;
  readonly source: string;
}

/**
 * The settings one by one. An object is taken apart only as far as the sources tell where its parts come from; what has no
 * source of its own has that of what it is part of.
 */
export function leavesOf(effective: Readonly<Record<string, unknown>>, sources: Readonly<Record<string, string>>): readonly Leaf[] {
  const keys = Object.keys(sources);
  const walk = (value: unknown, key: string, source: string): Leaf[] => {
    const own = sources[key] ?? source;
    const isApart = isObject(value) && keys.some((known) => known.startsWith(`${key}.`));
    if (!isApart) return [{ key, text: JSON.stringify(value), source: own }];
    return Object.entries(value).flatMap(([name, part]) => walk(part, `${key}.${name}`, own));
  };
  return Object.entries(effective).flatMap(([name, value]) => walk(value, name, "default"));
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
