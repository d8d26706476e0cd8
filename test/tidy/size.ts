import { readCode } from "./code.ts";
import { isCode, lineAt, type Finding, type Tree } from "./tree.ts";

export const MAX_FILE_LINES = 400;
export const MAX_FUNCTION_LINES = 70;

/** A file or function may be longer where a comment in it, or in the lines just above the function, says why. */
const REASON = /\btidy: long because \S+/;
const LINES_ABOVE = 4;

export function checkSize(tree: Tree): Finding[] {
  const findings: Finding[] = [];
  for (const [path, text] of tree) {
    if (!isCode(path)) continue;
    const lines = text.trimEnd().split("\n");
    if (lines.length > MAX_FILE_LINES && !REASON.test(text)) {
      findings.push({ path, line: 0, message: `has ${lines.length} lines; ${MAX_FILE_LINES} is the limit without a stated reason` });
    }
    // The callbacks of `describe` are chapters, not functions: tests are held to the limit on files only.
    if (!path.startsWith("test/")) findings.push(...longFunctions(path, text, lines));
  }
  return findings;
}

function longFunctions(path: string, text: string, lines: readonly string[]): Finding[] {
  const findings: Finding[] = [];
  for (const { open, close } of functionBodies(readCode(text).bare)) {
    const first = lineAt(text, open);
    const length = lineAt(text, close) - first + 1;
    const around = lines.slice(Math.max(0, first - 1 - LINES_ABOVE), first - 1 + length).join("\n");
    if (length > MAX_FUNCTION_LINES && !REASON.test(around)) {
      findings.push({
        path,
        line: first,
        message: `a function of ${length} lines; ${MAX_FUNCTION_LINES} is the limit without a stated reason`,
      });
    }
  }
  return findings;
}

/** Braces that hold the body of a function, method or arrow function: what stands before them tells. */
export function functionBodies(bare: string): Array<{ open: number; close: number }> {
  const bodies: Array<{ open: number; close: number }> = [];
  const stack: number[] = [];
  for (let i = 0; i < bare.length; i++) {
    if (bare[i] === "{") stack.push(i);
    if (bare[i] !== "}") continue;
    const open = stack.pop();
    if (open !== undefined && opensFunction(bare, open)) bodies.push({ open, close: i });
  }
  return bodies;
}

function opensFunction(bare: string, open: number): boolean {
  const before = bare.slice(0, open).trimEnd();
  if (before.endsWith("=>")) return true;
  const signature = /\)(\s*:[^;{}()]*(?:\{[^{}]*\}[^;{}()]*)?)?$/.exec(before);
  if (!signature) return false;
  const opening = openingParen(before, signature.index);
  return !/\b(?:if|for|while|switch|catch|with|await)$/.test(before.slice(0, opening).trimEnd());
}

/** The `(` that belongs to the `)` at `close`. */
function openingParen(text: string, close: number): number {
  let depth = 0;
  for (let i = close; i >= 0; i--) {
    if (text[i] === ")") depth++;
    if (text[i] === "(" && --depth === 0) return i;
  }
  return 0;
}
