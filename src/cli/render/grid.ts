import Table from "cli-table3";
import type { Paint } from "./paint.ts";

/**
 * Formats a table with borders. The cells must already be coloured and safe. Loading cli-table3 takes 20 ms, so commands that
 * scripts run in a loop do not use it.
 */
export function grid(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint, width: number | undefined): string {
  const table = new Table({
    head: head.map((title) => paint("bold", title)),
    // cli-table3 would check for a terminal again to decide about its own colours. An empty style disables them, because the text
    // already has ours.
    style: { head: [], border: [] },
    chars: Object.fromEntries(Object.entries(BORDER).map(([place, char]) => [place, paint("dim", char)])),
    ...(width !== undefined && lastColumnFits(head, rows, width)),
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

const BORDER = {
  top: "─",
  "top-mid": "┬",
  "top-left": "┌",
  "top-right": "┐",
  bottom: "─",
  "bottom-mid": "┴",
  "bottom-left": "└",
  "bottom-right": "┘",
  left: "│",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "│",
  "right-mid": "",
  middle: "│",
};

/** Gives the last column the rest of the terminal's width, and wraps its text. */
function lastColumnFits(head: readonly string[], rows: readonly (readonly string[])[], width: number) {
  const wide = head.map(
    (title, i) => rows.reduce((most, row) => Math.max(most, Bun.stringWidth(row[i] ?? "")), Bun.stringWidth(title)) + 2,
  );
  const others = wide.slice(0, -1).reduce((sum, column) => sum + column + 1, 1);
  const room = width - others - 1;
  if (room >= wide.at(-1)! || room < 12) return {};
  return { colWidths: [...wide.slice(0, -1), room], wordWrap: true, wrapOnWordBoundary: true };
}
