import { isCode, type Finding, type Tree } from "./tree.ts";

const TYPES_ONLY = /^src\/ports\//;

const transpiler = new Bun.Transpiler({ loader: "ts" });

/** Files of the ports that hold more than types: the transpiler erases types, so that nothing may be left of them. */
export function checkTypesOnly(tree: Tree): Finding[] {
  const findings: Finding[] = [];
  for (const [path, text] of tree) {
    if (!TYPES_ONLY.test(path) || !isCode(path)) continue;
    const names = transpiler.scan(text).exports;
    const what = names.length > 0 ? `exports ${names.join(", ")}` : "holds code";
    if (transpiler.transformSync(text).trim() !== "") findings.push({ path, line: 0, message: `${what}: ports hold types only` });
  }
  return findings;
}
