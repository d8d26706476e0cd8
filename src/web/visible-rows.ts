/** Which rows of a long list are in the document: those that are seen, and a few around them. */
export interface Window {
  readonly first: number;
  /** The one after the last. */
  readonly end: number;
  /** Pixels of the rows before and of all rows. */
  readonly before: number;
  readonly total: number;
}

/** Rows beyond each edge: a quick scroll shows no blanks. */
const MARGIN = 8;

export function windowOf(list: {
  readonly count: number;
  readonly rowHeight: number;
  readonly top: number;
  readonly height: number;
}): Window {
  const { count, rowHeight, top, height } = list;
  const total = count * rowHeight;
  const seen = Math.min(Math.max(0, top), Math.max(0, total - height));
  const first = Math.max(0, Math.floor(seen / rowHeight) - MARGIN);
  const end = Math.min(count, Math.ceil((seen + height) / rowHeight) + MARGIN);
  return { first, end, before: first * rowHeight, total };
}

/** Where to scroll so that a row is seen whole; null when it is. */
export function scrollTo(row: number, rowHeight: number, top: number, height: number): number | null {
  const from = row * rowHeight;
  if (from < top) return from;
  return from + rowHeight > top + height ? from + rowHeight - height : null;
}

/** The row that a key leads to; null for a key that leads nowhere. */
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
