import { readCode } from "./code.ts";
import { roomOf } from "./rings.ts";
import { isCode, lineAt, type Finding, type Tree } from "./tree.ts";

interface Ban {
  readonly pattern: RegExp;
  readonly what: string;
  /** Looked for in string literals too, not only in code. */
  readonly inStrings?: boolean;
  readonly applies: (room: string) => boolean;
}

const PURE = new Set(["base", "spec", "convert", "core", "ports", "contract"]);
const pure = (room: string): boolean => PURE.has(room);
const notLinux = (room: string): boolean => room !== "linux";

/** A global used, not a property or a local of the same name: `Date.now()`, `new Date()`, never `row.process`. */
const global = (name: string): RegExp => new RegExp(`(?<![.\\w$])${name}\\s*[.(\\[]${SAFE[name] ?? ""}`, "g");
/** Functions of a global that are pure: they know nothing but what they are given. */
const SAFE: Readonly<Record<string, string>> = { Bun: "(?!(?:cron|YAML)\\.parse\\b)", require: '(?!"re2js"\\))' };
const call = (name: string): RegExp => new RegExp(`(?<![.\\w$])${name}\\s*\\(${SAFE[name] ?? ""}`, "g");

const BANS: readonly Ban[] = [
  ...["Date", "performance", "process", "Bun", "crypto", "globalThis", "console"].map((name) => ({
    pattern: global(name),
    what: name,
    applies: pure,
  })),
  ...["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"].map((name) => ({
    pattern: call(name),
    what: name,
    applies: pure,
  })),
  // Seen with its string: the one package that pure code may load when it is first needed.
  { pattern: call("require"), what: "require", inStrings: true, applies: pure },
  { pattern: /(?<![.\w$])Math\s*\.\s*random\b/g, what: "Math.random", applies: pure },
  { pattern: /(?<![.\w$])Bun\s*\.\s*spawn(?:Sync)?\b/g, what: "Bun.spawn", applies: notLinux },
  { pattern: /(?<![.\w$])process\s*\.\s*kill\b/g, what: "process.kill", applies: notLinux },
  { pattern: /(?<!linux)\/proc\//g, what: "/proc/", inStrings: true, applies: notLinux },
];

export function checkWords(tree: Tree): Finding[] {
  const findings: Finding[] = [];
  for (const [path, text] of tree) {
    const room = isCode(path) ? roomOf(path) : null;
    if (room === null) continue;
    const code = readCode(text);
    for (const { pattern, what, inStrings, applies } of BANS) {
      if (!applies(room)) continue;
      const where = inStrings ? code.withoutComments : code.bare;
      for (const match of where.matchAll(pattern)) {
        findings.push({ path, line: lineAt(text, match.index), message: `uses ${what}, which ${room} may not` });
      }
    }
  }
  return findings;
}
