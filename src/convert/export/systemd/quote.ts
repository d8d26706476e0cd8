import type { Piece } from "../text.ts";

/** Writes values in systemd's syntax (systemd.syntax(7), systemd.service(5) "command lines"). */

/** Writes one word of a command line. `$` and `%` are literal, except for variables and the instance. */
export function execWord(pieces: readonly Piece[]): string {
  const text = pieces.map((piece) => {
    if (typeof piece === "string") return escaped(piece).replaceAll("$", "$$$$");
    return piece.kind === "instance" ? "%i" : `\${${piece.name}}`;
  });
  const word = text.join("");
  return /^[\w@%+=:,./${}-]+$/.test(word) ? word : `"${word}"`;
}

/** Writes `NAME=value` for `Environment=`, where only specifiers are expanded. */
export function assignment(name: string, pieces: readonly Piece[]): string {
  const word = `${name}=${pieces.map((piece) => (typeof piece === "string" ? escaped(piece) : "%i")).join("")}`;
  return /^[\w@%+=:,./$-]+$/.test(word) ? word : `"${word}"`;
}

/** Writes a value, such as a path, from which systemd removes no quotes or escapes. Returns null if systemd cannot represent the value. */
export function plainValue(pieces: readonly Piece[]): string | null {
  const text = pieces.map((piece) => (typeof piece === "string" ? piece.replaceAll("%", "%%") : "%i")).join("");
  return text === "" || text.trim() !== text || text.endsWith("\\") || /[\p{Cc}\u2028\u2029]/u.test(text) ? null : text;
}

/** Writes a time span. */
export const seconds = (ms: number): string => (ms % 1000 === 0 ? String(ms / 1000) : `${ms}ms`);

const escaped = (text: string): string =>
  text
    .replaceAll("%", "%%")
    .replaceAll(/["\\]/g, "\\$&")
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replaceAll(/[\0-\x1f\x7f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
