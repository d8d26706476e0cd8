import type { LogLine, Stream } from "../../../ports/logs.ts";
import { LINE_BYTES } from "../../../core/logs/whole-lines.ts";
import { type Chunk, firstLines, recordsOf } from "../capture/tail.ts";

export interface Subscriber {
  line(line: LogLine): void;
  gap(lines: number): void;
}

/** Maximum number of lines that are queued for one subscriber. Further lines are counted and dropped. */
const QUEUE_LINES = 1000;

/** The live subscribers of one unit. They are called from the event loop, never while output is being read. */
export class Followers {
  readonly #all = new Set<Follower>();
  readonly #watchers = new Set<() => void>();
  readonly #open: Partial<Record<Stream, OpenLine>> = {};
  #waking = false;

  get size(): number {
    return this.#all.size + this.#watchers.size;
  }

  /** Calls `onMore` soon after each write to the log. Returns a function that stops these calls. */
  watch(onMore: () => void): () => void {
    this.#watchers.add(onMore);
    return () => this.#watchers.delete(onMore);
  }

  add(subscriber: Subscriber, onError: (error: unknown) => void): () => void {
    const follower = new Follower(subscriber, (error) => {
      this.#all.delete(follower);
      onError(error);
    });
    this.#all.add(follower);
    return () => {
      follower.stop();
      this.#all.delete(follower);
    };
  }

  push(chunk: Chunk): void {
    this.#wake();
    if (this.#all.size === 0) {
      delete this.#open[chunk.stream];
      return;
    }
    let room = 0;
    for (const follower of this.#all) room = Math.max(room, follower.room);
    const { lines, count } = this.#wholeLines(chunk, room);
    if (count > 0) for (const follower of this.#all) follower.push(lines, count);
  }

  /**
   * Returns the first `room` lines that end in this chunk, and the number of all lines that end in it. A line in parts is kept
   * until its end, up to LINE_BYTES.
   */
  #wholeLines(chunk: Chunk, room: number): { readonly lines: readonly LogLine[]; readonly count: number } {
    const { stream, time, buffer } = chunk;
    if (!chunk.hasParts && this.#open[stream] === undefined) return { lines: firstLines(chunk, room), count: chunk.count };
    const lines: LogLine[] = [];
    let count = 0;
    const emit = (full: boolean, pieces: readonly Buffer[] | null): void => {
      count++;
      if (pieces !== null && lines.length < room) lines.push({ time, stream, full, text: Buffer.concat(pieces).toString("utf8") });
    };
    if (!chunk.continues) this.#cutOff(stream, emit);
    for (const { full, textAt, to } of recordsOf(chunk)) {
      const open = (this.#open[stream] ??= { pieces: lines.length < room ? [] : null, bytes: 0 });
      open.bytes += to - textAt;
      if (full) {
        open.pieces?.push(buffer.subarray(textAt, to));
        emit(true, open.pieces);
      } else {
        open.pieces?.push(Buffer.from(buffer.subarray(textAt, to)));
        if (open.bytes < LINE_BYTES) continue;
        emit(false, open.pieces);
      }
      delete this.#open[stream];
    }
    return { lines, count };
  }

  /** Emits the beginning of a line whose rest was lost. */
  #cutOff(stream: Stream, emit: (full: boolean, pieces: readonly Buffer[] | null) => void): void {
    const open = this.#open[stream];
    if (open !== undefined) emit(false, open.pieces);
    delete this.#open[stream];
  }

  #wake(): void {
    if (this.#waking || this.#watchers.size === 0) return;
    this.#waking = true;
    setImmediate(() => {
      this.#waking = false;
      for (const onMore of [...this.#watchers]) onMore();
    });
  }
}

/** A line whose end has not arrived yet. */
interface OpenLine {
  /** The parts of the line, or null if there was no room for it. */
  readonly pieces: Buffer[] | null;
  bytes: number;
}

class Follower {
  #queue: LogLine[] = [];
  /** Number of lines that were dropped after those in the queue. */
  #missed = 0;
  #scheduled = false;
  #stopped = false;
  readonly #subscriber: Subscriber;
  readonly #onError: (error: unknown) => void;

  constructor(subscriber: Subscriber, onError: (error: unknown) => void) {
    this.#subscriber = subscriber;
    this.#onError = onError;
  }

  get room(): number {
    return this.#missed > 0 ? 0 : QUEUE_LINES - this.#queue.length;
  }

  push(lines: readonly LogLine[], count: number): void {
    const taken = Math.min(this.room, lines.length);
    for (let i = 0; i < taken; i++) this.#queue.push(lines[i]!);
    this.#missed += count - taken;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  stop(): void {
    this.#stopped = true;
  }

  #deliver(): void {
    this.#scheduled = false;
    const [queue, missed] = [this.#queue, this.#missed];
    this.#queue = [];
    this.#missed = 0;
    try {
      for (const line of queue) {
        if (this.#stopped) return;
        this.#subscriber.line(line);
      }
      if (missed > 0 && !this.#stopped) this.#subscriber.gap(missed);
    } catch (error) {
      this.#stopped = true;
      this.#onError(error);
    }
  }
}
