/**
 * A write-ahead journal for output on its way from a pipe to a log. The daemon may be killed after any step:
 *
 *   begin    records in a shared mapping which stream is read, and how long its log is
 *   splice   the kernel moves bytes from the pipe to the spool file, whose length shows how many; larger amounts go to the
 *            region, whose seals show it (`region.ts`)
 *   write    appends the records to the log
 *   commit   writes the unfinished line to its file, and marks the step as done with one atomic store
 *
 * The next daemon finds in the mapping how far the last one came (`recover.ts`). The journal does not survive a reboot, and
 * need not: the pipes do not either.
 *
 * The mapping is small and fully allocated from the beginning: a store into a page that a full disk cannot allocate would
 * kill the daemon (SIGBUS). Longer data goes through write(2), which returns an error instead.
 */
import { closeSync, constants, fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { GateState } from "../../../core/logs/loss-gate.ts";
import { PART_BYTES } from "../../../core/logs/framing.ts";
import { openOwnFile } from "../../../linux/io/regular-files.ts";
import { Region, type Seal } from "./region.ts";

/** Where a log ended. */
export interface Where {
  readonly inode: number;
  readonly size: number;
}

/**
 * `chunk`: more input continues the unfinished line. `end`, `part`: the unfinished line is written as it is. `note`: the daemon
 * writes a line of its own.
 */
export type Doing = "chunk" | "end" | "part" | "note";
const DOINGS: readonly Doing[] = ["chunk", "end", "part", "note"];

export interface InFlight {
  readonly slot: number;
  readonly doing: Doing;
  readonly raw: boolean;
  /** Offset in the spool at which the bytes of this step begin. */
  readonly spoolFrom: number;
  /** Bytes that go through the region; 0: the step uses the spool. */
  readonly regionBytes: number;
  readonly where: Where;
  /** Bytes of records that the rate limit allows. */
  readonly allowance: number;
  /** The disk refuses writes: nothing of this step reaches the log. */
  readonly refused: boolean;
}

const SLOTS = 4096;
const NAME_BYTES = 256;
/** Small, so that its pages stay in the processor's cache. */
const SPOOL_LIMIT = 2 << 20;

const VERSION = 1;
/** Words of the header, of 4 bytes each. */
const W = { version: 0, phase: 1, doing: 2, slot: 3, next: 4, raw: 5, regionBytes: 22, seal: 23 } as const;
/** Doubles of the header, of 8 bytes each. `allowance` is stored plus one; 0 means no limit. */
const D = { spoolFrom: 8, inode: 9, size: 10, allowance: 13 } as const;
const RAW = 1;
const REFUSED = 2;
const PHASE = { idle: 0, begun: 1, written: 2 } as const;
const HEADER_WORDS = 32;
/** Per slot: whether it is in use, which of its two lines is current, and the lengths of both. */
const SLOT_WORDS = 4;
const TABLE_BYTES = (HEADER_WORDS + SLOTS * SLOT_WORDS) * 4;
/** Per slot, two copies like the lines: flags, then lines and bytes dropped by the limit, and those lost by the disk. */
const GATE_DOUBLES = 5;
const GATES_BYTES = SLOTS * 2 * GATE_DOUBLES * 8;

export class CaptureJournal {
  readonly spool: number;
  readonly region: Region;
  readonly #lines: number;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #gates: Float64Array;
  readonly #slots = new Map<string, number>();
  #spoolSize = 0;
  #closed = false;

  /** Throws when it cannot create the files: the caller then captures output without a journal. */
  constructor(directory: string) {
    const table = join(directory, "capture.table");
    const fresh = prepareTable(table);
    const mapped = Bun.mmap(table);
    this.#words = new Int32Array(mapped.buffer, mapped.byteOffset, TABLE_BYTES / 4);
    this.#doubles = new Float64Array(mapped.buffer, mapped.byteOffset, HEADER_WORDS / 2);
    this.#gates = mapGates(join(directory, "capture.gates"), fresh);
    this.spool = openOwnFile(join(directory, "capture.spool"), constants.O_RDWR | constants.O_CREAT);
    this.region = new Region(join(directory, "capture.region"));
    this.#lines = openOwnFile(join(directory, "capture.lines"), constants.O_RDWR | constants.O_CREAT);
    if (fresh) this.#words[W.version] = VERSION;
    else for (let slot = 0; slot < SLOTS; slot++) if (this.#word(slot, 0) === 1) this.#slots.set(this.#nameOf(slot), slot);
    this.#spoolSize = fstatSync(this.spool).size;
  }

  /** The slot of a stream ("web\0stdout"); null when all slots are taken, or the name cannot be written. */
  slotOf(key: string): number | null {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.#word(slot, 0) !== 0) continue;
      const name = Buffer.alloc(NAME_BYTES);
      name.write(key);
      try {
        writeSync(this.#lines, name, 0, NAME_BYTES, nameAt(slot));
      } catch {
        return null;
      }
      this.#setWord(slot, 1, 0);
      this.#setWord(slot, 2, 0);
      this.#gates.fill(0, slot * 2 * GATE_DOUBLES, (slot + 1) * 2 * GATE_DOUBLES);
      this.#setWord(slot, 0, 1);
      this.#slots.set(key, slot);
      return slot;
    }
    return null;
  }

  forget(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#setWord(slot, 0, 0);
  }

  keyOf(slot: number): string | undefined {
    for (const [key, one] of this.#slots) if (one === slot) return key;
    return undefined;
  }

  /** The unfinished line of a stream. */
  line(slot: number): Buffer {
    const index = this.#word(slot, 1);
    const line = Buffer.alloc(this.#word(slot, 2 + index));
    return line.subarray(0, readSync(this.#lines, line, 0, line.length, lineAt(slot, index)));
  }

  /** Output that the log of a stream lacks and that was not reported yet. */
  gate(slot: number): GateState {
    const at = gateAt(slot, this.#word(slot, 1));
    const [flags, limitLines, limitBytes, diskLines, diskBytes] = this.#gates.subarray(at, at + GATE_DOUBLES) as unknown as number[];
    return { flags: flags!, limit: { lines: limitLines!, bytes: limitBytes! }, disk: { lines: diskLines!, bytes: diskBytes! } };
  }

  /** The offset for the next bytes of the spool. Truncates the spool from time to time; call between steps only. */
  spoolEnd(): number {
    if (this.#spoolSize > SPOOL_LIMIT) {
      ftruncateSync(this.spool, 0);
      this.#spoolSize = 0;
    }
    return this.#spoolSize;
  }

  begin({ slot, doing, raw, spoolFrom, regionBytes, where, allowance, refused }: InFlight): void {
    const [words, doubles] = [this.#words, this.#doubles];
    words[W.regionBytes] = regionBytes;
    if (regionBytes > 0) {
      words[W.seal] = random();
      words[W.seal + 1] = random();
      this.region.seal(regionBytes, this.#seal);
    }
    words[W.slot] = slot;
    words[W.doing] = DOINGS.indexOf(doing);
    words[W.raw] = (raw ? RAW : 0) | (refused ? REFUSED : 0);
    doubles[D.allowance] = allowance === Infinity ? 0 : Math.max(0, allowance) + 1;
    doubles[D.spoolFrom] = spoolFrom;
    doubles[D.inode] = where.inode;
    doubles[D.size] = where.size;
    Atomics.store(words, W.phase, PHASE.begun);
  }

  /** No bytes were read: the step has no effect. */
  cancel(): void {
    Atomics.store(this.#words, W.phase, PHASE.idle);
  }

  /** The log holds the records, except for those that the gate counts as lost. `line` is the new unfinished line. */
  commit(slot: number, line: Buffer, gate: GateState, spooled: number): void {
    const next = this.#put(slot, line, gate);
    this.#words[W.next] = next;
    Atomics.store(this.#words, W.phase, PHASE.written);
    this.#finish(slot, next);
    this.#spoolSize += spooled;
  }

  /** The step in which the last daemon was killed; null: none. A step that was already written is completed here. */
  inFlight(): InFlight | null {
    const [words, doubles] = [this.#words, this.#doubles];
    const phase = Atomics.load(words, W.phase);
    if (phase === PHASE.written) this.#finish(words[W.slot]!, words[W.next]!);
    if (phase !== PHASE.begun) return null;
    const where = { inode: doubles[D.inode]!, size: doubles[D.size]! };
    return {
      slot: words[W.slot]!,
      doing: DOINGS[words[W.doing]!]!,
      raw: (words[W.raw]! & RAW) !== 0,
      spoolFrom: doubles[D.spoolFrom]!,
      regionBytes: words[W.regionBytes]!,
      where,
      allowance: doubles[D.allowance] === 0 ? Infinity : doubles[D.allowance]! - 1,
      refused: (words[W.raw]! & REFUSED) !== 0,
    };
  }

  /** The bytes that the interrupted step had read from the pipe. */
  taken({ doing, spoolFrom: from, regionBytes }: InFlight): Buffer {
    if (doing !== "chunk") return Buffer.alloc(0);
    const { region } = this;
    if (regionBytes > 0) return Buffer.from(region.bytes.subarray(region.at, region.at + region.arrived(regionBytes, this.#seal)));
    const bytes = Buffer.alloc(Math.max(0, fstatSync(this.spool).size - from));
    return bytes.subarray(0, readSync(this.spool, bytes, 0, bytes.length, from));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.spool);
    this.region.close();
    closeSync(this.#lines);
  }

  #finish(slot: number, next: number): void {
    this.#setWord(slot, 1, next);
    Atomics.store(this.#words, W.phase, PHASE.idle);
  }

  /** Writes the copy that is not current; returns its index. */
  #put(slot: number, line: Buffer, { flags, limit, disk }: GateState): number {
    const next = 1 - this.#word(slot, 1);
    const at = gateAt(slot, next);
    this.#gates[at] = flags;
    this.#gates[at + 1] = limit.lines;
    this.#gates[at + 2] = limit.bytes;
    this.#gates[at + 3] = disk.lines;
    this.#gates[at + 4] = disk.bytes;
    let length = line.length;
    try {
      if (length > 0) writeSync(this.#lines, line, 0, length, lineAt(slot, next));
    } catch {
      length = 0; // the disk is full: the line is in memory, and only a crash loses it
    }
    this.#setWord(slot, 2 + next, length);
    return next;
  }

  get #seal(): Seal {
    return [this.#words[W.seal]!, this.#words[W.seal + 1]!];
  }

  #nameOf(slot: number): string {
    const name = Buffer.alloc(NAME_BYTES);
    readSync(this.#lines, name, 0, NAME_BYTES, nameAt(slot));
    // The key itself contains one NUL, between unit and stream.
    const end = name.indexOf(0, name.indexOf(0) + 1);
    return name.toString("utf8", 0, end < 0 ? NAME_BYTES : end);
  }

  #word(slot: number, index: number): number {
    return this.#words[HEADER_WORDS + slot * SLOT_WORDS + index]!;
  }

  #setWord(slot: number, index: number, value: number): void {
    Atomics.store(this.#words, HEADER_WORDS + slot * SLOT_WORDS + index, value);
  }
}

const random = (): number => (Math.random() * 2 ** 32) | 0;
const nameAt = (slot: number): number => slot * NAME_BYTES;
const gateAt = (slot: number, index: number): number => (slot * 2 + index) * GATE_DOUBLES;
const lineAt = (slot: number, index: number): number => SLOTS * NAME_BYTES + (slot * 2 + index) * PART_BYTES;

/** Allocates the whole table on the disk. True when it was created, or replaced because another version wrote it. */
function prepareTable(path: string): boolean {
  const fd = openOwnFile(path, constants.O_RDWR | constants.O_CREAT);
  try {
    const version = Buffer.alloc(4);
    const known = fstatSync(fd).size === TABLE_BYTES && readSync(fd, version, 0, 4, 0) === 4 && version.readInt32LE(0) === VERSION;
    if (!known) {
      ftruncateSync(fd, 0);
      writeSync(fd, Buffer.alloc(TABLE_BYTES), 0, TABLE_BYTES, 0);
    }
    return !known;
  } finally {
    closeSync(fd);
  }
}

/** Allocates all of it on the disk. `fresh`: discards what another version left. */
function mapGates(path: string, fresh: boolean): Float64Array {
  const fd = openOwnFile(path, constants.O_RDWR | constants.O_CREAT);
  try {
    if (fresh || fstatSync(fd).size !== GATES_BYTES) {
      ftruncateSync(fd, 0);
      writeSync(fd, Buffer.alloc(GATES_BYTES), 0, GATES_BYTES, 0);
    }
  } finally {
    closeSync(fd);
  }
  const mapped = Bun.mmap(path);
  return new Float64Array(mapped.buffer, mapped.byteOffset, GATES_BYTES / 8);
}
