import { unitKeys } from "../parse/draft.ts";
import { type KeyInfo, keyInfoAt } from "../parse/keys.ts";
import type { Loaded } from "./load.ts";
import type { Applies } from "../schema/meta.ts";

export interface Change {
  /** The dotted key that changed. A list counts as one value. */
  readonly key: string;
  readonly applies: Applies;
}

/** Returns the differences between two versions of a unit, including changed defaults, in the order of the reference. */
export function diffSpecs(before: Pick<Loaded, "effective">, after: Pick<Loaded, "effective">): Change[] {
  const changes: Change[] = [];
  compare(before.effective, after.effective, [], changes);
  return changes;
}

function compare(before: Values, after: Values, path: readonly string[], changes: Change[]): void {
  const names = path.length === 0 ? [...unitKeys().keys()] : [...new Set([...Object.keys(before), ...Object.keys(after)])];
  for (const name of names) {
    const [old, now] = [before[name], after[name]];
    if (equal(old, now)) continue;
    const inner = [...path, name];
    if (isValues(old) && isValues(now)) compare(old, now, inner, changes);
    else changes.push({ key: inner.join("."), applies: appliesOf(inner) });
  }
}

/** Returns when a change of the value at this path takes effect. A name inside a map (`environment`) has the metadata of the map. */
function appliesOf(path: readonly string[]): Applies {
  const info: KeyInfo | undefined = keyInfoAt(unitKeys(), path) ?? unitKeys().get(path[0]!);
  return info?.applies ?? "restart";
}

type Values = Readonly<Record<string, unknown>>;

const isValues = (value: unknown): value is Values => typeof value === "object" && value !== null && !Array.isArray(value);

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]));
  if (!isValues(a) || !isValues(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => equal(a[name], b[name]));
}
