import { closest } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { isSecretAt } from "../redact.ts";
import { type Member, type Node, Source } from "./tree.ts";

/**
 * Parses JSON (RFC 8259) with `//` and block comments, trailing commas and a byte order mark into a tree with positions. In one way
 * it is stricter than JSON.parse: a duplicate key is an error, because one of the two values would be ignored.
 *
 * The package jsonc-parser cannot replace it. The package's errors contain only a code and an offset. The offset is imprecise: a
 * missing comma is reported at the next token, and a bad escape at the start of its string. The package accepts duplicate keys,
 * `__proto__` and 1e999. It overflows the stack on deep nesting, and takes 1.6 to 2.1 times as long.
 */

export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
  readonly hint: string | null;
}

export const MAX_LENGTH = 1024 * 1024;
export const MAX_DEPTH = 64;

/** Parses a document. Returns the tree, or the syntax errors: first duplicate keys, then the error at which parsing stopped, if any. */
export function parse(source: Source): Result<Node, readonly SyntaxProblem[]> {
  if (source.text.length > MAX_LENGTH) return err([{ offset: 0, message: "the file is larger than 1 MiB", hint: null }]);
  const parser = new Parser(source);
  try {
    const node = parser.document();
    return parser.duplicates.length > 0 ? err(parser.duplicates) : ok(node);
  } catch (thrown) {
    if (thrown instanceof ParseStopped)
      return err(isIni(source.text) ? [INI] : [...parser.duplicates, concealed(thrown.problem, source.text)]);
    throw thrown;
  }
}

/** The messages about words and numbers quote them. */
const concealed = (problem: SyntaxProblem, text: string): SyntaxProblem =>
  isSecretAt(text, problem.offset) ? { ...problem, message: "this is not a JSON value", hint: "strings need double quotes" } : problem;

