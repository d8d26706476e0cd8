/**
 * Turns one stream of a service, which is read from its FIFO, into records. This file knows nothing about log files, rotation or
 * subscribers, so that another way to move the bytes can replace it.
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

/** Receives records. Their buffer is valid only during the call. */
export interface Sink {
  readonly raw: boolean;
  /** Receives the bytes as the service wrote them, or null if nobody needs them. They are valid only during the call. */
  readonly tap: ((bytes: Uint8Array) => void) | null;
  framing(stream: Stream): Framing;
  gate(stream: Stream): LossGate;
  /** Begins a step. Returns where the log ends now, how much may be added to it, and whether the disk refuses writes. */
  begin(stream: Stream): Pick<InFlight, "where" | "allowance" | "refused">;
  records(stream: Stream, batch: Batch): void;
  /** Returns a notice that is due now, or null if there is none. */
  due(stream: Stream, moment: Moment): Notice | null;
}

/**
 * The moments at which notices are written. `step` is after each step. `tick` is on each tick of the background loop, to retry writes
 * that the disk refused. `end` is when a run or the capture ends, which is the last chance.
 */
export type Moment = "step" | "tick" | "end";

/** A line that the daemon itself adds to a log. It is written in a step of its own, so that a crash neither loses nor repeats it. */
export interface Notice {
  /** Writes the line. Returns false if the disk refused it. */
  write(): boolean;
}

export interface Capture {
  readonly fd: number;
  /** Reads waiting bytes, at most about `limitBytes`. Returns true if there may be more. */
  pump(limitBytes: number): boolean;
  /** Writes the notices that are due into the log. */
  writeNotices(moment: Moment): void;
  /** The beginning of a line whose end has not arrived yet, at most PART_BYTES long. */
  readonly unfinished: Buffer;
  /** Writes an unfinished line. It becomes a full line (`F`) if the run has ended, or a part (`P`) if the next daemon will read its rest. */
  flush(tag: "F" | "P"): void;
  close(): void;
}

const READ_BYTES = 1 << 20;
export const OUTPUT_BYTES = 2 << 20;
/**
 * From this number of waiting bytes on, bytes go through the region. A smaller read that returned fewer bytes than requested has
 * emptied the pipe, so that the next write triggers a new edge (epoll(7)).
 */
const LARGE_BYTES = 32 << 10;

/**
 * Buffers that all streams share. They can share them because everything that is read is written before the next read. The
 * buffers are allocated when the first byte arrives.
 */
export class CaptureBuffers {
  #journal: CaptureJournal | null;
  readonly frameLines: FrameLines;
  #made: { readonly input: Buffer; readonly output: Buffer } | null = null;

  /** `scratch` is a directory for a short-lived file. */
  constructor(journal: CaptureJournal | null, scratch: string) {
    this.#journal = journal;
    this.frameLines = nativeFrameLines(scratch);
  }

  /** The journal, or null if there is none. Without a journal, a crash of the daemon may lose output. */
  get journal(): CaptureJournal | null {
    return this.#journal;
  }

  /** Makes the journal again if somebody deleted its files. Throws if that is impossible now. */
  restoreJournal(): void {
    if (this.#journal?.isLost === true) this.#journal = this.#journal.remade();
  }

  get(): { readonly input: Buffer; readonly output: Buffer } {
    this.#made ??= { input: Buffer.allocUnsafeSlow(PART_BYTES + READ_BYTES), output: Buffer.allocUnsafeSlow(OUTPUT_BYTES) };
    return this.#made;
  }
}

export interface CaptureOptions {
  /** Read end of the FIFO, which the capture closes. */
  readonly fd: number;
  readonly stream: Stream;
  /** Key of the stream in the journal, for example "web\0stdout". */
  readonly key: string;
  readonly epoll: Epoll;
  readonly buffers: CaptureBuffers;
  readonly sink: Sink;
  /**
   * Called when bytes arrive. Calls are edge-triggered, so if a pump leaves bytes behind, the caller must pump again without
   * waiting for another call.
   */
  readonly onReadable: () => void;
}

export function openCapture(options: CaptureOptions): Capture {
  return new FifoCapture(options, options.epoll.add(options.fd, "in", true, options.onReadable));
}

const NOTHING = Buffer.alloc(0);

class FifoCapture implements Capture {
  readonly fd: number;
  unfinished: Buffer;
  readonly #options: CaptureOptions;
  readonly #watch: EpollHandle;
  readonly #slot: number | null;

  constructor(options: CaptureOptions, watch: EpollHandle) {
    this.#options = options;
    this.fd = options.fd;
    this.#watch = watch;
    const { journal } = options.buffers;
    this.#slot = journal?.slotOf(options.key) ?? null;
    this.unfinished = journal && this.#slot !== null ? journal.line(this.#slot) : NOTHING;
    if (journal && this.#slot !== null) options.sink.gate(options.stream).state = journal.gate(this.#slot);
  }

  pump(limitBytes: number): boolean {
    for (let total = 0; total < limitBytes;) {
      // Usually nothing waits. The check is cheap, which matters at the end of a run, because the restart waits for it.
      const waiting = bytesWaiting(this.#options.fd);
      if (waiting === 0) return false;
      const isLarge = waiting >= LARGE_BYTES;
      const bytes = isLarge ? this.#takeLarge(waiting) : this.#takeSmall();
      if (bytes <= 0 || (!isLarge && bytes < LARGE_BYTES)) return false; // the pipe is empty, or no writer is left
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

  writeNotices(moment: Moment): void {
    const { sink, stream } = this.#options;
    for (let notice = sink.due(stream, moment); notice !== null; notice = sink.due(stream, moment)) {
      const begun = this.#begin("note", 0);
      const isWritten = notice.write();
      this.#commit(begun !== null, 0);
      if (!isWritten) return;
    }
  }

  /** Reads once and writes the records. Returns the number of bytes read, 0 if no writer is left, or a negative errno. */
  #takeSmall(): number {
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
    this.#options.sink.tap?.(input.subarray(kept, kept + bytes));
    this.#write(input, 0, kept + bytes);
    this.#commit(from !== null, bytes);
    this.writeNotices("step");
    return bytes;
  }

  /** Does the same as `takeSmall`, but without copying the bytes into a buffer. It is used for bytes that are known to wait. */
  #takeLarge(waiting: number): number {
    const { fd, buffers } = this.#options;
    const region = buffers.journal?.region;
    const length = region?.fitting(waiting) ?? 0;
    if (!region || this.#begin("chunk", length) === null) return this.#takeSmall();
    const bytes = region.fill(fd, length);
    if (bytes <= 0) {
      buffers.journal!.cancel();
      return bytes;
    }
    this.#options.sink.tap?.(region.bytes.subarray(region.at, region.at + bytes));
    const from = region.at - this.unfinished.length;
    this.unfinished.copy(region.bytes, from);
    this.#write(region.bytes, from, region.at + bytes);
    this.#commit(true, 0);
    this.writeNotices("step");
    return bytes;
  }

  #spool(from: number, input: Buffer, kept: number): number {
    const { journal } = this.#options.buffers;
    const bytes = spliceToFile(this.#options.fd, journal!.spool, from, READ_BYTES);
    if (bytes > 0) readSync(journal!.spool, input, kept, bytes, from);
    return bytes;
  }

  /** Begins a step. Returns the offset at which the spool continues, or null without a journal. */
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

  /** Frames `input[from, to)` and passes the records to the sink, all with the same timestamp. */
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
