import { plain } from "./text.ts";

/** A part of a log line that has one style. */
export interface Span {
  readonly text: string;
  /** The CSS class names, or "" for plain text. */
  readonly style: string;
}

/**
 * Splits a log line into spans. Converts terminal colours (ECMA-48 SGR) to class names, removes all other escape sequences, and
 * shows other control characters as escapes. Colours outside the basic sixteen are mapped to the nearest of eight, so that they
 * are legible in both themes.
 */
export function spansOf(line: string): readonly Span[] {
  if (!/[\x1b\x9b]/.test(line)) return line === "" ? [] : [{ text: plain(line), style: "" }];
  const spans: Span[] = [];
  const pen: Pen = { colour: null, back: null, bold: false, dim: false, italic: false, underline: false, inverse: false };
  let from = 0;
  const take = (to: number): void => {
    if (to <= from) return;
    const text = plain(line.slice(from, to));
    const style = styleOf(pen);
    const last = spans.at(-1);
    if (last?.style === style) spans[spans.length - 1] = { text: last.text + text, style };
    else spans.push({ text, style });
  };
  for (const match of line.matchAll(SEQUENCE)) {
    take(match.index);
    from = match.index + match[0].length;
    if (match[1] !== undefined) apply(pen, match[1]);
  }
  take(line.length);
  return spans;
}

/** Returns the text without escape sequences, for searching and copying. */
export const bare = (line: string): string => plain(line.replace(SEQUENCE, ""));

/**
 * Matches, in this order, SGR sequences (with their numbers captured), other CSI sequences, strings (OSC, DCS, …), and short
 * escapes.
 */
const SEQUENCE =
  /(?:\x1b\[|\x9b)([\d;:]*)m|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-OQ-WYZ\\`-~]/g;

interface Pen {
  colour: string | null;
  back: string | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
}

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

function apply(pen: Pen, numbers: string): void {
  const codes = numbers === "" ? [0] : numbers.split(/[;:]/).map(Number);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    if (code === 38 || code === 48) {
      const { colour, used } = extended(codes.slice(i + 1));
      if (code === 38) pen.colour = colour;
      else pen.back = colour;
      i += used;
    } else applyOne(pen, code);
  }
}

function applyOne(pen: Pen, code: number): void {
  if (code === 0)
    Object.assign(pen, { colour: null, back: null, bold: false, dim: false, italic: false, underline: false, inverse: false });
  else if (code === 1) pen.bold = true;
  else if (code === 2) pen.dim = true;
  else if (code === 3) pen.italic = true;
  else if (code === 4) pen.underline = true;
  else if (code === 7) pen.inverse = true;
  else if (code === 22) pen.bold = pen.dim = false;
  else if (code === 23) pen.italic = false;
  else if (code === 24) pen.underline = false;
  else if (code === 27) pen.inverse = false;
  else if (code === 39) pen.colour = null;
  else if (code === 49) pen.back = null;
  else if (code >= 30 && code <= 37) pen.colour = NAMES[code - 30]!;
  else if (code >= 90 && code <= 97) pen.colour = NAMES[code - 90]!;
  else if (code >= 40 && code <= 47) pen.back = NAMES[code - 40]!;
  else if (code >= 100 && code <= 107) pen.back = NAMES[code - 100]!;
}

/**
 * Parses the codes of an extended colour, which are `5;n` for a palette of 256 colours or `2;r;g;b`. `used` is the number of
 * parsed codes.
 */
function extended(codes: readonly number[]): { readonly colour: string | null; readonly used: number } {
  if (codes[0] === 5) return { colour: ofPalette(codes[1] ?? 0), used: 2 };
  if (codes[0] === 2) return { colour: nearest(codes[1] ?? 0, codes[2] ?? 0, codes[3] ?? 0), used: 4 };
  return { colour: null, used: 0 };
}

function ofPalette(index: number): string {
  if (index < 16) return NAMES[index % 8]!;
  if (index >= 232) return index < 244 ? "black" : "white";
  const cube = index - 16;
  const level = (step: number): number => (step === 0 ? 0 : 55 + step * 40);
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

/** Returns the nearest of the eight basic colours. A channel is on if it is nearly as bright as the brightest channel. */
function nearest(red: number, green: number, blue: number): string {
  const top = Math.max(red, green, blue);
  if (top < 64) return "black";
  const bit = (value: number): number => (value >= top * 0.6 ? 1 : 0);
  return NAMES[bit(red) + 2 * bit(green) + 4 * bit(blue)]!;
}

function styleOf(pen: Pen): string {
  const [colour, back] = pen.inverse ? [pen.back ?? "black", pen.colour ?? "white"] : [pen.colour, pen.back];
  return [
    colour && `fg-${colour}`,
    back && `bg-${back}`,
    pen.bold && "sgr-bold",
    pen.dim && "sgr-dim",
    pen.italic && "sgr-italic",
    pen.underline && "sgr-underline",
  ]
    .filter(Boolean)
    .join(" ");
}