/** Thrown at a syntax error to leave the recursive descent; `parse` catches it. */
class ParseStopped {
  readonly problem: SyntaxProblem;
  constructor(problem: SyntaxProblem) {
    this.problem = problem;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LITERALS: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Parser {
  readonly duplicates: SyntaxProblem[] = [];
  readonly #source: Source;
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(source: Source) {
    this.#source = source;
    this.#text = source.text;
  }

  document(): Node {
    this.#skipSpace();
    if (this.#at >= this.#text.length) this.#fail("the file is empty", 'the smallest unit file is { "command": "…" }');
    const node = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail(`unexpected ${this.#here()} after the end of the document`);
    return node;
  }

  #value(): Node {
    const code = this.#text.charCodeAt(this.#at);
    if (code === QUOTE) {
      const start = this.#at;
      return { kind: "scalar", source: this.#source, start, value: this.#string() };
    }
    if (code === 0x7b || code === 0x5b) {
      if (++this.#depth > MAX_DEPTH) this.#fail(`nested deeper than ${MAX_DEPTH} levels`);
      const node = code === 0x7b ? this.#object() : this.#array();
      this.#depth--;
      return node;
    }
    if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return this.#number();
    return this.#word();
  }

  #object(): Node {
    const start = this.#at++;
    const members = new Map<string, Member>();
    for (;;) {
      this.#skipSpace();
      if (this.#text[this.#at] === "}") break;
      const key = { source: this.#source, start: this.#at };
      const name = this.#key(start);
      const earlier = members.get(name);
      if (earlier)
        this.duplicates.push({
          offset: key.start,
          message: `duplicate key "${name}", first at ${this.#place(earlier.key.start)}`,
          hint: "remove one of the two",
        });
      this.#skipSpace();
      if (this.#text[this.#at] !== ":") this.#fail(`expected ":" after the key "${name}", found ${this.#here()}`);
      this.#at++;
      this.#skipSpace();
      if (/[,}]/.test(this.#text[this.#at] ?? "")) this.#fail(`the key "${name}" has no value`);
      members.set(name, { key, value: this.#value() });
      if (!this.#comma(start, "}")) break;
    }
    this.#at++;
    return { kind: "object", source: this.#source, start, members };
  }

  #array(): Node {
    const start = this.#at++;
    const items: Node[] = [];
    for (;;) {
      this.#skipSpace();
      const next = this.#text[this.#at];
      if (next === "]") break;
      if (next === undefined || next === "}") this.#unclosed(start, "]");
      items.push(this.#value());
      if (!this.#comma(start, "]")) break;
    }
    this.#at++;
    return { kind: "array", source: this.#source, start, items };
  }

  /** Reads a comma between two items. Returns false if the closing bracket follows instead. Anything else is a syntax error. */
  #comma(opened: number, close: string): boolean {
    const end = this.#at;
    this.#skipSpace();
    const next = this.#text[this.#at];
    if (next === ",") {
      this.#at++;
      return true;
    }
    if (next === close) return false;
    if (next === undefined || next === "}" || next === "]") return this.#unclosed(opened, close);
    if (/["'{[\w-]/.test(next)) this.#fail("missing comma", `put a comma after ${this.#place(end)}`, end);
    return this.#fail(`expected "," or "${close}", found ${this.#here()}`);
  }

  #key(opened: number): string {
    const next = this.#text[this.#at];
    if (next === '"') {
      const start = this.#at;
      const name = this.#string();
      // Assigning to this key would change the object's prototype instead of adding a key.
      if (name === "__proto__") this.#fail('the key "__proto__" is not allowed', null, start);
      return name;
    }
    if (next === undefined || next === "]") return this.#unclosed(opened, "}");
    const word = /[\w$@.-]+/y;
    word.lastIndex = this.#at;
    const bare = word.exec(this.#text)?.[0];
    if (bare) this.#fail("keys need double quotes", `write "${bare}"`);
    if (next === "'") this.#fail("keys need double quotes, not single ones");
    return this.#fail(next === "," ? "unexpected comma: no key before it" : `expected a key in double quotes, found ${this.#here()}`);
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    let from = start + 1;
    let value = "";
    for (let i = from; ; i++) {
      const code = text.charCodeAt(i);
      if (code === QUOTE) {
        this.#at = i + 1;
        return value + text.slice(from, i);
      }
      if (code === BACKSLASH) {
        value += text.slice(from, i) + this.#escape(i);
        i += text[i + 1] === "u" ? 5 : 1;
        from = i + 1;
      } else if (code < 0x20 || i >= text.length) this.#badCharacter(start, i);
    }
  }

  #escape(at: number): string {
    const char = this.#text[at + 1] ?? "";
    const plain = ESCAPES[char];
    if (plain !== undefined) return plain;
    const hex = this.#text.slice(at + 2, at + 6);
    if (char === "u" && /^[0-9a-fA-F]{4}$/.test(hex)) return String.fromCharCode(Number.parseInt(hex, 16));
    if (char === "u") return this.#fail("\\u needs four hexadecimal digits", null, at);
    return this.#fail(`\\${printable(char)} is not a JSON escape`, "write a backslash as \\\\", at);
  }

  #badCharacter(start: number, at: number): never {
    const char = this.#text[at];
    if (char === undefined || char === "\n" || char === "\r")
      this.#fail("the string is not closed on its line", 'end it with ", and write a line break as \\n', start);
    if (char === "\t") this.#fail("a tab in a string must be written \\t", null, at);
    const code = char.charCodeAt(0).toString(16).padStart(4, "0");
    return this.#fail(`a control character in a string must be written \\u${code}`, null, at);
  }

  #number(): Node {
    const start = this.#at;
    const run = /[-+.\w]+/y;
    run.lastIndex = start;
    const text = run.exec(this.#text)![0];
    if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(text)) this.#fail(`"${text}" is not a JSON number`, numberHint(text));
    const value = Number(text);
    if (!Number.isFinite(value)) this.#fail(`the number ${text} is too large`);
    this.#at += text.length;
    return { kind: "scalar", source: this.#source, start, value };
  }

  #word(): Node {
    const start = this.#at;
    const run = /[\p{L}\p{N}_$./@~+-]+/uy;
    run.lastIndex = start;
    const word = run.exec(this.#text)?.[0];
    const value = word === undefined ? undefined : LITERALS.get(word);
    if (word !== undefined && value !== undefined) {
      this.#at += word.length;
      return { kind: "scalar", source: this.#source, start, value };
    }
    if (word !== undefined) return this.#unknownWord(word);
    const char = this.#text[start];
    if (char === "'" || char === "`" || char === "“") this.#fail("strings need double quotes", `write "…" instead of ${char}…${char}`);
    if (char === ",") this.#fail("unexpected comma: no value before it");
    return this.#fail(`expected a value, found ${this.#here()}`);
  }

  #unknownWord(word: string): never {
    if (/^(nan|[-+]?infinity)$/i.test(word)) this.#fail(`JSON has no ${word}`, "omit the key instead");
    if (/^[-+.]+\d/.test(word)) this.#fail(`"${word}" is not a JSON number`, numberHint(word));
    const near = { yes: "true", on: "true", no: "false", off: "false", none: "null", nil: "null", undefined: "null" }[word.toLowerCase()];
    const guess = near ?? closest(word, LITERALS.keys());
    return this.#fail(
      `unknown word ${word}`,
      guess ? `did you mean ${guess}? Strings need double quotes: "${word}"` : `strings need double quotes: "${word}"`,
    );
  }

  /** Skips white space and comments. */
  #skipSpace(): void {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) this.#at++;
      else if (code !== 0x2f) break;
      else this.#comment();
    }
    if (text[this.#at] === "#") this.#fail('unexpected "#"', "comments start with //");
  }

  #comment(): void {
    const next = this.#text[this.#at + 1];
    if (next === "/") {
      const end = this.#text.indexOf("\n", this.#at);
      this.#at = end < 0 ? this.#text.length : end + 1;
    } else if (next === "*") {
      const end = this.#text.indexOf("*/", this.#at + 2);
      if (end < 0) this.#fail("the comment is never closed", "close it with */");
      this.#at = end + 2;
    } else this.#fail('unexpected "/"', "comments are // … or /* … */");
  }

  #unclosed(opened: number, close: string): never {
    const open = this.#text[opened];
    if (this.#at >= this.#text.length)
      this.#fail(`the "${open}" opened at ${this.#place(opened)} is never closed`, `add the missing "${close}"`);
    return this.#fail(`expected "${close}" to close the "${open}" opened at ${this.#place(opened)}, found ${this.#here()}`);
  }

  #place(offset: number): string {
    const { line, column } = this.#source.position(offset);
    return `line ${line}, column ${column}`;
  }

  #here(): string {
    const point = this.#text.codePointAt(this.#at);
    return point === undefined ? "the end of the file" : `"${printable(String.fromCodePoint(point))}"`;
  }

  #fail(message: string, hint: string | null = null, offset: number = this.#at): never {
    throw new ParseStopped({ offset, message, hint });
  }
}

function numberHint(text: string): string | null {
  if (/^0\d+$/.test(text)) return `no leading zeros: write ${text.replace(/^0+(?=\d)/, "")}`;
  if (/^\+/.test(text)) return `write ${text.slice(1)}`;
  if (/^-?\./.test(text)) return `write ${text.replace(".", "0.")}`;
  if (/^-?\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) return "times are numbers of seconds, without a unit";
  return null;
}

const INI: SyntaxProblem = {
  offset: 0,
  message: "this is an INI file (supervisord or systemd?), not JSON",
  hint: '`sup import` turns such a file into a unit file; the keys are JSON: { "command": "…" }',
};

/**
 * Returns true if the text looks like an INI file. Its first line that is not a comment must be `key=value`, or a `[section]` that is
 * followed by `key=value` or another section.
 */
function isIni(text: string): boolean {
  const lines = text.split("\n", 200).map((line) => line.trim());
  const [first = "", second = ""] = lines.filter((line) => line !== "" && !/^[#;]/.test(line));
  return INI_KEY.test(first) || (INI_SECTION.test(first) && (INI_KEY.test(second) || INI_SECTION.test(second)));
}

const INI_KEY = /^[A-Za-z][\w.-]*\s*=/;
const INI_SECTION = /^\[[A-Za-z][^\]"]*\]$/;

const printable = (char: string): string =>
  /[\p{C}]/u.test(char) ? `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}` : char;
