/** The rows of a long list that are in the document: the visible ones and a few around them. */
export interface VisibleRows {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
  /** Height in pixels of the rows before `first`, and of all rows. */
  readonly before: number;
  readonly total: number;
}

/** Extra rows beyond each edge, so that fast scrolling shows no blanks. */
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

/** The scroll position that makes a row fully visible; null if it already is. */
export function scrollTo(row: number, rowHeight: number, top: number, height: number): number | null {
  const from = row * rowHeight;
  if (from < top) return from;
  return from + rowHeight > top + height ? from + rowHeight - height : null;
}

/** The row that a key moves to; null for any other key. */
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
