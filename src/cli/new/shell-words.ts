/**
 * Splits a command line as sh(1) does. Returns null if the line needs a shell, because it contains operators, redirections,
 * expansions, globs, comments or unclosed quotes.
 */
export function shellWords(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    if (char === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return null;
      word = (word ?? "") + line.slice(at + 1, end);
      at = end;
    } else if (char === '"') {
      const quoted = doubleQuoted(line, at + 1);
      if (quoted === null) return null;
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (char === "\\") {
      const next = line[++at];
      if (next === undefined) return null;
      word = (word ?? "") + (next === "\n" ? "" : next);
    } else if (char === " " || char === "\t") {
      if (word !== null) words.push(word);
      word = null;
    } else if (SPECIAL.includes(char) || (word === null && (char === "#" || char === "~"))) return null;
    else word = (word ?? "") + char;
  }
  if (word !== null) words.push(word);
  return words;
}

const SPECIAL = "|&;<>()$`*?[{\n";

/** Reads the text of a double-quoted string up to its end. Returns null if the string contains an expansion or is not closed. */
function doubleQuoted(line: string, from: number): { readonly text: string; readonly end: number } | null {
  let text = "";
  for (let at = from; at < line.length; at++) {
    const char = line[at]!;
    if (char === '"') return { text, end: at };
    if (char === "$" || char === "`") return null;
    if (char === "\\" && '"\\$`\n'.includes(line[at + 1] ?? "")) text += line[++at]!.replace("\n", "");
    else text += char;
  }
  return null;
}

/** Joins words to a command line for a shell, with quotes around the words that need them. */
export const quoteWords = (words: readonly string[]): string =>
  words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
