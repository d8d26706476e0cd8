/**
 * One stream of a service, from its FIFO to records: the step between reading and writing. It knows nothing of files,
 * rotation or subscribers, so that another way to move the bytes can take its place.
 */
import { closeSync, readSync } from "node:fs";
import type { Batch, LossGate } from "../../../core/logs/loss-gate.ts";
import { type Framing, PART_BYTES } from "../../../core/logs/framing.ts";
import { bytesWaiting, readFifo } from "../../../linux/io/fifo.ts";
import { type FrameLines, nativeFrameLines } from "../../../linux/io/framing.ts";
import type { Epoll, EpollHandle } from "../../../linux/io/epoll.ts";
import { spliceToFile } from "../../../linux/io/splice.ts";
import type { Stream } from "../../../ports/logs.ts";
import type { CaptureJournal, Doing, InFlight } from "./capture-journal.ts";

/** Takes records; they are in `buffer` only during the call. */
export interface Sink {
  readonly raw: boolean;
  framing(stream: Stream): Framing;
  gate(stream: Stream): LossGate;
  /** A step begins: where the log ends now, and what may be added to it. */
  begin(stream: Stream): Pick<InFlight, "where" | "allowance" | "refused">;
  records(stream: Stream, batch: Batch): void;
  /** Something that the log is to say now. */
  due(stream: Stream, moment: Moment): Saying | null;
}

/** After a step; now and then, when what the disk refuses is tried again; when a run or the reading ends, and no better one may come. */
export type Moment = "step" | "tick" | "end";

/** A record of the daemon's own, which takes a step for itself so that it is there once. */
export interface Saying {
  /** False: the disk does not let us. */
  say(): boolean;
}

export interface Capture {
  /** Takes in what waits, at most about `limitBytes`; true when there may be more. */
  pump(limitBytes: number): boolean;
  /** Says in the log what it is time to say. */
  tell(moment: Moment): void;
  /** The beginning of a line whose end has not come yet; at most PART_BYTES. */
  readonly unfinished: Buffer;
  /** Writes out an unfinished line: the run ended (`F`), or the rest of it will come to the next daemon (`P`). */
  flush(tag: "F" | "P"): void;
  close(): void;
}

const READ_BYTES = 1 << 20;
export const OUTPUT_BYTES = 2 << 20;
/**
 * So much at once goes by way of the region. A read of less, that got less than was asked for, has emptied the pipe, and the next
 * write is a new edge (epoll(7)).
 */
const MUCH_BYTES = 32 << 10;

/** Shared by all streams: everything read is written before the next read. The buffers are made at the first byte. */
export class CaptureBuffers {
  /** Null: without protection against the death of the daemon. */
  readonly journal: CaptureJournal | null;
  readonly frameLines: FrameLines;
  #made: { readonly input: Buffer; readonly output: Buffer } | null = null;

  /** `scratch`: a directory to write to, for a moment. */
  constructor(journal: CaptureJournal | null, scratch: string) {
    this.journal = journal;
    this.frameLines = nativeFrameLines(scratch);
  }

  get(): { readonly input: Buffer; readonly output: Buffer } {
    this.#made ??= { input: Buffer.allocUnsafeSlow(PART_BYTES + READ_BYTES), output: Buffer.allocUnsafeSlow(OUTPUT_BYTES) };
    return this.#made;
  }
}

export interface CaptureOptions {
  /** Owned by the capture from now on. */
  readonly fd: number;
  readonly stream: Stream;
  /** Of the stream in the journal: "web\0stdout". */
  readonly key: string;
  readonly epoll: Epoll;
  readonly buffers: CaptureBuffers;
  readonly sink: Sink;
  /** Bytes came in. Edge-triggered: what a pump leaves must be pumped again unasked. */
  readonly onReadable: () => void;
}

export function openCapture(options: CaptureOptions): Capture {
  return new FifoCapture(options, options.epoll.add(options.fd, "in", true, options.onReadable));
}

const NOTHING = Buffer.alloc(0);

class FifoCapture implements Capture {
  unfinished: Buffer;
  readonly #options: CaptureOptions;
  readonly #watch: EpollHandle;
  readonly #slot: number | null;

