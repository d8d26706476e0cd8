import { describe, expect, test } from "bun:test";
import { TARGETS, type Exported, type Target } from "../../../src/convert/export/types.ts";
import { unitKeys } from "../../../src/spec/parse/draft.ts";
import { LATER } from "../../../src/spec/parse/later.ts";
import type { KeyInfo } from "../../../src/spec/parse/keys.ts";
import { KEY_CASES, type KeyCase } from "./every-key.ts";
import { exported, type Json } from "./exporting.ts";

/** The key for editors, and keys that are refused for now. */
const WITHOUT_CASE = new Set(["$schema", ...LATER.map(({ key }) => key)]);

test("there is a case for each key of the schema", () => {
  const cases = new Set(KEY_CASES.map(({ key }) => key));
  const missing = leaves(unitKeys()).filter((key) => !cases.has(key) && !WITHOUT_CASE.has(key));
  expect(missing).toEqual([]);
});

function leaves(keys: ReadonlyMap<string, KeyInfo>): string[] {
  return [...keys.values()].flatMap((key) => {
    // A fallback has the keys of a check again, and each limit has two values.
    if (key.map || key.name === "fallback_check" || key.path.startsWith("limits.")) return [key.path];
    const children = key.children();
    return children.size === 0 ? [key.path] : leaves(children);
  });
}

describe.each([...TARGETS])("%s", (target) => {
  test("each key is written, or the report says why not", () => {
    expect(KEY_CASES.flatMap((each) => faultOf(target, each) ?? [])).toEqual([]);
  });
});

const OTHERS: Readonly<Record<string, Json>> = {
  db: { command: "/bin/db" },
  cache: { command: "/bin/cache" },
  pool: { command: "/bin/pool", instances: 3 },
};

/** Returns what is wrong, or null. */
function faultOf(target: Target, { key, first, second }: KeyCase): string | null {
  const [one, two] = [resultOf(target, first), resultOf(target, second)];
  const problem = [...one.problems, ...two.problems][0];
  if (problem !== undefined) return `${key}: ${problem.message}`;
  const field = key.split(".").slice(0, 2).join(".");
  const entries = [one, two].map((each) => entriesOf(each, field));
  if (entries.some((each) => each.length === 0)) return `${key}: nothing in the report`;
  const all = entries.flat();
  if (all.some(({ how }) => /^\w+ has no counterpart$/.test(how))) return `${key}: no reason`;
  if (written(one) !== written(two) || all.some(({ outcome }) => outcome !== "carried")) return null;
  return `${key}: lost, although the report says: ${all.map(({ how }) => how).join("; ")}`;
}

const resultOf = (target: Target, unit: Json): Exported =>
  exported(target, { ...OTHERS, web: { command: "/bin/web", ...unit } }, { image: "registry.example/web:1" });

/** The entries about a field, or about the object that it belongs to. */
function entriesOf({ report }: Exported, field: string): Exported["report"] {
  const own = report.filter((entry) => entry.unit === "web" && (entry.field === field || entry.field.startsWith(`${field}.`)));
  return own.length > 0 ? own : report.filter((entry) => entry.unit === "web" && entry.field.split(" ")[0] === field.split(".")[0]);
}

const written = ({ files, steps }: Exported): string => JSON.stringify([files.map(({ name, text }) => [name, text]), steps]);
