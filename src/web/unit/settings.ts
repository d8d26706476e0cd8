/** One effective setting. */
export interface Setting {
  /** The path of the setting with dots, as in `sources`, for example `restart_policy.max_retries`. */
  readonly key: string;
  /** The value as JSON. */
  readonly text: string;
  readonly source: string;
}

/**
 * Flattens the settings. An object is split only if `sources` has an entry for one of its parts. A part without an entry has the
 * source of the object.
 */
export function flattenSettings(
  effective: Readonly<Record<string, unknown>>,
  sources: Readonly<Record<string, string>>,
): readonly Setting[] {
  const keys = Object.keys(sources);
  const walk = (value: unknown, key: string, source: string): Setting[] => {
    const own = sources[key] ?? source;
    const isApart = isObject(value) && keys.some((known) => known.startsWith(`${key}.`));
    if (!isApart) return [{ key, text: JSON.stringify(value), source: own }];
    return Object.entries(value).flatMap(([name, part]) => walk(part, `${key}.${name}`, own));
  };
  return Object.entries(effective).flatMap(([name, value]) => walk(value, name, "default"));
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