  constructor(options: CaptureOptions, watch: EpollHandle) {
    this.#options = options;
    this.#watch = watch;
    const { journal } = options.buffers;
    this.#slot = journal?.slotOf(options.key) ?? null;
    this.unfinished = journal && this.#slot !== null ? journal.line(this.#slot) : NOTHING;
    if (journal && this.#slot !== null) options.sink.gate(options.stream).state = journal.gate(this.#slot);
  }

  pump(limitBytes: number): boolean {
    for (let total = 0; total < limitBytes;) {
      // Mostly nothing waits: at the end of a run this is asked between a crash and the restart.
      const waiting = bytesWaiting(this.#options.fd);
      if (waiting === 0) return false;
      const much = waiting >= MUCH_BYTES;
      const bytes = much ? this.#takeMuch(waiting) : this.#takeAll();
      if (bytes <= 0 || (!much && bytes < MUCH_BYTES)) return false; // nothing waits any more, or no writer is left
      total += bytes;
    }
    return true;
  }

  flush(tag: "F" | "P"): void {
    if (this.unfinished.length === 0) return;
    const { buffers, sink, stream } = this.#options;
    const { output } = buffers.get();
    const { full, part, endParts } = sink.framing(stream);
    const begun = this.#begin(tag === "F" ? "end" : "part", 0);
    const prefix = tag === "F" ? full : part;
    output.set(prefix, 0);
    let made = prefix.length + this.unfinished.copy(output, prefix.length);
    if (endParts) output[made++] = 10;
    this.unfinished = NOTHING;
    const unended = tag === "F";
    sink.records(stream, { buffer: output, length: made, count: 1, parts: unended ? 0 : 1, raw: sink.raw, unended });
    this.#commit(begun !== null, 0);
  }

  tell(moment: Moment): void {
    const { sink, stream } = this.#options;
    for (let saying = sink.due(stream, moment); saying !== null; saying = sink.due(stream, moment)) {
      const begun = this.#begin("note", 0);
      const said = saying.say();
      this.#commit(begun !== null, 0);
      if (!said) return;
    }
  }

  /** One read, written out: the bytes, 0 or a negative errno. */
  #takeAll(): number {
    const { fd, buffers } = this.#options;
    const { input } = buffers.get();
    const kept = this.unfinished.length;
    const from = this.#begin("chunk", 0);
    const bytes = from === null ? readFifo(fd, input, kept, READ_BYTES) : this.#spool(from, input, kept);
    if (bytes <= 0) {
      if (from !== null) buffers.journal!.cancel();
      return bytes;
    }
    if (kept > 0) this.unfinished.copy(input, 0);
    this.#write(input, 0, kept + bytes);
    this.#commit(from !== null, bytes);
    this.tell("step");
    return bytes;
  }

  /** The same without a second copy, of what certainly waits. */
  #takeMuch(waiting: number): number {
    const { fd, buffers } = this.#options;
    const region = buffers.journal?.region;
    const length = region?.fitting(waiting) ?? 0;
    if (!region || this.#begin("chunk", length) === null) return this.#takeAll();
    const bytes = region.fill(fd, length);
    if (bytes <= 0) {
      buffers.journal!.cancel();
      return bytes;
    }
    const from = region.at - this.unfinished.length;
    this.unfinished.copy(region.bytes, from);
    this.#write(region.bytes, from, region.at + bytes);
    this.#commit(true, 0);
    this.tell("step");
    return bytes;
  }

  #spool(from: number, input: Buffer, kept: number): number {
    const { journal } = this.#options.buffers;
    const bytes = spliceToFile(this.#options.fd, journal!.spool, from, READ_BYTES);
    if (bytes > 0) readSync(journal!.spool, input, kept, bytes, from);
    return bytes;
  }

  /** Where the spool goes on; null without a journal. */
  #begin(doing: Doing, regionBytes: number): number | null {
    const { buffers, sink, stream } = this.#options;
    const begun = sink.begin(stream);
    if (buffers.journal === null || this.#slot === null) return null;
    const spoolFrom = buffers.journal.spoolEnd();
    buffers.journal.begin({ slot: this.#slot, doing, raw: sink.raw, spoolFrom, regionBytes, ...begun });
    return spoolFrom;
  }

  #commit(begun: boolean, spooled: number): void {
    const { buffers, sink, stream } = this.#options;
    if (begun) buffers.journal!.commit(this.#slot!, this.unfinished, sink.gate(stream).state, spooled);
  }

  close(): void {
    this.#watch.remove();
    closeSync(this.#options.fd);
  }

  /** Frames `input[from, to)` and hands it on; one stamp for all of it. */
  #write(input: Buffer, from: number, to: number): void {
    const { buffers, sink, stream } = this.#options;
    const { output } = buffers.get();
    const framing = sink.framing(stream);
    const { raw } = sink;
    let at = from;
    for (;;) {
      const framed = buffers.frameLines(input, at, to, output, framing);
      at += framed.taken;
      const { made: length, records: count, parts } = framed;
      if (count > 0) sink.records(stream, { buffer: output, length, count, parts, raw, unended: false });
      if (!framed.more) break;
    }
    this.unfinished = at < to ? Buffer.from(input.subarray(at, to)) : NOTHING;
  }
}
