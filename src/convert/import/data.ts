/** Reads data (JSON, YAML, JavaScript literals) whose types are not guaranteed. */

export type Data = Readonly<Record<string, unknown>>;

/** Looks up a word of a file in a table. Inherited keys such as `constructor` are not found. */
export const lookUp = <T>(table: Readonly<Record<string, T>>, word: string): T | undefined =>
  Object.hasOwn(table, word) ? table[word] : undefined;

export const isMap = (value: unknown): value is Data => typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns a string for a string, number or boolean, otherwise null. */
export const asText = (value: unknown): string | null =>
  typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : null;

/** Returns a number for a number or a string of digits, otherwise null. */
export function asNumber(value: unknown): number | null {
  const number = typeof value === "string" && /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

/** Returns a boolean, or null. Also accepts the words of YAML 1.1, which many tools still read. */
export function asBoolean(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.toLowerCase() : value;
  if (word === "true" || word === "yes" || word === "on" || word === 1 || word === "1") return true;
  return word === "false" || word === "no" || word === "off" || word === 0 || word === "0" ? false : null;
}

/** Returns the strings of a list or of a single value, or null. */
export function asTexts(value: unknown): string[] | null {
  const list = (Array.isArray(value) ? value : [value]).map(asText);
  return list.every((each) => each !== null) ? (list as string[]) : null;
}

/** Reads an environment, which is an object or a list of `NAME=value`. Returns null if the value has another form. */
export function asEnvironment(value: unknown): Map<string, string> | null {
  const pairs = new Map<string, string>();
  if (Array.isArray(value)) {
    for (const item of value) {
      if (isMap(item)) for (const [name, text] of Object.entries(item)) pairs.set(name, asText(text) ?? "");
      const text = asText(item) ?? "";
      const equals = text.indexOf("=");
      if (equals > 0) pairs.set(text.slice(0, equals), text.slice(equals + 1));
    }
    return pairs;
  }
  if (!isMap(value)) return null;
  for (const [name, text] of Object.entries(value))
    if (text !== undefined) pairs.set(name, typeof text === "object" && text !== null ? JSON.stringify(text) : (asText(text) ?? ""));
  return pairs;
}
