import { lookUp } from "../data.ts";
import { EXIT_NAMES } from "./exit-names.ts";

/** Converts values of systemd's types. Each function returns null for a value that is not valid. */

export function toBoolean(text: string): boolean | null {
  const word = text.toLowerCase();
  if (["1", "yes", "y", "true", "t", "on"].includes(word)) return true;
  return ["0", "no", "n", "false", "f", "off"].includes(word) ? false : null;
}

const SECONDS: Readonly<Record<string, number>> = {
  usec: 1e-6, us: 1e-6, "µs": 1e-6, "μs": 1e-6, msec: 1e-3, ms: 1e-3,
  seconds: 1, second: 1, sec: 1, s: 1, "": 1, minutes: 60, minute: 60, min: 60, m: 60,
  hours: 3600, hour: 3600, hr: 3600, h: 3600, days: 86_400, day: 86_400, d: 86_400, weeks: 604_800, week: 604_800, w: 604_800,
  months: 2_629_800, month: 2_629_800, M: 2_629_800, years: 31_557_600, year: 31_557_600, y: 31_557_600,
}; // prettier-ignore

/** Converts a time span such as `90`, `1min 30s` or `infinity` to seconds (systemd.time(7)). */
export function toSeconds(text: string): number | null {
  const compact = text.trim();
  if (compact === "infinity") return Infinity;
  if (compact === "" || compact.length > 100) return null;
  let total = 0;
  const part = /\s*(\d+(?:\.\d+)?)\s*([a-zµμA-Z]*)/y;
  while (part.lastIndex < compact.length) {
    const match = part.exec(compact);
    const factor = match ? lookUp(SECONDS, match[2]!) : undefined;
    if (!match || factor === undefined) return null;
    total += Number(match[1]) * factor;
  }
  return Math.round(total * 1e6) / 1e6;
}

/** Converts a size such as `512M` to bytes. The suffixes are powers of 1024. */
export function toBytes(text: string): number | null {
  if (text === "infinity") return Infinity;
  const match = /^(\d+(?:\.\d+)?)\s*([KMGTPE]?)B?$/i.exec(text.trim());
  return match ? Math.round(Number(match[1]) * 1024 ** " KMGTPE".indexOf((match[2] || " ").toUpperCase())) : null;
}

/** Converts an exit code or its name, such as `CONFIG` or `TEMPFAIL`. Returns null for the name of a signal. */
export const toExitCode = (text: string): number | null =>
  /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : (lookUp(EXIT_NAMES, text) ?? null);

/** `raw` is the word as the file contains it. */
export type Word = { readonly text: string; readonly raw: string };

/**
 * Splits a value into words, as systemd does for commands and variables. Quotes may surround a whole word, and C escapes are
 * resolved. Returns null if a quote is not closed.
 */
export function splitWords(text: string): Word[] | null {
  const words: Word[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text[at]!)) at++;
    if (at >= text.length) return words;
    const word = readWord(text, at);
    if (word === null) return null;
    words.push(word);
    at = word.end;
  }
}

function readWord(text: string, start: number): (Word & { readonly end: number }) | null {
  let value = "";
  let quote = "";
  let at = start;
  for (; at < text.length; at++) {
    const char = text[at]!;
    if (char === "\\") {
      const escape = readEscape(text, at);
      value += escape.text;
      at = escape.end - 1;
    } else if (char === quote) quote = "";
    else if (quote === "" && (char === '"' || char === "'")) quote = char;
    else if (quote === "" && /\s/.test(char)) break;
    else value += char;
  }
  return quote === "" ? { text: value, raw: text.slice(start, at), end: at } : null;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
  s: " ",
};

/** Reads the escape sequence at `at`. An unknown sequence keeps its backslash, as in systemd, which also warns about it. */
function readEscape(text: string, at: number): { readonly text: string; readonly end: number } {
  const next = text[at + 1] ?? "";
  const known = ESCAPES[next];
  if (known !== undefined) return { text: known, end: at + 2 };
  const numeric = /\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;
  numeric.lastIndex = at;
  const match = numeric.exec(text);
  const code = match ? Number.parseInt((match[1] ?? match[3] ?? match[4] ?? match[2])!, match[2] === undefined ? 16 : 8) : 0;
  if (match && code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff))
    return { text: String.fromCodePoint(code), end: at + match[0].length };
  return { text: next === "" ? "" : `\\${next}`, end: at + Math.max(1, 1 + next.length) };
}
