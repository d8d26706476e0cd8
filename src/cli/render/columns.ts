/**
 * A table without borders. Columns are two spaces apart, and each is as wide as its widest cell. The tables with borders come
 * from cli-table3, which takes longer to load than the rest of `sup status`, so frequently used commands use this table.
 */
export interface Column {
  readonly title: string;
  readonly align?: "right";
}

export interface Cell {
  readonly text: string;
  /** Colours the text. It is called after the padding is computed, so that escape codes never shift a column. */
  readonly paint?: (text: string) => string;
}

/**
 * Formats a table as lines. Truncates the last column to fit `width`, unless `width` is undefined (no terminal). Omits columns
 * that are empty in every row.
 */
export function layOut(columns: readonly Column[], rows: readonly (readonly Cell[])[], options: LayOut): string[] {
  const shown = columns.map((_, i) => i).filter((i) => rows.some((row) => row[i]!.text !== ""));
  const widths = shown.map((i) => rows.reduce((most, row) => Math.max(most, wide(row[i]!.text)), wide(columns[i]!.title)));
  const head: Cell[] = columns.map((column) => ({ text: column.title, paint: options.head }));
  return [head, ...rows].map((row) => line(row, columns, shown, widths, options));
}

interface LayOut {
  readonly width: number | undefined;
  readonly head: (text: string) => string;
}

function line(row: readonly Cell[], columns: readonly Column[], shown: number[], widths: number[], options: LayOut): string {
  let text = "";
  let used = 0;
  shown.forEach((column, place) => {
    const last = place === shown.length - 1;
    const cell = row[column]!;
    const room = last && options.width !== undefined ? Math.max(options.width - used, 4) : Infinity;
    const cut = clip(cell.text, room);
    const gap = " ".repeat(Math.max(widths[place]! - wide(cut), 0));
    const painted = cell.paint ? cell.paint(cut) : cut;
    const right = columns[column]!.align === "right";
    text += (right ? gap + painted : last ? painted : painted + gap) + (last ? "" : "  ");
    used += widths[place]! + 2;
  });
  return text.trimEnd();
}

/** Truncates a text to `room` columns, and ends it with an ellipsis if anything was cut off. */
export function clip(text: string, room: number): string {
  if (room === Infinity || wide(text) <= room) return text;
  let kept = "";
  for (const char of text) {
    if (wide(kept + char) > room - 1) break;
    kept += char;
  }
  return `${kept}…`;
}

const ASCII = /^[ -~]*$/;
const wide = (text: string): number => (ASCII.test(text) ? text.length : Bun.stringWidth(text));
