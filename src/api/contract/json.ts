/**
 * Finds the place where a string stops being JSON (RFC 8259), which JSON.parse does not report. Returns null if the string is
 * JSON. Line and column count from 1, in UTF-16 units.
 */
export function locateJsonError(text: string): { readonly line: number; readonly column: number } | null {
  const scanner = { text, at: 0 };
  const good = scanValue(scanner) && (skipSpace(scanner), scanner.at === text.length);
  if (good) return null;
  const before = text.slice(0, scanner.at);
  return { line: before.split("\n").length, column: scanner.at - before.lastIndexOf("\n") };
}

const STRING_OR_BRACKET = /"(?:[^"\\]|\\.)*"?|[[\]{}]/gs;

/** Returns true if objects and arrays are nested deeper than `limit`. The string need not be JSON. */
export function isDeeperThan(limit: number, text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(STRING_OR_BRACKET)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (depth > limit) return true;
  }
  return false;
}

interface Scanner {
  readonly text: string;
  /** The position of the scanner. After a rule has failed, this is the position of the error. */
  at: number;
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * Scans one value. It uses its own stack instead of recursion, because a body of a million brackets must not overflow the call
 * stack.
 */
function scanValue(scanner: Scanner): boolean {
  const open: Array<"{" | "["> = [];
  do {
    if (!scanEntry(scanner, open)) return false;
    while (open.length > 0 && take(scanner, open.at(-1) === "{" ? "}" : "]")) open.pop();
    if (open.length > 0 && !take(scanner, ",")) return false;
  } while (open.length > 0);
  return true;
}

/** Scans a key (inside an object), then either a scalar, or all opening brackets up to the first scalar or empty pair. */
function scanEntry(scanner: Scanner, open: Array<"{" | "[">): boolean {
  for (;;) {
    if (open.at(-1) === "{" && !(peek(scanner) === '"' && scanToken(scanner) && take(scanner, ":"))) return false;
    const bracket = peek(scanner);
    if (bracket !== "{" && bracket !== "[") return scanToken(scanner);
    scanner.at++;
    open.push(bracket);
    if (peek(scanner) === (bracket === "{" ? "}" : "]")) return true;
  }
}

function scanToken(scanner: Scanner): boolean {
  skipSpace(scanner);
  SCALAR.lastIndex = scanner.at;
  if (!SCALAR.test(scanner.text)) return false;
  scanner.at = SCALAR.lastIndex;
  return true;
}

function take(scanner: Scanner, char: string): boolean {
  if (peek(scanner) !== char) return false;
  scanner.at++;
  return true;
}

function peek(scanner: Scanner): string | undefined {
  skipSpace(scanner);
  return scanner.text[scanner.at];
}

function skipSpace(scanner: Scanner): void {
  SPACE.lastIndex = scanner.at;
  SPACE.test(scanner.text);
  scanner.at = SPACE.lastIndex;
}
