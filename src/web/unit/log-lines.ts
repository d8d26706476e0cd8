import type { LogLineShape } from "../../api/contract/shapes.ts";
import { isCheapOnLine } from "../../base/pattern-cost.ts";

/** A line of the log. The log stores a line over 16 KiB in parts, which are joined to one `Line`. */
export interface Line {
  /** The id of the unit in a view of several logs, and otherwise null. */
  readonly unit: string | null;
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  /** True if more parts will follow. */
  readonly open: boolean;
}

/** The maximum length of a joined line in characters. The rest becomes a separate line. */
const MOST_CHARS = 2_000_000;

/**
 * Joins the parts of long lines, separately for each stream of each unit. `push` returns the line so far, and the incomplete line that it
 * replaces, if any.
 */
export class Joiner {
  readonly #open = new Map<string, Line>();

  push({ time, stream, text, full, service_id }: LogLineShape): { readonly line: Line; readonly replaces: Line | null } {
    const unit = service_id ?? null;
    const source = sourceOf({ unit, stream });
    const before = this.#open.get(source) ?? null;
    const goesOn = before !== null && before.text.length < MOST_CHARS;
    const line: Line = goesOn ? { ...before, text: before.text + text, open: !full } : { unit, time, stream, text, open: !full };
    if (full) this.#open.delete(source);
    else this.#open.set(source, line);
    return { line, replaces: goesOn ? before : null };
  }

  clear(): void {
    this.#open.clear();
  }
}

/** Returns a string that identifies the stream of a line among the streams of all units. */
export const sourceOf = ({ unit, stream }: Pick<Line, "unit" | "stream">): string => `${unit ?? ""} ${stream}`;

/**
 * Returns the regular expression for a search. Text matches anywhere in a line, and the case does not matter. The text between
 * the slashes of `/…/` is used as a regular expression. "" matches all lines.
 */
export function grepOf(search: string): string {
  const text = search.trim();
  if (text.length > 2 && text.startsWith("/") && text.endsWith("/")) return text.slice(1, -1);
  // Each letter becomes a pair of letters in brackets, because the daemon's expressions have no flag to ignore case.
  return [...text].map(eitherCase).join("");
}

function eitherCase(char: string): string {
  const [lower, upper] = [char.toLowerCase(), char.toUpperCase()];
  if (lower !== upper && lower.length === 1 && upper.length === 1) return `[${lower}${upper}]`;
  return char.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
}

/**
 * Returns the matches in a text as pairs of offsets. There are no matches for an invalid expression, or for one that could block
 * the browser.
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
    // Nothing is highlighted. The daemon reports the error in the expression.
  }
  compiled = { grep, expression };
  return expression;
}

/** Formats a line as in the log file (CRI), for the download. A line of a view of several logs begins with its unit. */
export const criLine = ({ time, stream, full, text, service_id }: LogLineShape): string =>
  `${service_id === undefined ? "" : `${service_id} `}${time === "" ? "" : `${time} ${stream} ${full ? "F" : "P"} `}${text}\n`;
