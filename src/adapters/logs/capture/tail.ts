import { characterEnd, PREFIX_BYTES, TAG_AT } from "../../../core/logs/framing.ts";
import type { LogLine, Stream } from "../../../ports/logs.ts";

/** `count` framed records in `buffer[from, to)`, all from one read of one stream. */
export interface Chunk {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly time: string;
  readonly stream: Stream;
  /** True if the records have no prefix, as in a `raw` log. */
  readonly raw: boolean;
  /** True if some of the records may be parts of a line. */
  readonly hasParts: boolean;
  /** True if the first record continues the line to which the last record of the same stream in the log belongs. */
  readonly continues: boolean;
}

export const TAIL_LINES = 20;
/**
 * Maximum number of bytes that are kept of one line. The last lines are shown with the status of a unit, where longer lines are
 * not needed.
 */
export const TAIL_LINE_BYTES = 2048;

/**
 * The last lines of a run. They are kept as bytes, because most of them are never requested. If a line consists of several parts,
 * only the first is kept.
 */
export class Tail {
  #lines: Kept[] = [];
  /** True if the last record of the stream is a part and the beginning of its line was seen. */
  readonly #within: Record<Stream, boolean> = { stdout: false, stderr: false };

  push(chunk: Chunk): void {
    const goesOn = chunk.continues && this.#within[chunk.stream];
    const fresh = lastLines(chunk, TAIL_LINES, goesOn).map(([from, to]) => keep(chunk, from, to));
    this.#lines = fresh.length < TAIL_LINES ? [...this.#lines, ...fresh].slice(-TAIL_LINES) : fresh;
    this.#within[chunk.stream] = chunk.hasParts && !lastRecord(chunk).full;
  }

  clear(): void {
    this.#lines = [];
    this.#within.stdout = this.#within.stderr = false;
  }

  last(count: number): LogLine[] {
    if (count <= 0) return [];
    return this.#lines.slice(-count).map(({ bytes, ...line }) => ({ ...line, text: bytes.toString("utf8") }));
  }
}

/** Position of one record in the buffer of its chunk, without its newline. */
export interface ChunkRecord {
  readonly full: boolean;
  readonly textAt: number;
  readonly to: number;
}

/** Iterates over the records of a chunk, oldest first. */
export function* recordsOf(chunk: Chunk): Generator<ChunkRecord> {
  for (let from = chunk.from; from < chunk.to;) {
    const newline = chunk.buffer.indexOf(10, from);
    const to = newline < 0 || newline >= chunk.to ? chunk.to : newline;
    yield { ...frameOf(chunk, from), to };
    from = to + 1;
  }
}

/** Returns the first `limit` records as lines. */
export function firstLines(chunk: Chunk, limit: number): LogLine[] {
  const lines: LogLine[] = [];
  if (limit <= 0) return lines;
  for (const { full, textAt, to } of recordsOf(chunk)) {
    lines.push({ time: chunk.time, stream: chunk.stream, full, text: chunk.buffer.toString("utf8", textAt, to) });
    if (lines.length >= limit) break;
  }
  return lines;
}

interface Kept extends Omit<LogLine, "text"> {
  readonly bytes: Buffer;
}

function keep(chunk: Chunk, from: number, to: number): Kept {
  const { full, textAt } = frameOf(chunk, from);
  const cut = textAt + TAIL_LINE_BYTES;
  const end = cut < to ? characterEnd(chunk.buffer, cut) : to;
  return { time: chunk.time, stream: chunk.stream, full: full && end === to, bytes: Buffer.from(chunk.buffer.subarray(textAt, end)) };
}

function frameOf(chunk: Chunk, from: number): { full: boolean; textAt: number } {
  if (chunk.raw) return { full: true, textAt: from };
  return { full: chunk.buffer[from + TAG_AT] === 70, textAt: from + PREFIX_BYTES };
}

/**
 * Returns start and end (without the newline) of the last `limit` records that begin a line, in order. If `goesOn` is true, the
 * first record of the chunk does not begin a line.
 */
function lastLines(chunk: Chunk, limit: number, goesOn: boolean): Array<[from: number, to: number]> {
  const found: Array<[number, number]> = [];
  for (let end = textEnd(chunk); end >= chunk.from && found.length < limit && chunk.to > chunk.from;) {
    const from = recordStart(chunk, end);
    const isFirst = from <= chunk.from;
    const isRest = isFirst ? goesOn : chunk.hasParts && !frameOf(chunk, recordStart(chunk, from - 1)).full;
    if (!isRest) found.push([from, end]);
    end = from - 1;
  }
  return found.reverse();
}

const lastRecord = (chunk: Chunk): { readonly full: boolean } => frameOf(chunk, recordStart(chunk, textEnd(chunk)));

const textEnd = ({ buffer, from, to }: Chunk): number => (to > from && buffer[to - 1] === 10 ? to - 1 : to);

/** Returns the start of the record that ends at `end`. */
const recordStart = ({ buffer, from }: Chunk, end: number): number =>
  end <= from ? from : Math.max(from, buffer.lastIndexOf(10, end - 1) + 1);
