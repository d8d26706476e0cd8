import type { Piece } from "../text.ts";

/**
 * Writes values in supervisord's syntax. `%` starts an expansion, and a `;` or `#` after white space starts a comment, even inside
 * quotes. Line breaks cannot be written.
 */

/** Writes one word of a command, which supervisord splits like a POSIX shell. Returns null if the word has a line break. */
export function commandWord(pieces: readonly Piece[]): string | null {
  const text = pieces.map((piece) => (typeof piece === "string" ? piece.replaceAll(/["\\]/g, "\\$&") : ""));
  if (text.some(hasLineBreak)) return null;
  const word = pieces.map((piece, index) => (typeof piece === "string" ? text[index]!.replaceAll("%", "%%") : expansion(piece))).join("");
  if (/^[\w@%+=:,./()-]+$/.test(word)) return word;
  // Closing and reopening the quotes separates the white space from the comment sign.
  return `"${word.replaceAll(/(\s)(?=[;#])/g, '$1""')}"`;
}

/**
 * Writes a value for `environment=`. Its quotes have no escapes, so a value must not contain both kinds of quotes.
 * supervisord also removes all quotes at the ends of a value. Returns null if the value cannot be written.
 */
export function environmentValue(pieces: readonly Piece[]): string | null {
  const text = pieces.map((piece) => (typeof piece === "string" ? piece : "x")).join("");
  const word = plainPieces(pieces);
  if (hasLineBreak(text) || /^["']|["']$|\s[;#]/.test(text) || (text.includes('"') && text.includes("'"))) return null;
  return text.includes('"') ? `'${word}'` : `"${word}"`;
}

/** Writes a value without quotes, such as a path. Returns null if it cannot be written. */
export function plainValue(pieces: readonly Piece[]): string | null {
  const text = pieces.map((piece) => (typeof piece === "string" ? piece : "x")).join("");
  return text === "" || text.trim() !== text || hasLineBreak(text) || /(^|\s)[;#]/.test(text) ? null : plainPieces(pieces);
}

const plainPieces = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => (typeof piece === "string" ? piece.replaceAll("%", "%%") : expansion(piece))).join("");

const expansion = (piece: Exclude<Piece, string>): string => (piece.kind === "instance" ? "%(process_num)d" : `%(ENV_${piece.name})s`);

const hasLineBreak = (text: string): boolean => /[\n\r]/.test(text);
