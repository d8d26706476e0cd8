/**
 * A table without borders: columns two spaces apart, each as wide as its widest cell. cli-table3 draws the tables with
 * borders, but loading it costs more than all the rest of `sup status`, so frequent commands use this one.
 */
export interface Column {
  readonly title: string;
  readonly align?: "right";
}

export interface Cell {
  readonly text: string;
  /** Applied after the padding is computed, so colours never shift a column. */
  readonly paint?: (text: string) => string;
}

/** Truncates the last column to fit `width`, unless it is undefined (no terminal). Omits columns that are empty in every row. */
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

/** Truncates to `room` columns with an ellipsis. */
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
