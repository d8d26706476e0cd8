import { err, ok, type Result } from "../../base/result.ts";

/** Parses YAML 1.2 into plain data. Anchors are expanded, up to a limit, so that a small file cannot become huge. */
export function parseYaml(text: string): Result<unknown, string> {
  let parsed: unknown;
  try {
    parsed = Bun.YAML.parse(text);
  } catch (error) {
    return err((error as Error).message.replace(/^YAML Parse error: /, ""));
  }
  const count = { nodes: 0 };
  try {
    return ok(plain(parsed, 0, count));
  } catch (thrown) {
    if (thrown instanceof TooLarge) return err(thrown.message);
    throw thrown;
  }
}

class TooLarge extends Error {}

const MAX_NODES = 200_000;
const MAX_DEPTH = 50;

/** Copies the data. The limits stop the copy if an anchor contains itself, or if many anchors are nested. */
function plain(value: unknown, depth: number, count: { nodes: number }): unknown {
  if (++count.nodes > MAX_NODES) throw new TooLarge("it expands to too many values");
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) throw new TooLarge("it is nested too deeply");
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1, count));
  // An object literal would not work, because a key of the file may be `__proto__`.
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) copy[key] = plain(item, depth + 1, count);
  return copy;
}
