/**
 * Escapes text from services and unit files. Markup needs no escaping, because the page never inserts text as markup. But control
 * characters are invisible, and bidi marks (Unicode UAX #9) reverse the rest of a line, so both are shown as escapes.
 */
export const plain = (text: string): string => (CARE.test(text) ? text.replace(ALL, escape) : text);

const CONTROLS = "\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ufeff";
const CARE = new RegExp(`[${CONTROLS}]`);
const ALL = new RegExp(`[${CONTROLS}]`, "g");

function escape(char: string): string {
  if (char === "\n") return "\\n";
  if (char === "\r") return "\\r";
  const code = char.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** Truncates a text to `max` characters. `rest` is the number of omitted characters. */
export function clip(text: string, max: number): { readonly text: string; readonly rest: number } {
  if (text.length <= max) return { text, rest: 0 };
  // Do not split a surrogate pair.
  const end = /[\ud800-\udbff]/.test(text[max - 1]!) ? max - 1 : max;
  return { text: text.slice(0, end), rest: text.length - end };
}

/** Removes the clauses that name a command of sup, because the page has a button instead. */
export function withoutCommands(text: string): string {
  const kept = text.split(/(?<=[.;])\s+/).filter((clause) => !clause.includes("`sup "));
  return kept.join(" ").replace(/;$/, ".");
}
