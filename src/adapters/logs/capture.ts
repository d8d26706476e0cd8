/**
 * One stream of a service, from its FIFO to records: the step between reading and writing. It knows nothing of files,
 * rotation or subscribers, so that another way to move the bytes can take its place.
 */
import { closeSync } from "node:fs";
import { type Framing, frameLines, PART_BYTES } from "../../core/lines.ts";
import { readFifo } from "../../linux/fifo.ts";
import type { Hub, HubHandle } from "../../linux/hub.ts";
import type { Stream } from "../../ports/logs.ts";

/** Takes records; they are in `buffer` only during the call. */
export interface Sink {
  framing(stream: Stream): Framing;
  records(stream: Stream, buffer: Buffer, length: number, count: number): void;
}

export interface Capture {
  /** Takes in what waits, at most about `limitBytes`; true when there may be more. */
  pump(limitBytes: number): boolean;
  /** Writes out an unfinished line: the run ended (`F`), or the rest of it will come to the next daemon (`P`). */
  flush(tag: "F" | "P"): void;
  close(): void;
}

const READ_BYTES = 1 << 20;
const OUTPUT_BYTES = 2 << 20;
/**
 * A read that got less than was asked for has emptied the pipe, and the next write is a new edge (epoll(7)). With a writer
 * at full speed another read is cheaper than another wake.
 */
const CERTAINLY_EMPTIED = 64 << 10;

/** Shared by all streams: everything read is written before the next read. Made at the first byte. */
export class CaptureBuffers {
  private made: { readonly input: Buffer; readonly output: Buffer } | null = null;

  get(): { readonly input: Buffer; readonly output: Buffer } {
    this.made ??= { input: Buffer.allocUnsafeSlow(PART_BYTES + READ_BYTES), output: Buffer.allocUnsafeSlow(OUTPUT_BYTES) };
    return this.made;
  }
}

/** Owns `fd`. `onReadable` is called when bytes come in; edge-triggered, so what a pump leaves must be pumped again unasked. */
export function openCapture(fd: number, stream: Stream, hub: Hub, buffers: CaptureBuffers, sink: Sink, onReadable: () => void): Capture {
  return new FifoCapture(fd, stream, hub.add(fd, "in", true, onReadable), buffers, sink);
}

const NOTHING = Buffer.alloc(0);

class FifoCapture implements Capture {
  /** The beginning of a line whose end has not come yet; at most PART_BYTES. */
  private unfinished: Buffer = NOTHING;
  private readonly fd: number;
  private readonly stream: Stream;
  private readonly watch: HubHandle;
  private readonly buffers: CaptureBuffers;
  private readonly sink: Sink;

  constructor(fd: number, stream: Stream, watch: HubHandle, buffers: CaptureBuffers, sink: Sink) {
    this.fd = fd;
    this.stream = stream;
    this.watch = watch;
    this.buffers = buffers;
    this.sink = sink;
  }

  pump(limitBytes: number): boolean {
    const { input } = this.buffers.get();
    for (let total = 0; total < limitBytes;) {
      const kept = this.unfinished.length;
      const bytes = readFifo(this.fd, input, kept, READ_BYTES);
      if (bytes <= 0) return false; // nothing waits, or no writer is left
      if (kept > 0) this.unfinished.copy(input, 0);
      this.write(kept + bytes);
      if (bytes < CERTAINLY_EMPTIED) return false;
      total += bytes;
    }
    return true;
  }

  flush(tag: "F" | "P"): void {
    if (this.unfinished.length === 0) return;
    const { output } = this.buffers.get();
    const { full, part, endParts } = this.sink.framing(this.stream);
    const prefix = tag === "F" ? full : part;
    output.set(prefix, 0);
    let made = prefix.length + this.unfinished.copy(output, prefix.length);
    if (endParts) output[made++] = 10;
    this.unfinished = NOTHING;
    this.sink.records(this.stream, output, made, 1);
  }

  close(): void {
    this.watch.remove();
    closeSync(this.fd);
  }

  /** Frames `input[0, length)` and hands it on; one stamp for all of it. */
  private write(length: number): void {
    const { input, output } = this.buffers.get();
    const framing = this.sink.framing(this.stream);
    let at = 0;
    for (;;) {
      const framed = frameLines(input, at, length, output, framing);
      at += framed.taken;
      if (framed.records > 0) this.sink.records(this.stream, output, framed.made, framed.records);
      if (!framed.more) break;
    }
    this.unfinished = at < length ? Buffer.from(input.subarray(at, length)) : NOTHING;
  }
}
