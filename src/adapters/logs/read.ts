/** Reading a log from its end: blocks backwards, through the current file and its rotations, newest first. */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { PART_BYTES, type ParsedLine, parseLine, PREFIX_BYTES } from "../../core/lines.ts";
import { findRotated, rotatedName } from "../../core/rotate.ts";
import type { LogLine, LogQuery } from "../../ports/logs.ts";
import type { Compression } from "../../spec/spec.ts";
import { type Blocks, packedBlocks, type ReadAt } from "./packed.ts";

const BLOCK_BYTES = 256 * 1024;
/** A `raw` log may hold a line without end; it is shown in pieces. */
const LINE_BYTES = 1 << 20;
/** An answer holds no more than this, whatever was asked for. */
const ANSWER_LINES = 100_000;
const ANSWER_BYTES = 64 << 20;
/** After every stamp. */
const LAST = "~";

/**
 * The newest lines that match, oldest first; at most 100,000 lines or 64 MiB. A line of a `raw` log has no time ("") and
 * no stream (it is shown as stdout); `since` and `until` let it pass. A log that is not there has no lines.
 */
export function readLog(directory: string, current: string, query: LogQuery): LogLine[] {
  const limit = Math.min(query.lines ?? ANSWER_LINES, ANSWER_LINES);
  const since = query.sinceMs === undefined ? "" : nanos(query.sinceMs, "000000");
  const until = query.untilMs === undefined ? LAST : nanos(query.untilMs, "999999");
  const found: LogLine[] = [];
  let bytes = 0;
  for (const raw of linesBackwards(directory, current, until)) {
    if (found.length >= limit || bytes > ANSWER_BYTES) break;
    const text = raw.toString("utf8");
    const line: ParsedLine = parseLine(text) ?? { time: "", stream: "stdout", full: true, text };
    if (line.time !== "" && line.time < since) break; // stamps never go back within a log
    if (line.time !== "" && line.time > until) continue;
    if (query.stream && line.stream !== query.stream) continue;
    if (query.grep && !query.grep.test(line.text)) continue;
    found.push(line);
    bytes += raw.length;
  }
  return found.reverse();
}

/** `ms` may be out of the range of dates: then it is before or after everything. */
function nanos(ms: number, digits: string): string {
  if (!(Math.abs(ms) < 8.64e15)) return ms > 0 ? "~" : "";
  return new Date(Math.floor(ms)).toISOString().replace("Z", `${digits}Z`);
}

function* linesBackwards(directory: string, current: string, until: string): Generator<Buffer> {
  for (const { path, compressed } of filesOf(directory, current)) {
    let pieces: Buffer[] | null = null; // of the line being put together, last one first; null: its end was not met yet
    let size = 0;
    for (const block of blocksBackwards(path, compressed, until)) {
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
      if (size <= LINE_BYTES) continue;
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

/** Newest first. */
function filesOf(directory: string, current: string): Array<{ readonly path: string; readonly compressed: Compression | false }> {
  try {
    const { files } = findRotated(current, readdirSync(directory));
    const rotated = files.map((file) => ({ path: join(directory, rotatedName(current, file)), compressed: file.compressed }));
    return [{ path: join(directory, current), compressed: false }, ...rotated];
  } catch {
    return []; // no directory, no lines
  }
}

/** The text of a file in blocks, last one first, without what is newer than `until`. A file that is gone has none. */
function* blocksBackwards(path: string, compressed: Compression | false, until: string): Generator<Buffer> {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return;
  }
  try {
    const { size } = fstatSync(fd);
    const read: ReadAt = (at, length) => readAt(fd, at, length);
    if (compressed) yield* packedBackwards(packedBlocks(compressed, size, read), until);
    else
      for (let to = endOf(size, read, until); to > 0; to -= BLOCK_BYTES)
        yield read(Math.max(0, to - BLOCK_BYTES), Math.min(BLOCK_BYTES, to));
  } finally {
    closeSync(fd);
  }
}

/** A record of ours is no longer, with its prefix. */
const WINDOW_BYTES = PREFIX_BYTES + PART_BYTES + 1;

/**
 * The end of the part of a file that can hold records up to `until`, found by halving: what follows is newer. Where no
 * record is found (a `raw` log) nothing is left out.
 */
function endOf(size: number, read: ReadAt, until: string): number {
  if (until === LAST) return size;
  if (isNewer(read(0, WINDOW_BYTES), until)) return 0;
  let [low, high] = [0, size]; // what begins at or after `high` is newer
  while (high - low > BLOCK_BYTES) {
    const middle = low + Math.floor((high - low) / 2);
    const first = firstRecord(read(middle, 2 * WINDOW_BYTES));
    if (first === null) return high;
    if (first.time > until) high = middle + first.at;
    else low = middle;
  }
  return high;
}

/** The same by whole blocks, of which only those that are looked at are unpacked: of a file that is newer, the first. */
function* packedBackwards(blocks: Blocks, until: string): Generator<Buffer> {
  let [low, high] = [0, blocks.count]; // the blocks from `high` on are newer, but for a line that goes over into the first of them
  let over: Buffer = NOTHING;
  if (until !== LAST && high > 0) {
    if (isNewer(blocks.text(0), until)) return;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const text = blocks.text(middle);
      const first = firstRecord(text);
      if (first === null || first.time <= until) low = middle;
      else [high, over] = [middle, text.subarray(0, first.at)];
    }
  }
  if (over.length > 0) yield over;
  for (let index = high - 1; index >= 0; index--) yield blocks.text(index);
}

/** Whether a file that begins with `text` begins with a record after `until`. */
function isNewer(text: Buffer, until: string): boolean {
  const time = parseLine(text.toString("latin1", 0, PREFIX_BYTES))?.time;
  return time !== undefined && time > until;
}

/** Of a window that begins anywhere in a line. */
function firstRecord(window: Buffer): { readonly at: number; readonly time: string } | null {
  for (let at = window.indexOf(10) + 1; at > 0; at = window.indexOf(10, at) + 1) {
    const time = parseLine(window.toString("latin1", at, at + PREFIX_BYTES))?.time;
    if (time !== undefined) return { at, time };
  }
  return null;
}

function readAt(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const read = readSync(fd, bytes, done, length - done, at + done);
    if (read === 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
}
