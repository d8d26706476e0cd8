/** Reading a log from its end: blocks backwards, through the current file and its rotations, newest first. */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { PART_BYTES, type ParsedLine, parseLine, PREFIX_BYTES } from "../../core/lines.ts";
import { findRotated, rotatedName } from "../../core/rotate.ts";
import type { LogLine, LogQuery } from "../../ports/logs.ts";
import { zstdFrames } from "./zstd.ts";

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
  for (const name of newestFirst(directory, current)) {
    let pieces: Buffer[] | null = null; // of the line being put together, last one first; null: its end was not met yet
    let size = 0;
    for (const block of blocksBackwards(join(directory, name), until)) {
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

function newestFirst(directory: string, current: string): string[] {
  try {
    const { files } = findRotated(current, readdirSync(directory));
    return [current, ...files.map((file) => rotatedName(current, file))];
  } catch {
    return []; // no directory, no lines
  }
}

/** The text of a file in blocks, last one first. A file that is gone or no zstd file has none. */
function* blocksBackwards(path: string, until: string): Generator<Buffer> {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return;
  }
  try {
    const { size } = fstatSync(fd);
    if (path.endsWith(".zst")) yield* zstdBackwards(fd, size);
    else
      for (let to = endOf(fd, size, until); to > 0; to -= BLOCK_BYTES)
        yield readAt(fd, Math.max(0, to - BLOCK_BYTES), Math.min(BLOCK_BYTES, to));
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
function endOf(fd: number, size: number, until: string): number {
  if (until === LAST) return size;
  let [low, high] = [0, size]; // what begins at or after `high` is newer
  while (high - low > BLOCK_BYTES) {
    const middle = low + Math.floor((high - low) / 2);
    const first = firstRecord(readAt(fd, middle, 2 * WINDOW_BYTES));
    if (first === null) return high;
    if (first.time > until) high = middle + first.at;
    else low = middle;
  }
  return high;
}

function firstRecord(window: Buffer): { readonly at: number; readonly time: string } | null {
  for (let at = window.indexOf(10) + 1; at > 0; at = window.indexOf(10, at) + 1) {
    const time = parseLine(window.toString("latin1", at, at + PREFIX_BYTES))?.time;
    if (time !== undefined) return { at, time };
  }
  return null;
}

/** More compressed bytes in one frame than this are not ours; ours hold 1 MiB of text. */
const FRAME_BYTES = 16 << 20;

function* zstdBackwards(fd: number, size: number): Generator<Buffer> {
  const frames = zstdFrames(size, (at, length) => readAt(fd, at, length)) ?? [];
  for (const [from, to] of frames.toReversed()) {
    if (to - from > FRAME_BYTES) return;
    yield Buffer.from(Bun.zstdDecompressSync(readAt(fd, from, to - from)));
  }
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
