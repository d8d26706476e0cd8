import { readCode } from "./code.ts";
import { isCode, lineAt, type Finding, type Tree } from "./tree.ts";

interface Rule {
  readonly pattern: RegExp;
  readonly message: string;
  readonly in: (path: string) => boolean;
  /** Only code, without comments and strings. */
  readonly bare?: boolean;
}

const everywhere = (): boolean => true;

// Written in pieces, so that this file does not hold what it looks for.
const notes = ["TO" + "DO", "FIX" + "ME", "XX" + "X"];
const places = ["/wo" + "rk/", "\\.lib" + "rary/", "/tmp/" + "brief"];
const hosts = ["registry\\.np" + "mjs", "registry\\.yarn" + "pkg", "deb\\.deb" + "ian\\.org", "pypi\\.o" + "rg", "proxy\\.gol" + "ang"];

const RULES: readonly Rule[] = [
  {
    pattern: /(?:[:<,|&(=[]|\b(?:as|extends|satisfies))\s*any\b(?!\s*[(:])/g,
    message: "uses `any`: say what it is, or `unknown`",
    in: isCode,
    bare: true,
  },
  { pattern: new RegExp(`\\b(?:${notes.join("|")})\\b`, "g"), message: "leaves a note to self: do it, or file it", in: everywhere },
  { pattern: new RegExp(places.join("|"), "g"), message: "names a place of the workplace", in: everywhere },
  // Not the home in a line of a user database (`:/root:`), nor the virtual root of a compiled binary.
  { pattern: new RegExp("(?<![\\w$.:-]|/)/ro" + "ot\\b", "g"), message: "names the home of the machine's owner", in: everywhere },
  { pattern: new RegExp(hosts.join("|"), "gi"), message: "names a package registry's host", in: everywhere },
];

export function checkText(tree: Tree): Finding[] {
  const findings: Finding[] = [];
  for (const [path, text] of tree) {
    for (const rule of RULES) {
      if (!rule.in(path)) continue;
      const where = rule.bare ? readCode(text).bare : text;
      for (const match of where.matchAll(rule.pattern)) findings.push({ path, line: lineAt(text, match.index), message: rule.message });
    }
  }
  return findings;
}
