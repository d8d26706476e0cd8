/**
 * Which records of a stream get into its log when a rate limit or the disk takes some away, and how much that was. Nothing is
 * decided here by the clock: the same records with the same allowance end the same way, so that the next daemon can finish what
 * this one was killed in.
 *
 * A line is cut off at the end of a record. What is in the log of it is ended by an empty record before the next one, for readers
 * join a part (`P`) with what follows; the rest of the line is left out with it.
 */
import { PREFIX_BYTES, TAG_AT } from "./framing.ts";

/** Records of one stream as they were framed. */
export interface Batch {
  readonly buffer: Buffer;
  readonly length: number;
  readonly count: number;
  /** Of them, those that do not end their line. */
  readonly parts: number;
  readonly raw: boolean;
  /** The last one ends a line to which the service wrote no newline. */
  readonly unended: boolean;
}

export type Why = "limit" | "disk";

/** Lines, and bytes as the service wrote them. */
export interface Count {
  readonly lines: number;
  readonly bytes: number;
}

export const NOTHING: Count = { lines: 0, bytes: 0 };

export const plus = (a: Count, b: Count): Count => ({ lines: a.lines + b.lines, bytes: a.bytes + b.bytes });

export interface GateWriter {
  /** Writes records: how many of their bytes are in the log now, in whole records. */
  write(batch: Batch, from: number, to: number, count: number): number;
  /** Ends the line of which the last part is in the log; false when that cannot be written. */
  endLine(raw: boolean): boolean;
  missed(why: Why, count: Count): void;
}

/** All that must be remembered of a gate. */
export interface GateState {
  readonly flags: number;
  /** What was left out and is not said in the log yet. */
  readonly limit: Count;
  readonly disk: Count;
}

export const FRESH: GateState = { flags: 0, limit: NOTHING, disk: NOTHING };

/** The last record in the log is a part of a line that goes on. */
const OPEN = 1;
/** It will not go on: an empty record is still to be written. */
const OWES = 2;
/** The rest of the present line is left out: its beginning is in the log. */
const CUT = 4;
/** The rest of the present line is left out, as its beginning was. */
const SKIP = 8;
/** It is the disk's doing. */
const DISK = 16;

export class LossGate {
  /** Bytes of records that passed in this step. */
  spent = 0;
  #flags = 0;
  #untold: Record<Why, Count> = { limit: NOTHING, disk: NOTHING };
  #left = Infinity;
  #shut = false;
  readonly #writer: GateWriter;

  constructor(writer: GateWriter) {
    this.#writer = writer;
  }

  get state(): GateState {
    return { flags: this.#flags, ...this.#untold };
  }

  set state({ flags, limit, disk }: GateState) {
    this.#flags = flags;
    this.#untold = { limit, disk };
  }

  /** The reader of the log waits for the rest of a line. */
  get isOpen(): boolean {
    return (this.#flags & OPEN) !== 0;
  }

  missing(why: Why): Count {
    return this.#untold[why];
  }

  told(why: Why): void {
    this.#untold[why] = NOTHING;
  }

  /** A step begins, of one batch or more: so many bytes may pass. What does not fit, and all after it, is left out. */
  begin(allowance: number): void {
    this.#left = allowance;
    this.#shut = false;
    this.spent = 0;
  }

  take(batch: Batch): void {
    let at = 0;
    if (this.#flags & (CUT | SKIP)) at = this.#leaveOut(batch, 0, lineEnd(batch), this.#flags & DISK ? "disk" : "limit");
    const to = this.#shut ? at : this.#fitting(batch, at);
    if (to > at) {
      const kept = this.#write(batch, at, to);
      this.#left -= to - at;
      this.spent += to - at;
      if (at + kept < to) this.#leaveOut(batch, at + kept, to, "disk");
      at = to;
    }
    if (at === batch.length) return;
    this.#shut = true;
    this.#leaveOut(batch, at, batch.length, "limit");
  }

  #fitting({ buffer, length }: Batch, from: number): number {
    if (length - from <= this.#left) return length;
    return this.#left < 1 ? from : Math.max(from, buffer.lastIndexOf(10, from + Math.floor(this.#left) - 1) + 1);
  }

  #write(batch: Batch, from: number, to: number): number {
    if (this.#flags & OWES) {
      if (!this.#writer.endLine(batch.raw)) return 0;
      this.#flags &= ~OWES;
    }
    const whole = from === 0 && to === batch.length;
    const kept = this.#writer.write(batch, from, to, whole ? batch.count : newlines(batch.buffer, from, to));
    if (kept > 0) this.#flags = endsLine(batch, from, from + kept) ? this.#flags & ~OPEN : this.#flags | OPEN;
    return kept;
  }

  #leaveOut(batch: Batch, from: number, to: number, why: Why): number {
    const disk = why === "disk" ? DISK : 0;
    if (this.#flags & OPEN) this.#flags = OWES | CUT | disk;
    const found = measure(batch, from, to);
    // A line that was cut off is in the log; only its rest is missing.
    const lines = this.#flags & CUT && found.lines > 0 ? found.lines - 1 : found.lines;
    if (endsLine(batch, from, to)) this.#flags &= OWES;
    else if (found.lines > 0 || !(this.#flags & CUT)) this.#flags = (this.#flags & OWES) | SKIP | disk;
    const count = { lines, bytes: found.bytes };
    this.#untold[why] = plus(this.#untold[why], count);
    this.#writer.missed(why, count);
    return to;
  }
}

/** An empty record, which ends the line that the parts before it have begun. */
export const lineEnding = (full: Uint8Array): Buffer => Buffer.concat([full, Buffer.from("\n")]);

function endsLine({ buffer, length, parts, raw, unended }: Batch, from: number, to: number): boolean {
  if (unended && to === length) return true;
  if (raw) return buffer[to - 1] === 10;
  if (parts === 0) return true;
  const last = to - 2 < from ? from : Math.max(from, buffer.lastIndexOf(10, to - 2) + 1);
  return buffer[last + TAG_AT] !== PART;
}

/** Where the first line of a batch ends. */
function lineEnd({ buffer, length, parts, raw, unended }: Batch): number {
  for (let at = 0; at < length;) {
    const newline = buffer.indexOf(10, at);
    if (newline < 0 || newline >= length) return length;
    if (raw || parts === 0 || buffer[at + TAG_AT] !== PART || (unended && newline === length - 1)) return newline + 1;
    at = newline + 1;
  }
  return length;
}

function measure({ buffer, length, count, parts, raw, unended }: Batch, from: number, to: number): Count {
  const ours = unended && to === length ? 1 : 0;
  if (raw) return { lines: newlines(buffer, from, to) + ours, bytes: to - from };
  // Mostly little passes of much.
  const records = to === length && from < length / 2 ? count - newlines(buffer, 0, from) : newlines(buffer, from, to);
  const unfinished = parts === 0 ? 0 : partsIn(buffer, from, to);
  return { lines: records - unfinished, bytes: to - from - records * PREFIX_BYTES - unfinished - ours };
}

const PART = "P".charCodeAt(0);

function partsIn(buffer: Buffer, from: number, to: number): number {
  let parts = 0;
  for (let at = from; at < to; at = buffer.indexOf(10, at) + 1) if (buffer[at + TAG_AT] === PART) parts++;
  return parts;
}

function newlines(buffer: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = buffer.indexOf(10, from); at >= 0 && at < to; at = buffer.indexOf(10, at + 1)) count++;
  return count;
}
