import { err, ok, type Result } from "../../../base/result.ts";

/** The two ways in which supervisord uses Python's module shlex. */

/** Splits a command into words like Python's `shlex.split`, which follows the rules of a POSIX shell without expansions. */
export function splitCommand(text: string): Result<string[], string> {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (" \t\r\n".includes(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (char === "\\") {
      if (i + 1 >= text.length) return err("No escaped character");
      word = (word ?? "") + text[++i]!;
    } else if (char === "'" || char === '"') {
      const quoted = readQuoted(text, i);
      if (!quoted.ok) return quoted;
      word = (word ?? "") + quoted.value.text;
      i = quoted.value.end;
    } else word = (word ?? "") + char;
  }
  if (word !== null) words.push(word);
  return ok(words);
}

/** Reads a quoted string that starts at `start`. In double quotes, a backslash escapes only `"` and `\`. */
function readQuoted(text: string, start: number): Result<{ readonly text: string; readonly end: number }, string> {
  const quote = text[start]!;
  let value = "";
  for (let i = start + 1; i < text.length; i++) {
    const char = text[i]!;
    if (char === quote) return ok({ text: value, end: i });
    if (char === "\\" && quote === '"') {
      const next = text[++i];
      if (next === undefined) return err("No escaped character");
      value += next === '"' || next === "\\" ? next : `\\${next}`;
    } else value += char;
  }
  return err("No closing quotation");
}

/**
 * Parses `KEY=val,KEY2="val2"` like supervisord's `dict_of_key_value_pairs`, including the way in which it damages values
 * without quotes. Every character outside `WORD` is a separate token. Of each group of four tokens, only the first (the name)
 * and the third (the value) are used.
 */
export function parsePairs(text: string): Result<Map<string, string>, string> {
  const tokens = tokenize(text);
  if (!tokens.ok) return tokens;
  const pairs = new Map<string, string>();
  for (let i = 0; i < tokens.value.length; i += 4) {
    const [name, equals, value] = tokens.value.slice(i, i + 3);
    if (value === undefined || equals !== "=") return err("it is not a list of KEY=value pairs");
    pairs.set(name!, stripQuotes(value));
  }
  return ok(pairs);
}

function stripQuotes(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && `'"`.includes(text[from]!)) from++;
  while (to > from && `'"`.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

const WORD = /[A-Za-z0-9_/.+\-():]/;

/** Splits text like Python's `shlex.shlex(text)` in non-POSIX mode, which keeps quotes in tokens. */
function tokenize(text: string): Result<string[], string> {
  const tokens: string[] = [];
  let token = "";
  const flush = (): void => {
    if (token !== "") tokens.push(token);
    token = "";
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (" \t\r\n".includes(char)) flush();
    else if (char === "#") {
      const end = text.indexOf("\n", i);
      if (end < 0) break;
      i = end;
    } else if (token === "" && (char === "'" || char === '"')) {
      const end = text.indexOf(char, i + 1);
      if (end < 0) return err("No closing quotation");
      tokens.push(text.slice(i, end + 1));
      i = end;
    } else if (WORD.test(char) || (token !== "" && (char === "'" || char === '"'))) token += char;
    else {
      flush();
      tokens.push(char);
    }
  }
  flush();
  return ok(tokens);
}
