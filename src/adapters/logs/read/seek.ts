/** Finds a time in a file by binary search. This works because timestamps never go back within a log. */
import { PART_BYTES, parseLine, PREFIX_BYTES } from "../../../core/logs/framing.ts";
import type { Blocks, ReadAt } from "../files/packed.ts";

/** Length in bytes of the longest record, including its prefix and its newline. */
const WINDOW_BYTES = PREFIX_BYTES + PART_BYTES + 1;

/**
 * A border between records. Records after `high` are newer than the given time. The record at `low`, about `step` bytes before
 * `high`, is not newer.
 */
export interface Border {
  readonly low: number;
  readonly high: number;
}

/** Finds where the records after `until` begin. If there are no timestamps (in a `raw` log), nothing counts as newer. */
export function borderIn(size: number, read: ReadAt, until: string, step: number): Border {
  if (beginsAfter(read(0, WINDOW_BYTES), until)) return { low: 0, high: 0 };
  let [low, high] = [0, size];
  while (high - low > step) {
    const middle = low + Math.floor((high - low) / 2);
    const first = firstRecord(read(middle, 2 * WINDOW_BYTES));
    if (first === null) break;
    if (first.time > until) high = middle + first.at;
    else low = middle + first.at;
  }
  return { low, high };
}

/**
 * Does the same as `borderIn`, but in whole blocks. It unpacks only the blocks that it examines. In a file that is newer
 * throughout, this is only the first.
 */
export function blockBorder(
  blocks: Blocks,
  until: string,
): Border & { /** The beginning of the block `high`, which belongs to the last line before the border. */ readonly over: Buffer } {
  let [low, high] = [0, blocks.count];
  let over: Buffer = Buffer.alloc(0);
  if (high > 0 && beginsAfter(blocks.text(0), until)) return { low: 0, high: 0, over };
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const text = blocks.text(middle);
    const first = firstRecord(text);
    if (first === null || first.time <= until) low = middle;
    else [high, over] = [middle, text.subarray(0, first.at)];
  }
  return { low, high, over };
}

/** Returns the timestamp at the start of these bytes, or null if they do not begin with a record. */
export const firstStamp = (text: Buffer): string | null => parseLine(text.toString("latin1", 0, PREFIX_BYTES))?.time ?? null;

function beginsAfter(text: Buffer, until: string): boolean {
  const time = firstStamp(text);
  return time !== null && time > until;
}

/**
 * Returns position and time of the first whole record of a window, which may begin in the middle of a line. Returns null if there
 * is none.
 */
function firstRecord(window: Buffer): { readonly at: number; readonly time: string } | null {
  for (let at = window.indexOf(10) + 1; at > 0; at = window.indexOf(10, at) + 1) {
    const time = firstStamp(window.subarray(at, at + PREFIX_BYTES));
    if (time !== null) return { at, time };
  }
  return null;
}
