import { posix } from "node:path";
import { readCode } from "./code.ts";

export interface Import {
  /** A path from the project's root for a relative import, else the package as it is written. */
  readonly to: string;
  readonly relative: boolean;
  readonly typeOnly: boolean;
  readonly line: number;
}

const STATEMENT = /(?:^|[;}\s])(?:import|export)\s+(type\s+(?!from\b))?([^"';]*?)\bfrom\s*["']([^"']+)["']/g;
const ALL_TYPES = /^\{(?:\s*type\s+[\w$]+(?:\s+as\s+[\w$]+)?\s*,?)+\s*\}\s*$/;

const scanners = { ts: new Bun.Transpiler({ loader: "ts" }), tsx: new Bun.Transpiler({ loader: "tsx" }) };

/** Everything a file imports. What only its types need is erased before the transpiler looks, hence the second look. */
export function importsOf(path: string, text: string): Import[] {
  const found = new Map<string, Import>();
  const add = (specifier: string, typeOnly: boolean, line: number): void => {
    const relative = specifier.startsWith(".");
    const to = relative ? posix.join(posix.dirname(path), specifier) : specifier;
    const known = found.get(to);
    if (!known || (known.typeOnly && !typeOnly)) found.set(to, { to, relative, typeOnly, line });
  };
  const code = readCode(text).withoutComments;
  for (const match of code.matchAll(STATEMENT)) {
    const line = code.slice(0, match.index + match[0].length).split("\n").length;
    add(match[3]!, match[1] !== undefined || ALL_TYPES.test(match[2]!), line);
  }
  // Side-effect imports, import() and require().
  for (const { path: specifier, kind } of scanners[path.endsWith(".tsx") ? "tsx" : "ts"].scanImports(text)) {
    if (kind !== "internal") add(specifier, false, lineOf(code, specifier));
  }
  return [...found.values()];
}

const lineOf = (text: string, word: string): number => {
  const at = text.indexOf(word);
  return at < 0 ? 0 : text.slice(0, at).split("\n").length;
};
