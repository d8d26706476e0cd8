import { posix } from "node:path";
import { readCode } from "./code.ts";
import { importsOf } from "./imports.ts";
import { isCode, type Finding, type Tree } from "./tree.ts";

/** Where a run begins: the executable, and the scripts that write the generated documents and the published client. */
export const ENTRIES = ["src/main.ts", "src/worker.ts", "scripts/generate.ts", "scripts/release/client.ts", "src/api/client/published.ts"];

/** Files under src/ that no entry point reaches over imports, page references and relative names in strings (workers). */
export function findDead(tree: Tree, entries: readonly string[] = ENTRIES): Finding[] {
  const [main] = entries;
  if (main === undefined || !tree.has(main)) return [{ path: main ?? "", line: 0, message: "does not exist, so nothing is reached" }];
  const reached = new Set(entries.filter((path) => tree.has(path)));
  for (const path of reached) for (const to of referencesOf(path, tree.get(path)!)) if (tree.has(to)) reached.add(to);
  return [...tree.keys()]
    .filter((path) => path.startsWith("src/") && !path.endsWith(".d.ts") && !reached.has(path))
    .map((path) => ({ path, line: 0, message: "is reached from no entry point" }));
}

function referencesOf(path: string, text: string): string[] {
  const here = (to: string): string => posix.join(posix.dirname(path), to);
  if (!isCode(path)) return [...text.matchAll(/(?:src=|href=|@import\s+|url\()["']?([^"')\s>]+)/g)].map((match) => here(match[1]!));
  const named = readCode(text).withoutComments.matchAll(/["'](\.{1,2}\/[^"'\n]+)["']/g);
  return [...importsOf(path, text).map(({ to }) => to), ...[...named].map((match) => here(match[1]!))];
}
