import { readCode } from "../../test/tidy/code.ts";
import { lineAt } from "../../test/tidy/tree.ts";

/** One small change to one place of a file. */
export interface Mutant {
  readonly path: string;
  /** The line number, counted from 1. */
  readonly line: number;
  /** A description of the change for the report, such as "=== → !==". */
  readonly what: string;
  readonly from: number;
  readonly to: number;
  readonly replacement: string;
}

/** Returns the text of the file with the change applied. */
export const applyMutant = (text: string, { from, to, replacement }: Mutant): string => text.slice(0, from) + replacement + text.slice(to);

/**
 * Finds every place in a TypeScript file that can be mutated. The search skips comments, strings and regular expressions. It also
 * finds places within types, which `isRealChange` excludes.
 */
export function findMutants(path: string, text: string): Mutant[] {
  const { bare } = readCode(text);
  const mutants: Mutant[] = [];
  const add = (from: number, to: number, replacement: string, what?: string): void => {
    const shown = what ?? `${text.slice(from, to)} → ${replacement}`;
    mutants.push({ path, line: lineAt(text, from), what: shown, from, to, replacement });
  };
  for (const [pattern, replacements] of SWAPS)
    for (const match of bare.matchAll(pattern))
      for (const replacement of replacements) add(match.index, match.index + match[0].length, replacement);
  for (const match of bare.matchAll(NUMBER)) {
    const end = match.index + match[0].length;
    const value = Number(match[0].replaceAll("_", ""));
    add(match.index, end, String(value + 1));
    if (value > 0) add(match.index, end, String(value - 1));
  }
  for (const match of bare.matchAll(NEGATION)) add(match.index, match.index + 1, "", "! removed");
  for (const match of bare.matchAll(BRANCH)) {
    const open = match.index + match[0].length - 1;
    const close = closingParen(bare, open);
    if (close === null) continue;
    const condition = text.slice(open + 1, close);
    add(open + 1, close, `false && (${condition})`, `${match[1]} (false)`);
    if (match[1] === "if") add(open + 1, close, `true || (${condition})`, "if (true)");
  }
  for (const match of bare.matchAll(TERNARY)) {
    add(match.index, match.index + 1, "&& false ?", "? → always the second branch");
    add(match.index, match.index + 1, "|| true ?", "? → always the first branch");
  }
  return mutants.sort((a, b) => a.from - b.from);
}

/**
 * Matches an operator between blanks. The formatter puts blanks around every operator, so generics are not confused with
 * comparisons.
 */
const operator = (words: string): RegExp => new RegExp(`(?<=\\s)${words.replace(/[|*+?/]/g, "\\$&")}(?=\\s)`, "g");

const SWAPS: ReadonlyArray<readonly [RegExp, readonly string[]]> = [
  [operator("==="), ["!=="]],
  [operator("!=="), ["==="]],
  [operator("=="), ["!="]],
  [operator("!="), ["=="]],
  [operator("<"), ["<=", ">="]],
  [operator("<="), ["<", ">"]],
  [operator(">"), [">=", "<="]],
  [operator(">="), [">", "<"]],
  [operator("&&"), ["||"]],
  [operator("||"), ["&&"]],
  [operator("+"), ["-"]],
  [operator("-"), ["+"]],
  [operator("*"), ["/"]],
  [operator("/"), ["*"]],
  [operator("%"), ["*"]],
  [operator("+="), ["-="]],
  [operator("-="), ["+="]],
  [/\+\+/g, ["--"]],
  [/(?<!-)--(?!-)/g, ["++"]],
  [/(?<![\w$.])true(?![\w$:])/g, ["false"]],
  [/(?<![\w$.])false(?![\w$:])/g, ["true"]],
  [/(?<=\bMath\.)min\b/g, ["max"]],
  [/(?<=\bMath\.)max\b/g, ["min"]],
  [/(?<=\.)some(?=\()/g, ["every"]],
  [/(?<=\.)every(?=\()/g, ["some"]],
];

/** Matches a decimal integer, such as a bound, a count or an offset. */
const NUMBER = /(?<![\w$.])\d[\d_]*(?![\w$.])/g;
/** Matches a negation, but not `!=` and not the `!` that asserts a value after a name or a bracket. */
const NEGATION = /(?<![\w$)\]!])!(?=[\w$(#[])/g;
const BRANCH = /\b(if|while) \(/g;
/** Matches the `?` of a conditional expression, but not `?.`, `??` or the mark of an optional member. */
const TERNARY = /(?<=\s)\?(?=\s)/g;

function closingParen(bare: string, open: number): number | null {
  let depth = 0;
  for (let i = open; i < bare.length; i++) {
    if (bare[i] === "(") depth++;
    if (bare[i] === ")" && --depth === 0) return i;
  }
  return null;
}

/** Returns false if the changed text does not parse, or if the change is within a type, which does not change the program. */
export function isRealChange(text: string, mutant: Mutant): boolean {
  const transpiler = new Bun.Transpiler({ loader: mutant.path.endsWith("x") ? "tsx" : "ts" });
  try {
    return transpiler.transformSync(applyMutant(text, mutant)) !== transpiler.transformSync(text);
  } catch {
    return false;
  }
}

/** Returns the changed lines in the format of a diff. */
export function diffOf(text: string, mutant: Mutant): string {
  const last = lineAt(text, mutant.to);
  const before = text.split("\n").slice(mutant.line - 1, last);
  const changed = applyMutant(text, mutant);
  const after = changed.split("\n").slice(mutant.line - 1, last - text.split("\n").length + changed.split("\n").length);
  return [...before.map((line) => `- ${line.trim()}`), ...after.map((line) => `+ ${line.trim()}`)].join("\n");
}
