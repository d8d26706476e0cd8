import { err, ok, type Result } from "../../base/result.ts";

/**
 * Parses dotenv files. They consist of `NAME=value` lines with an optional `export ` before the name. Lines may have `#`
 * comments, and values in 'raw' or "escaped" quotes may span several lines. Variables in values are not expanded, so that a
 * password may contain a `$`.
 */

export interface DotenvError {
  /** Number of the line, counted from 1. */
  readonly line: number;
  readonly message: string;
}

/** Returns the variables in the order of the file. If a name occurs more than once, the last line wins. */
export function parseDotenv(file: string): Result<ReadonlyMap<string, string>, DotenvError> {
  const text = file.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const variables = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const blank = match(/\s*(#[^\n]*)?(\n|$)/y, text, at);
    if (blank && blank[0] !== "") {
      at += blank[0].length;
      continue;
    }
    const start = match(/[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*/y, text, at);
    if (!start) return err({ line: lineOf(text, at), message: explain(text.slice(at, endOfLine(text, at))) });
    const value = readValue(text, at + start[0].length);
    if (!value.ok) return value;
    if (value.value.text.includes("\0"))
      return err({ line: lineOf(text, at), message: `the value of ${start[1]} contains a NUL character` });
    variables.set(start[1]!, value.value.text);
    at = value.value.end;
  }
  return ok(variables);
}

type Read = Result<{ readonly text: string; readonly end: number }, DotenvError>;

function readValue(text: string, at: number): Read {
  const quote = text[at];
  if (quote !== '"' && quote !== "'") {
    const end = endOfLine(text, at);
    // A # starts a comment only at the beginning of the value or after white space, so `a#b` is a value.
    const plain = text
      .slice(at, end)
      .replace(/(^|[ \t])#.*$/, "")
      .trimEnd();
    return ok({ text: plain, end: end + 1 });
  }
  const close = match(quote === '"' ? /"((?:[^"\\]|\\[^])*)"/y : /'([^']*)'/y, text, at);
  if (!close) return err({ line: lineOf(text, at), message: `the ${quote} is never closed` });
  const after = at + close[0].length;
  const end = endOfLine(text, after);
  const rest = text.slice(after, end).trim();
  if (rest !== "" && !rest.startsWith("#"))
    return err({ line: lineOf(text, after), message: `unexpected text after the closing ${quote}` });
  return ok({ text: quote === '"' ? unescape(close[1]!) : close[1]!, end: end + 1 });
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$", "`": "`", "\n": "" };

/** Replaces the known escape sequences. Unknown ones stay unchanged, as in the shell. */
const unescape = (text: string): string => text.replace(/\\([^])/g, (whole, char: string) => ESCAPES[char] ?? whole);

/** Never quotes the line, because it may be part of a secret, such as a key of several lines without quotes. */
const explain = (line: string): string =>
  line.includes("=")
    ? 'the text before "=" is not a variable name: use letters, digits and _, not starting with a digit'
    : "expected NAME=value";

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

const lineOf = (text: string, at: number): number => text.slice(0, at).split("\n").length;
