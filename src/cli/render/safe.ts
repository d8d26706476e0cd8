/**
 * Escapes text from services and unit files for a terminal. A log line must not move the cursor, set the window title, make
 * the terminal send replies that the user's shell reads as input, or reverse the reading direction.
 *
 * Complete escape sequences (ECMA-48: CSI, OSC and the other strings, two-byte escapes) are removed, so that coloured output
 * stays readable. Other control characters except tabs are shown as `\xNN` or `\u{NNNN}`.
 */
export const safe = (text: string): string => (NEEDS_CARE.test(text) ? text.replace(CARE, show) : text);

/** Works like `safe`, but replaces each tab with a space, so that the text fits into a table cell. */
export const safeCell = (text: string): string => safe(text).replaceAll("\t", " ");

/**
 * Formats a value as JSON for a terminal or a file. Also escapes the control characters that `JSON.stringify` does not escape (C1
 * controls and bidi marks).
 */
export const safeJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replace(JSON_CARE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

// Bidi controls (Unicode UAX #9), line and paragraph separators, and the invisible byte order mark.
const MARKS = "\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ufeff";
const CONTROLS = `\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f${MARKS}`;

const CSI = "(?:\\x1b\\[|\\x9b)[0-?]*[ -/]*[@-~]";
const STRINGS = "(?:\\x1b[PX\\]^_]|[\\x90\\x98\\x9d-\\x9f])[^\\x07\\x1b\\x9c]*(?:\\x07|\\x1b\\\\|\\x9c)";
const SHORT = "\\x1b[ -/]*[0-OQ-WYZ\\\\`-~]";

const NEEDS_CARE = new RegExp(`[${CONTROLS}]`);
const CARE = new RegExp(`${CSI}|${STRINGS}|${SHORT}|[${CONTROLS}]`, "g");
const JSON_CARE = new RegExp(`[\\x7f-\\x9f${MARKS}]`, "g");

function show(found: string): string {
  if (found.length > 1) return "";
  if (found === "\n") return "\\n";
  if (found === "\r") return "\\r";
  const code = found.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
