import { redactString, redactValue } from "../redact.ts";
import { type Path, type Source, dotted } from "./tree.ts";

/** An error or warning about a file that a user wrote. The API sends problems in the same form. */
export interface Problem {
  readonly severity: "error" | "warning";
  readonly file: string;
  /** Number of the line, counted from 1, or null if the problem concerns the whole file. */
  readonly line: number | null;
  readonly column: number | null;
  /** Dotted path of the key, or "" if the problem concerns the whole file. */
  readonly key: string;
  /** The value that caused the problem, as shortened JSON. */
  readonly value: string | null;
  readonly message: string;
  readonly hint: string | null;
}

interface Details {
  readonly severity?: Problem["severity"];
  readonly path?: Path;
  readonly value?: unknown;
  readonly message: string;
  readonly hint?: string | null | undefined;
}

export function problemAt(place: { readonly source: Source; readonly start: number }, details: Details): Problem {
  const { source, start } = place;
  return { ...fileProblem(source.path, details), ...source.position(start) };
}

/** A problem of the whole file, without a line. Secrets in the value are hidden, also where message and hint quote it. */
export function fileProblem(file: string, { severity = "error", path = [], value, message, hint = null }: Details): Problem {
  const hide = hiderOf(value, path);
  return {
    severity,
    file,
    line: null,
    column: null,
    key: dotted(path),
    value: value === undefined ? null : shortJson(redactValue(value, path)),
    message: hide(message),
    hint: hint === null ? null : hide(hint),
  };
}

function hiderOf(value: unknown, path: Path): (text: string) => string {
  if (value === undefined) return redactString;
  const shown = redactValue(value, path);
  const [before, after] = [shortJson(value), shortJson(shown)];
  if (JSON.stringify(value) === JSON.stringify(shown)) return redactString;
  const hide = (text: string, secret: string, instead: string): string =>
    text.replace(new RegExp(`(?<![\\w.])${secret.replace(/[^\w\s]/g, "\\$&")}(?![\\w.])`, "g"), () => instead);
  return (text) => {
    const quoted = hide(text, before, after);
    return redactString(typeof value === "string" && typeof shown === "string" ? hide(quoted, value, shown) : quoted);
  };
}

/**
 * Formats a problem as `file:line:column: error: key: message`, followed by the hint. If the text of the file is given, the
 * line of the problem with a caret under the column stands in between.
 */
export function formatProblem(problem: Problem, text?: string): string {
  const { file, line, column, severity, key, message, hint } = problem;
  const where = [file, line, column].filter((part) => part !== null).join(":");
  // Most messages already name their key in quotes.
  const about = key === "" || message.includes(`"${key}"`) ? "" : `${key}: `;
  const lines = [`${where}: ${severity}: ${about}${message}`];
  if (text !== undefined && line !== null && column !== null) lines.push(...excerpt(text, line, column));
  if (hint !== null) lines.push(`  hint: ${hint}`);
  return lines.join("\n");
}

/** Formats a problem as one line, for notes and lists. */
export const problemLine = (problem: Problem): string => formatProblem(problem).replace("\n  hint: ", "; ");

const EXCERPT_WIDTH = 100;

function excerpt(text: string, line: number, column: number): string[] {
  const whole = (text.replace(/^\uFEFF/, "").split("\n")[line - 1] ?? "").replace(/\r$/, "");
  const from = Math.max(0, Math.min(column - 1 - EXCERPT_WIDTH / 2, whole.length - EXCERPT_WIDTH));
  const shown = [...whole.slice(from, from + EXCERPT_WIDTH)].map((char) => (/[\p{C}\t]/u.test(char) ? " " : char)).join("");
  const gutter = `${line}`.padStart(5);
  return [`${gutter} | ${shown}`, `${" ".repeat(gutter.length)} | ${" ".repeat(Math.max(0, column - 1 - from))}^`];
}

const VALUE_LENGTH = 80;

/** Returns a value as JSON of at most 80 characters. */
export function shortJson(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > VALUE_LENGTH ? `${json.slice(0, VALUE_LENGTH - 1)}…` : json;
}
