/** The rows of a long list that are in the document. These are the visible rows and a few rows above and below them. */
export interface VisibleRows {
  readonly first: number;
  /** The index after the last row. */
  readonly end: number;
  /** The height in pixels of the rows before `first`. `total` is the height of all rows. */
  readonly before: number;
  readonly total: number;
}

/** The number of additional rows above and below the visible ones, so that fast scrolling does not show blank rows. */
const MARGIN = 8;

export function visibleRows(list: {
  readonly count: number;
  readonly rowHeight: number;
  readonly top: number;
  readonly height: number;
}): VisibleRows {
  const { count, rowHeight, top, height } = list;
  const total = count * rowHeight;
  const seen = Math.min(Math.max(0, top), Math.max(0, total - height));
  const first = Math.max(0, Math.floor(seen / rowHeight) - MARGIN);
  const end = Math.min(count, Math.ceil((seen + height) / rowHeight) + MARGIN);
  return { first, end, before: first * rowHeight, total };
}

/** Returns the scroll position that makes a row fully visible, or null if it already is. */
export function scrollTo(row: number, rowHeight: number, top: number, height: number): number | null {
  const from = row * rowHeight;
  if (from < top) return from;
  return from + rowHeight > top + height ? from + rowHeight - height : null;
}

/** Returns the row that a key moves the selection to, or null for other keys. */
export function rowAfter(key: string, row: number, count: number, page: number): number | null {
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: row + 1,
    j: row + 1,
    ArrowUp: row - 1,
    k: row - 1,
    PageDown: row + page,
    PageUp: row - page,
    Home: 0,
    End: count - 1,
  };
  const wanted = moves[key];
  return wanted === undefined || count === 0 ? null : Math.min(Math.max(0, wanted), count - 1);
}
