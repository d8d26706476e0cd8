/**
 * TypeScript with its comments, or its comments and strings, blanked out by spaces: offsets and lines stay as they are, so
 * that a plain search tells where something is. A lexer of a page, not a parser: enough for words and braces.
 */
export interface Code {
  readonly withoutComments: string;
  /** Also without the text of strings, templates and regular expressions; their quotes stay. */
  readonly bare: string;
}

interface Marks {
  readonly text: string;
  readonly keepStrings: string[];
  readonly bare: string[];
}

export function readCode(text: string): Code {
  const marks: Marks = { text, keepStrings: [...utf16(text)], bare: [...utf16(text)] };
  readUntil(marks, 0, null);
  return { withoutComments: marks.keepStrings.join(""), bare: marks.bare.join("") };
}

/** One element a code unit, so that indexes are offsets. */
const utf16 = (text: string): string[] => text.split("");

/** Reads code from `i` to the `}` that ends a template's `${`, or to the end of the text. Gives the offset after it. */
function readUntil(marks: Marks, start: number, end: "}" | null): number {
  const { text } = marks;
  let depth = 0;
  let i = start;
  while (i < text.length) {
    const char = text[i]!;
    if (char === "/" && text[i + 1] === "/") i = blankComment(marks, i, endOfLine(text, i));
    else if (char === "/" && text[i + 1] === "*") i = blankComment(marks, i, after(text, "*/", i + 2));
    else if (char === '"' || char === "'") i = blankString(marks, i, closing(text, i, char));
    else if (char === "`") i = readTemplate(marks, i);
    else if (char === "/" && startsRegex(marks, i)) i = blankString(marks, i, closingSlash(text, i));
    else {
      if (char === "{") depth++;
      if (char === "}" && depth-- === 0 && end !== null) return i + 1;
      i++;
    }
  }
  return i;
}

function readTemplate(marks: Marks, open: number): number {
  const { text } = marks;
  let i = open + 1;
  while (i < text.length && text[i] !== "`") {
    if (text[i] === "\\") i = blank(marks.bare, i, i + 2);
    else if (text[i] === "$" && text[i + 1] === "{") i = readUntil(marks, i + 2, "}");
    else i = blank(marks.bare, i, i + 1);
  }
  return i + 1;
}

/** The offset after the closing quote; a quote that its line does not close is no string (an apostrophe in JSX text). */
function closing(text: string, open: number, quote: string): number {
  for (let i = open + 1; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote) return i + 1;
  }
  return open + 1;
}

function closingSlash(text: string, open: number): number {
  let inClass = false;
  for (let i = open + 1; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "[") inClass = true;
    else if (text[i] === "]") inClass = false;
    else if (text[i] === "/" && !inClass) return i + 1;
  }
  return open + 1;
}

/** After a value a slash divides; after `<` it closes a JSX tag; else it starts a regular expression. */
function startsRegex({ bare }: Marks, at: number): boolean {
  let i = at - 1;
  while (i >= 0 && /\s/.test(bare[i]!)) i--;
  if (i < 0) return true;
  if (!/[\w$)\]}"'`<]/.test(bare[i]!)) return true;
  return /\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield)$/.test(bare.slice(Math.max(0, i - 10), i + 1).join(""));
}

function blankComment(marks: Marks, from: number, to: number): number {
  blank(marks.keepStrings, from, to);
  return blank(marks.bare, from, to);
}

const blankString = (marks: Marks, from: number, to: number): number => {
  blank(marks.bare, from + 1, to - 1);
  return to;
};

function blank(chars: string[], from: number, to: number): number {
  for (let i = from; i < to && i < chars.length; i++) if (chars[i] !== "\n") chars[i] = " ";
  return to;
}

const endOfLine = (text: string, from: number): number => {
  const at = text.indexOf("\n", from);
  return at < 0 ? text.length : at;
};

const after = (text: string, what: string, from: number): number => {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at + what.length;
};
