/** Reads a log backwards, block by block, through the current file and its rotated files, newest first. */
import type { ParsedLine } from "../../../core/logs/framing.ts";
import { LINE_BYTES, LineCollector, recordOf } from "../../../core/logs/whole-lines.ts";
import type { LogLine, LogQuery } from "../../../ports/logs.ts";
import { LogFiles, type OpenFile } from "../files/directory.ts";
import { LAST, matcherOf } from "./match.ts";
import { packedBlocks } from "../files/packed.ts";
import { blockBorder, borderIn } from "./seek.ts";
import type { SearchMemory, Turns } from "./turns.ts";

const BLOCK_BYTES = 256 * 1024;
/** Limits of a result, even if the query asks for more. */
const ANSWER_LINES = 100_000;
const ANSWER_BYTES = 64 << 20;
/** A search yields to the event loop after this many milliseconds. */
const SLICE_MS = 5;

/** Returns the newest matching lines, oldest first, at most 100,000 lines or 64 MiB. A log that does not exist has no lines. */
export function readLog(directory: string, current: string, query: LogQuery): LogLine[] {
  const files = new LogFiles(directory, current);
  try {
    return [...matching(files, query)].filter((line) => line !== null).reverse();
  } finally {
    files.close();
  }
}

/** The state that all searches share. */
export interface Searches {
  readonly turns: Turns;
  readonly memory: SearchMemory;
}

/** A line in memory takes about this many bytes more than its text. */
const LINE_OVERHEAD_BYTES = 200;

/**
 * Does the same as `readLog`, but in short slices that alternate with those of other searches. Rotation and compression continue
 * meanwhile.
 */
export async function searchLog(directory: string, current: string, query: LogQuery, { turns, memory }: Searches): Promise<LogLine[]> {
  const files = new LogFiles(directory, current);
  const found: LogLine[] = [];
  const share = memory.begin();
  const isGone = (): boolean => query.signal?.aborted === true;
  const pause = async (): Promise<void> => {
    files.hold();
    await turns.next();
  };
  try {
    if (!turns.isFree) await pause();
    if (isGone()) return [];
    let begun = performance.now();
    for (const line of matching(files, query)) {
      if (line !== null) {
        found.push(line);
        const wait = share.add(line.text.length + LINE_OVERHEAD_BYTES);
        if (wait === null) continue;
        files.hold();
        await wait;
        if (isGone()) return [];
      } else if (performance.now() - begun >= SLICE_MS) {
        await pause();
        if (isGone()) return [];
        begun = performance.now();
      }
    }
    return found.reverse();
  } finally {
    share.end();
    files.close();
  }
}

/** Number of records that a search examines before it checks the clock. */
const RECORDS_PER_CHECK = 256;

/** Yields matches, newest first. From time to time it yields null, so that the caller can pause. */
function* matching(files: LogFiles, query: LogQuery): Generator<LogLine | null> {
  const { until, match } = matcherOf(query);
  const limit = Math.min(query.lines ?? ANSWER_LINES, ANSWER_LINES);
  let count = 0;
  let bytes = 0;
  if (limit === 0) return;
  for (const line of wholeLines(linesBackwards(files, until))) {
    if (line === null) {
      yield null;
      continue;
    }
    const search = match(line);
    let step = search.next();
    for (; step.done !== true; step = search.next()) yield null;
    if (step.value === "older") return;
    if (!step.value) continue;
    yield line;
    bytes += line.text.length;
    if (++count >= limit || bytes > ANSWER_BYTES) return;
  }
}

/** Joins records to lines. From time to time it yields null, so that the caller can pause. */
function* wholeLines(records: Iterable<Buffer>): Generator<ParsedLine | null> {
  const collector = new LineCollector();
  let examined = 0;
  for (const raw of records) {
    if (++examined % RECORDS_PER_CHECK === 0) yield null;
    yield* collector.push(recordOf(raw));
  }
  yield* collector.end();
}

function* linesBackwards(files: LogFiles, until: string): Generator<Buffer> {
  for (const index of files.numbers.keys()) {
    const file = files.open(index);
    if (file === null) continue;
    let pieces: Buffer[] | null = null; // pieces of the current line, last piece first, or null if its end was not found yet
    let size = 0;
    for (const block of blocksBackwards(file, until)) {
      for (let end = block.length; end >= 0;) {
        const newline = end > 0 ? block.lastIndexOf(10, end - 1) : -1;
        const piece = block.subarray(newline + 1, end);
        const started: boolean = pieces !== null || piece.length > 0;
        if (newline >= 0) {
          if (started) yield joined(pieces, piece);
          pieces = [];
          size = 0;
        } else if (started) {
          pieces = [...(pieces ?? []), piece];
          size += piece.length;
        }
        end = newline;
      }
      if (size <= LINE_BYTES) continue; // a `raw` log may contain an endless line
      yield joined(pieces, NOTHING);
      pieces = null;
      size = 0;
    }
    if (pieces) yield joined(pieces, NOTHING);
  }
}

const NOTHING = Buffer.alloc(0);

const joined = (later: readonly Buffer[] | null, first: Buffer): Buffer =>
  later === null || later.length === 0 ? first : Buffer.concat([first, ...later.toReversed()]);

/** Yields the text of a file in blocks, last block first, without lines newer than `until`. */
function* blocksBackwards({ compressed, size, read }: OpenFile, until: string): Generator<Buffer> {
  if (!compressed) {
    const { high } = until === LAST ? { high: size } : borderIn(size, read, until, BLOCK_BYTES);
    for (let to = high; to > 0; to -= BLOCK_BYTES) yield read(Math.max(0, to - BLOCK_BYTES), Math.min(BLOCK_BYTES, to));
    return;
  }
  const blocks = packedBlocks(compressed, size, read);
  const { high, over } = until === LAST ? { high: blocks.count, over: NOTHING } : blockBorder(blocks, until);
  if (over.length > 0) yield over;
  for (let index = high - 1; index >= 0; index--) yield blocks.text(index);
}
