import type { LogLineShape } from "../../api/contract/shapes.ts";
import { isCheapOnLine } from "../../base/pattern-cost.ts";

/** A whole line: the log stores a line over 16 KiB in parts, which are joined here. */
export interface Line {
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  /** More parts will follow. */
  readonly open: boolean;
}

/** Limits the length of a joined line; the rest becomes a line of its own. */
const MOST_CHARS = 2_000_000;

/** Joins the parts of long lines, separately per stream. `push` returns the line so far, and the incomplete line that it replaces. */
export class Joiner {
  readonly #open = new Map<string, Line>();

  push({ time, stream, text, full }: LogLineShape): { readonly line: Line; readonly replaces: Line | null } {
    const before = this.#open.get(stream) ?? null;
    const goesOn = before !== null && before.text.length < MOST_CHARS;
    const line: Line = goesOn ? { ...before, text: before.text + text, open: !full } : { time, stream, text, open: !full };
    if (full) this.#open.delete(stream);
    else this.#open.set(stream, line);
    return { line, replaces: goesOn ? before : null };
  }

  clear(): void {
    this.#open.clear();
  }
}

/**
 * The regular expression for a search: text matches case-insensitively anywhere in the line, `/…/` is used as a regular
 * expression. "" matches everything.
 */
export function grepOf(search: string): string {
  const text = search.trim();
  if (text.length > 2 && text.startsWith("/") && text.endsWith("/")) return text.slice(1, -1);
  // Each letter becomes a pair, because the daemon's expressions have no case-insensitive flag.
  return [...text].map(eitherCase).join("");
}

function eitherCase(char: string): string {
  const [lower, upper] = [char.toLowerCase(), char.toUpperCase()];
  if (lower !== upper && lower.length === 1 && upper.length === 1) return `[${lower}${upper}]`;
  return char.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
}

/**
 * The matches in a text as pairs of offsets. An invalid expression matches nothing, and neither does one with which the browser
 * could hang.
 */
export function findAll(text: string, grep: string): ReadonlyArray<readonly [from: number, to: number]> {
  const expression = grep === "" || text.length > MAX_SEARCHED_CHARS ? null : compile(grep);
  if (expression === null) return [];
  return [...text.matchAll(expression)]
    .filter(([found]) => found !== "")
    .map((match) => [match.index, match.index + match[0].length] as const);
}

const MAX_SEARCHED_CHARS = 4000;

let compiled: { readonly grep: string; readonly expression: RegExp | null } = { grep: "", expression: null };

function compile(grep: string): RegExp | null {
  if (compiled.grep === grep) return compiled.expression;
  let expression: RegExp | null = null;
  try {
    if (isCheapOnLine(grep)) expression = new RegExp(grep, "g");
  } catch {
    // The daemon reports what is wrong with it; here nothing is highlighted.
  }
  compiled = { grep, expression };
  return expression;
}

/** A line in the format of the log file (CRI), for the download. */
export const criLine = ({ time, stream, full, text }: LogLineShape): string =>
  time === "" ? `${text}\n` : `${time} ${stream} ${full ? "F" : "P"} ${text}\n`;
