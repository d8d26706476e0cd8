/**
 * Decides which records of a stream are written to its log, because a rate limit or a full disk may not allow all of them. Counts the
 * records that it drops. The decision does not depend on the clock. The same records with the same allowance give the same result, so
 * that the next daemon can complete a step during which this daemon was killed.
 *
 * A line is cut only between two records, and the rest of the line is dropped. Before the next line, an empty record ends the written
 * part, because readers join a part (`P`) with the record that follows.
 */
import { PREFIX_BYTES, TAG_AT } from "./framing.ts";

/** Consecutive framed records of one stream. */
export interface Batch {
  readonly buffer: Buffer;
  readonly length: number;
  readonly count: number;
  /** Number of records that do not end their line. */
  readonly parts: number;
  readonly raw: boolean;
  /** True if the last record ends a line that the service wrote without a newline. */
  readonly unended: boolean;
}

export type Why = "limit" | "disk";

/** Numbers of lines and bytes as the service wrote them. */
export interface Count {
  readonly lines: number;
  readonly bytes: number;
}

export const NOTHING: Count = { lines: 0, bytes: 0 };

export const plus = (a: Count, b: Count): Count => ({ lines: a.lines + b.lines, bytes: a.bytes + b.bytes });

export interface GateWriter {
  /** Writes records, and returns the number of bytes that the log accepted. This is always a whole number of records. */
  write(batch: Batch, from: number, to: number, count: number): number;
  /** Writes the empty record that ends a cut line. Returns false if that fails. */
  endLine(raw: boolean): boolean;
  missed(why: Why, count: Count): void;
}

/** The complete state of a gate, which can be stored and restored. */
export interface GateState {
  readonly flags: number;
  /** Dropped output that no note in the log mentions yet: `limit` was dropped because of the rate limit, `disk` because of the disk. */
  readonly limit: Count;
  readonly disk: Count;
}

export const FRESH: GateState = { flags: 0, limit: NOTHING, disk: NOTHING };

/** Flag: the last record in the log is a part of an unfinished line. */
const OPEN = 1;
/** Flag: the last line in the log was cut, and the empty record that ends it is not written yet. */
const OWES_END = 2;
/** Flag: the rest of the current line is dropped, but its beginning is in the log. */
const CUT = 4;
/** Flag: the rest of the current line is dropped, and so was its beginning. */
const SKIP = 8;
/** Flag: the current line was dropped because of the disk, not because of the rate limit. */
const DISK = 16;

export class LossGate {
  /** Number of bytes of the records that passed the gate in the current step. */
  spent = 0;
  #flags = 0;
  #missing: Record<Why, Count> = { limit: NOTHING, disk: NOTHING };
  #allowance = Infinity;
  #closed = false;
  readonly #writer: GateWriter;

  constructor(writer: GateWriter) {
    this.#writer = writer;
  }

  get state(): GateState {
    return { flags: this.#flags, ...this.#missing };
  }

  set state({ flags, limit, disk }: GateState) {
    this.#flags = flags;
    this.#missing = { limit, disk };
  }

  /** True if the last record in the log is a part of a line whose rest has not arrived yet. */
  get isOpen(): boolean {
    return (this.#flags & OPEN) !== 0;
  }

  /** Returns the amount of output that was dropped for this reason and that no note in the log mentions yet. */
  missing(why: Why): Count {
    return this.#missing[why];
  }

  /** Must be called after a note about the dropped output was written to the log. */
  reported(why: Why): void {
    this.#missing[why] = NOTHING;
  }

  /**
   * Begins a step, which may consist of several batches. During the step, `allowance` bytes may pass. The gate drops the first record
   * that does not fit and all records after it.
   */
  begin(allowance: number): void {
    this.#allowance = allowance;
    this.#closed = false;
    this.spent = 0;
  }

  take(batch: Batch): void {
    let at = 0;
    if (this.#flags & (CUT | SKIP)) at = this.#drop(batch, 0, lineEnd(batch), this.#flags & DISK ? "disk" : "limit");
    const to = this.#closed ? at : this.#fitting(batch, at);
    if (to > at) {
      const kept = this.#write(batch, at, to);
      this.#allowance -= to - at;
      this.spent += to - at;
      if (at + kept < to) this.#drop(batch, at + kept, to, "disk");
      at = to;
    }
    if (at === batch.length) return;
    this.#closed = true;
    this.#drop(batch, at, batch.length, "limit");
  }

  #fitting({ buffer, length }: Batch, from: number): number {
    if (length - from <= this.#allowance) return length;
    return this.#allowance < 1 ? from : Math.max(from, buffer.lastIndexOf(10, from + Math.floor(this.#allowance) - 1) + 1);
  }

  #write(batch: Batch, from: number, to: number): number {
    if (this.#flags & OWES_END) {
      if (!this.#writer.endLine(batch.raw)) return 0;
      this.#flags &= ~OWES_END;
    }
    const whole = from === 0 && to === batch.length;
    const kept = this.#writer.write(batch, from, to, whole ? batch.count : newlines(batch.buffer, from, to));
    if (kept > 0) this.#flags = endsLine(batch, from, from + kept) ? this.#flags & ~OPEN : this.#flags | OPEN;
    return kept;
  }

  #drop(batch: Batch, from: number, to: number, why: Why): number {
    const disk = why === "disk" ? DISK : 0;
    if (this.#flags & OPEN) this.#flags = OWES_END | CUT | disk;
    const found = measure(batch, from, to);
    // A cut line counts as written, because only its rest is missing.
    const lines = this.#flags & CUT && found.lines > 0 ? found.lines - 1 : found.lines;
    if (endsLine(batch, from, to)) this.#flags &= OWES_END;
    else if (found.lines > 0 || !(this.#flags & CUT)) this.#flags = (this.#flags & OWES_END) | SKIP | disk;
    const count = { lines, bytes: found.bytes };
    this.#missing[why] = plus(this.#missing[why], count);
    this.#writer.missed(why, count);
    return to;
  }
}

/** Returns an empty record, which ends a line that was cut after a part. `full` is the prefix of the record. */
export const lineEnding = (full: Uint8Array): Buffer => Buffer.concat([full, Buffer.from("\n")]);

function endsLine({ buffer, length, parts, raw, unended }: Batch, from: number, to: number): boolean {
  if (unended && to === length) return true;
  if (raw) return buffer[to - 1] === 10;
  if (parts === 0) return true;
  const last = Math.max(from, buffer.lastIndexOf(10, to - 2) + 1);
  return buffer[last + TAG_AT] !== PART;
}

/** Returns the position after the first line of a batch. */
function lineEnd({ buffer, length, parts, raw }: Batch): number {
  for (let at = 0; at < length;) {
    const newline = buffer.indexOf(10, at);
    if (newline < 0 || newline >= length) return length;
    if (raw || parts === 0 || buffer[at + TAG_AT] !== PART) return newline + 1;
    at = newline + 1;
  }
  return length;
}

function measure({ buffer, length, count, parts, raw, unended }: Batch, from: number, to: number): Count {
  const added = unended && to === length ? 1 : 0; // the newline that sup added
  if (raw) return { lines: newlines(buffer, from, to) + added, bytes: to - from };
  // If the end of a batch is dropped, usually only a small part at its start has passed. Counting that part and subtracting is faster.
  const records = to === length && from < length / 2 ? count - newlines(buffer, 0, from) : newlines(buffer, from, to);
  const unfinished = parts === 0 ? 0 : partsIn(buffer, from, to);
  return { lines: records - unfinished, bytes: to - from - records * PREFIX_BYTES - unfinished - added };
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
