/** Cuts a text to a width, or pads it with spaces. Escape sequences of colours take no room. */
export function fit(text: string, width: number): string {
  const cut = Bun.stringWidth(text) > width ? Bun.sliceAnsi(text, 0, width, { ellipsis: "…" }) : text;
  return cut + " ".repeat(Math.max(0, width - Bun.stringWidth(cut)));
}

/** The same, with the text at the right. */
export function fitRight(text: string, width: number): string {
  const cut = fit(text, width);
  return " ".repeat(cut.length - cut.trimEnd().length) + cut.trimEnd();
}

/** Breaks lines that are wider than a width, between words if `atWords` is set. */
export const wrap = (lines: readonly string[], width: number, atWords: boolean): string[] =>
  lines.flatMap((line) =>
    Bun.stringWidth(line) <= width ? [line] : Bun.wrapAnsi(line, width, { hard: true, trim: false, wordWrap: atWords }).split("\n"),
  );
