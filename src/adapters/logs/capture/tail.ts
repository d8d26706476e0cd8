import { PREFIX_BYTES, TAG_AT } from "../../../core/logs/framing.ts";
import type { LogLine, Stream } from "../../../ports/logs.ts";

/** `count` framed records in `buffer[from, to)`, all from one read of one stream. */
export interface Chunk {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly time: string;
  readonly stream: Stream;
  /** `raw`: the records have no prefix. */
  readonly raw: boolean;
}

export const TAIL_LINES = 20;
/** The most bytes kept of one line; what is shown beside a unit need not be longer. */
export const TAIL_LINE_BYTES = 2048;

/** The last lines of a run, kept as bytes because most are never requested. */
export class Tail {
  #lines: Kept[] = [];

  push(chunk: Chunk): void {
    const fresh = lastRecords(chunk, TAIL_LINES).map(([from, to]) => keep(chunk, from, to));
    this.#lines = fresh.length < TAIL_LINES ? [...this.#lines, ...fresh].slice(-TAIL_LINES) : fresh;
  }

  clear(): void {
    this.#lines = [];
  }

  last(count: number): LogLine[] {
    if (count <= 0) return [];
    return this.#lines.slice(-count).map(({ bytes, ...line }) => ({ ...line, text: bytes.toString("utf8") }));
  }
}

/** The first `limit` records as lines. */
export function firstLines(chunk: Chunk, limit: number): LogLine[] {
  const lines: LogLine[] = [];
  for (let from = chunk.from; from < chunk.to && lines.length < limit;) {
    const newline = chunk.buffer.indexOf(10, from);
    const to = newline < 0 || newline >= chunk.to ? chunk.to : newline;
    const { full, textAt } = frameOf(chunk, from);
    lines.push({ time: chunk.time, stream: chunk.stream, full, text: chunk.buffer.toString("utf8", textAt, to) });
    from = to + 1;
  }
  return lines;
}

interface Kept extends Omit<LogLine, "text"> {
  readonly bytes: Buffer;
}

function keep(chunk: Chunk, from: number, to: number): Kept {
  const { full, textAt } = frameOf(chunk, from);
  const end = Math.min(to, textAt + TAIL_LINE_BYTES);
  return { time: chunk.time, stream: chunk.stream, full: full && end === to, bytes: Buffer.from(chunk.buffer.subarray(textAt, end)) };
}

function frameOf(chunk: Chunk, from: number): { full: boolean; textAt: number } {
  if (chunk.raw) return { full: true, textAt: from };
  return { full: chunk.buffer[from + TAG_AT] === 70, textAt: from + PREFIX_BYTES };
}

/** Start and end (without the newline) of the last `limit` records, in order. */
function lastRecords(chunk: Chunk, limit: number): Array<[from: number, to: number]> {
  const { buffer } = chunk;
  const found: Array<[number, number]> = [];
  let end = chunk.to > chunk.from && buffer[chunk.to - 1] === 10 ? chunk.to - 1 : chunk.to;
  while (end >= chunk.from && found.length < limit && chunk.to > chunk.from) {
    const before = end === 0 ? -1 : buffer.lastIndexOf(10, end - 1);
    const from = Math.max(chunk.from, before + 1);
    found.push([from, end]);
    end = from - 1;
  }
  return found.reverse();
}
