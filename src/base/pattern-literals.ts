/**
 * Returns strings of which every text that the regular expression matches contains at least one, or null if none are found. To
 * look for strings in a large text is much quicker than to match an expression. Only plain ASCII characters count.
 */
export function requiredLiterals(source: string): readonly string[] | null {
  const longest = alternatives(source).map((runs) => runs.reduce((best, run) => (run.length > best.length ? run : best), ""));
  return longest.every((literal) => literal.length >= MIN_LENGTH) ? longest : null;
}

/** A shorter string occurs in too many lines to be of use. */
const MIN_LENGTH = 2;

/** For each alternative at the top level, the runs of characters that a match must contain. */
function alternatives(source: string): string[][] {
  const found: string[][] = [[]];
  let run = "";
  const endRun = (): void => {
    found.at(-1)!.push(run);
    run = "";
  };
  for (let at = 0; at < source.length;) {
    const char = source[at]!;
    if (char === "|") {
      endRun();
      found.push([]);
      at++;
    } else if (char === "*" || char === "?" || char === "{") {
      run = run.slice(0, -1); // the character before may be absent
      endRun();
      at = char === "{" ? afterClosing(source, at, "}") : at + 1;
    } else if (char === "[" || char === "(") {
      endRun();
      at = char === "[" ? afterClass(source, at) : afterGroup(source, at);
    } else if (char === "\\" && /[!-/:-@[-`{-~]/.test(source[at + 1] ?? "")) {
      run += source[at + 1]!;
      at += 2;
    } else if (char === "\\") {
      endRun();
      at = afterEscape(source, at);
    } else {
      if (/[ -~]/.test(char) && !/[.^$+)\]}]/.test(char)) run += char;
      else endRun();
      at++;
    }
  }
  endRun();
  return found;
}

const afterClosing = (source: string, at: number, closing: string): number => {
  const end = source.indexOf(closing, at);
  return end < 0 ? source.length : end + 1;
};

/** `\d`, and the longer forms `\p{L}`, `\x41`, `\u0041`, `\cA` and `\k<name>`. */
function afterEscape(source: string, at: number): number {
  const escape = /\\(?:[pPu]\{[^}]*\}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|c[A-Za-z]|k<[^>]*>|\d+|[^])/y;
  escape.lastIndex = at;
  return at + (escape.exec(source)?.[0].length ?? 1);
}

function afterClass(source: string, at: number): number {
  for (at++; at < source.length && source[at] !== "]"; at++) if (source[at] === "\\") at++;
  return at + 1;
}

function afterGroup(source: string, at: number): number {
  let depth = 0;
  while (at < source.length) {
    const char = source[at];
    if (char === "[") at = afterClass(source, at);
    else if (char === "\\") at += 2;
    else {
      if (char === "(") depth++;
      if (char === ")" && --depth === 0) return at + 1;
      at++;
    }
  }
  return at;
}
