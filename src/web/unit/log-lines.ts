import type { LogLineShape } from "../../api/contract/shapes.ts";

/** A line as a person sees one: the parts of a line over 16 KiB are put together again. */
export interface Line {
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  /** Its end is still to come. */
  readonly open: boolean;
}

/** A line that never ends would never fit: past this its rest is a line of its own. */
const MOST_CHARS = 2_000_000;

/** Puts the parts of long lines together, each stream for itself. `push` gives the line as far as it is known, and whether it replaces the last one of its stream. */
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
 * What the daemon is to look for: the text wherever it stands, in capitals or not; a regular expression as it is when it
 * stands between slashes. "" looks for nothing.
 */
export function grepOf(search: string): string {
  const text = search.trim();
  if (text.length > 2 && text.startsWith("/") && text.endsWith("/")) return text.slice(1, -1);
  // Letters as pairs: a flag for the whole expression is not in the language of the daemon.
  return [...text].map(eitherCase).join("");
}

function eitherCase(char: string): string {
  const [lower, upper] = [char.toLowerCase(), char.toUpperCase()];
  if (lower !== upper && lower.length === 1 && upper.length === 1) return `[${lower}${upper}]`;
  return char.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
}

/** The stretches of a text that were looked for, as pairs of offsets. An expression that cannot be read finds nothing. */
export function findAll(text: string, grep: string): ReadonlyArray<readonly [from: number, to: number]> {
  const expression = grep === "" ? null : compile(grep);
  if (expression === null) return [];
  return [...text.matchAll(expression)]
    .filter(([found]) => found !== "")
    .map((match) => [match.index, match.index + match[0].length] as const);
}

let compiled: { readonly grep: string; readonly expression: RegExp | null } = { grep: "", expression: null };

function compile(grep: string): RegExp | null {
  if (compiled.grep === grep) return compiled.expression;
  let expression: RegExp | null = null;
  try {
    expression = new RegExp(grep, "g");
  } catch {
    // The daemon says what is wrong with it; here nothing is marked.
  }
  compiled = { grep, expression };
  return expression;
}

/** As the file has it (CRI), for a download. */
export const criLine = ({ time, stream, full, text }: LogLineShape): string => `${time} ${stream} ${full ? "F" : "P"} ${text}\n`;
