/** Reads the lines of a log backwards, block by block, through the current file and its rotated files, newest first. */
import { type Collected, headOf, LINE_BYTES, LineCollector, recordOf } from "../../../core/logs/whole-lines.ts";
import type { LogQuery } from "../../../ports/logs.ts";
import type { LogFiles, OpenFile } from "../files/directory.ts";
import { packedBlocks } from "../files/packed.ts";
import { LAST, matcherOf } from "./match.ts";
import { blockBorder, borderIn } from "./seek.ts";

const BLOCK_BYTES = 256 * 1024;
/** Number of records that a search examines before it checks the clock. */
const RECORDS_PER_CHECK = 256;

/** Where a record begins. */
export interface Spot {
  /** Index of the file in `LogFiles`. */
  readonly index: number;
  /** Index of the block in a compressed file; null in other files. */
  readonly block: number | null;
  /** Offset in the block or in the file. */
  readonly at: number;
  /** How many records were read before, that is, are newer. */
  readonly ordinal: number;
}

export type Found = Collected<Spot>;

/**
 * Yields matching lines, newest first. From time to time it yields null, so that the caller can pause. With `countOnly`, lines have
 * no text if the query does not look at it.
 */
export function* matching(files: LogFiles, query: LogQuery, countOnly = false): Generator<Found | null> {
  const { until, match } = matcherOf(query);
  for (const found of wholeLines(recordsBackwards(files, until), countOnly && query.grep === undefined ? headOf : recordOf)) {
    if (found === null) {
      yield null;
      continue;
    }
    const search = match(found.line);
    let step = search.next();
    for (; step.done !== true; step = search.next()) yield null;
    if (step.value === "older") return;
    if (step.value) yield found;
  }
}

interface RawRecord {
  readonly raw: Buffer;
  readonly spot: Spot;
}

/** Joins records to lines. From time to time it yields null, so that the caller can pause. */
function* wholeLines(records: Iterable<RawRecord>, parse: typeof recordOf): Generator<Found | null> {
  const collector = new LineCollector<Spot>();
  let examined = 0;
  for (const { raw, spot } of records) {
    if (++examined % RECORDS_PER_CHECK === 0) yield null;
    yield* collector.push(parse(raw), spot);
  }
  yield* collector.end();
}

function* recordsBackwards(files: LogFiles, until: string): Generator<RawRecord> {
  let ordinal = 0;
  for (const index of files.numbers.keys()) {
    const file = files.open(index);
    if (file === null) continue;
    let pieces: Buffer[] | null = null; // pieces of the current line, last piece first, or null if its end was not found yet
    let size = 0;
    let first: Spot = { index, block: null, at: 0, ordinal };
    for (const { bytes: block, block: number, from } of blocksBackwards(file, until)) {
      const spotAt = (at: number): Spot => ({ index, block: number, at: from + at, ordinal: ordinal++ });
      for (let end = block.length; end >= 0;) {
        const newline = end > 0 ? block.lastIndexOf(10, end - 1) : -1;
        const piece = block.subarray(newline + 1, end);
        const started: boolean = pieces !== null || piece.length > 0;
        if (newline >= 0) {
          if (started) yield { raw: joined(pieces, piece), spot: spotAt(newline + 1) };
          pieces = [];
          size = 0;
        } else if (started) {
          pieces = [...(pieces ?? []), piece];
          size += piece.length;
        }
        end = newline;
      }
      first = { index, block: number, at: from, ordinal };
      if (size <= LINE_BYTES) continue; // a `raw` log may contain an endless line
      yield { raw: joined(pieces, NOTHING), spot: spotAt(0) };
      pieces = null;
      size = 0;
    }
    if (pieces) {
      yield { raw: joined(pieces, NOTHING), spot: { ...first, ordinal } };
      ordinal++;
    }
  }
}

const NOTHING = Buffer.alloc(0);

const joined = (later: readonly Buffer[] | null, first: Buffer): Buffer =>
  later === null || later.length === 0 ? first : Buffer.concat([first, ...later.toReversed()]);

interface Block {
  readonly bytes: Buffer;
  readonly block: number | null;
  /** Offset of the bytes in the file, or in the block of a compressed file. */
  readonly from: number;
}

/** Yields the text of a file in blocks, last block first, without lines newer than `until`. */
function* blocksBackwards({ compressed, size, read }: OpenFile, until: string): Generator<Block> {
  if (!compressed) {
    const { high } = until === LAST ? { high: size } : borderIn(size, read, until, BLOCK_BYTES);
    for (let to = high; to > 0; to -= BLOCK_BYTES) {
      const from = Math.max(0, to - BLOCK_BYTES);
      yield { bytes: read(from, to - from), block: null, from };
    }
    return;
  }
  const blocks = packedBlocks(compressed, size, read);
  const { high, over } = until === LAST ? { high: blocks.count, over: NOTHING } : blockBorder(blocks, until);
  if (over.length > 0) yield { bytes: over, block: high, from: 0 };
  for (let index = high - 1; index >= 0; index--) yield { bytes: blocks.text(index), block: index, from: 0 };
}
