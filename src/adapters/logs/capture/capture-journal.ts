/**
 * A write-ahead journal for output on its way from a pipe to a log. Output moves in steps, each of which has four phases. The
 * daemon may be killed at any point of a step.
 *
 *   begin    records in a shared mapping which stream is read, and how long its log is
 *   splice   the kernel moves bytes from the pipe to the spool file, whose length shows how many bytes it moved; larger
 *            amounts go to the region, whose seals show this number (`region.ts`)
 *   write    appends the records to the log
 *   commit   writes the unfinished line to its file, and marks the step as done with one atomic store
 *
 * The next daemon finds in the mapping how far the last one came, and completes the step (`recover.ts`). The journal does not
 * survive a reboot. It need not, because the pipes do not survive a reboot either.
 *
 * The mapping is small and fully allocated from the beginning, because a store into a page that a full disk cannot allocate would
 * kill the daemon (SIGBUS). Longer data is written with write(2), which returns an error instead.
 */
import { closeSync, constants, fstatSync, ftruncateSync, readSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { GateState } from "../../../core/logs/loss-gate.ts";
import { PART_BYTES } from "../../../core/logs/framing.ts";
import { openOwnFile } from "../../../linux/io/regular-files.ts";
import { Region, type Seal } from "./region.ts";

/**
 * Where a log ends: the inode number and the size of its current file. If there is no current file, `inode` is 0, and `size` is
 * the number of rotated files.
 */
export interface Where {
  readonly inode: number;
  readonly size: number;
}

/**
 * The kinds of steps. `chunk` reads more input, which continues the unfinished line. `end` and `part` write the unfinished line as it
 * is, as a full line or as a part. `note` writes a line of the daemon's own.
 */
export type Doing = "chunk" | "end" | "part" | "note";
const DOINGS: readonly Doing[] = ["chunk", "end", "part", "note"];

export interface InFlight {
  readonly slot: number;
  readonly doing: Doing;
  readonly raw: boolean;
  /** Offset in the spool at which the bytes of this step begin. */
  readonly spoolFrom: number;
  /** Number of bytes that go through the region, or 0 if the step uses the spool. */
  readonly regionBytes: number;
  readonly where: Where;
  /** Number of bytes of records that the rate limit allows. */
  readonly allowance: number;
  /** True if the disk refuses writes, so that nothing of this step reaches the log. */
  readonly refused: boolean;
}

const SLOTS = 4096;
const NAME_BYTES = 256;
/** Size in bytes above which the spool is truncated. The limit is small, so that the pages of the spool stay in the processor's cache. */
const SPOOL_LIMIT = 2 << 20;

const VERSION = 1;
/** Positions of the fields of the header that are 4-byte integers, in units of 4 bytes. */
const W = { version: 0, phase: 1, doing: 2, slot: 3, next: 4, raw: 5, regionBytes: 22, seal: 23 } as const;
/** Positions of the fields of the header that are 8-byte floats, in units of 8 bytes. `allowance` is stored plus one; 0 means no limit. */
const D = { spoolFrom: 8, inode: 9, size: 10, allowance: 13 } as const;
const RAW = 1;
const REFUSED = 2;
const PHASE = { idle: 0, begun: 1, written: 2 } as const;
const HEADER_WORDS = 32;
/** Number of words per slot. They say whether the slot is in use, which of its two lines is current, and how long both lines are. */
const SLOT_WORDS = 4;
const TABLE_BYTES = (HEADER_WORDS + SLOTS * SLOT_WORDS) * 4;
/**
 * Number of doubles per gate: flags, lines and bytes dropped by the rate limit, lines and bytes lost because of the disk. A slot
 * has two copies of its gate, like its lines.
 */
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
  readonly #directory: string;
  /** The identities of the files, which tell when somebody has deleted one. */
  readonly #files: readonly string[];
  /** The slots that are not in use, the lowest last. */
  readonly #free: number[] = [];
  #spoolSize = 0;
  #closed = false;

  /** Throws if it cannot create the files. The caller then captures output without a journal. `suffix` is that of the file names. */
  constructor(directory: string, suffix = "") {
    this.#directory = directory;
    const [linesPath, gatesPath, spoolPath, regionPath, table] = pathsIn(directory, suffix);
    const fresh = prepareTable(table);
    const mapped = Bun.mmap(table);
    this.#words = new Int32Array(mapped.buffer, mapped.byteOffset, TABLE_BYTES / 4);
    this.#doubles = new Float64Array(mapped.buffer, mapped.byteOffset, HEADER_WORDS / 2);
    this.#gates = mapGates(gatesPath, fresh);
    this.spool = openOwnFile(spoolPath, constants.O_RDWR | constants.O_CREAT);
    this.region = new Region(regionPath);
    this.#lines = openOwnFile(linesPath, constants.O_RDWR | constants.O_CREAT);
    if (fresh) this.#words[W.version] = VERSION;
    for (let slot = SLOTS - 1; slot >= 0; slot--) {
      if (this.#word(slot, 0) === 1) this.#slots.set(this.#nameOf(slot), slot);
      else this.#free.push(slot);
    }
    this.#spoolSize = fstatSync(this.spool).size;
    this.#files = pathsIn(directory, suffix).map(identityOf);
  }

  /** True if somebody has deleted one of the files: what this process writes to it dies with this process. */
  get isLost(): boolean {
    return pathsIn(this.#directory, "").some((path, i) => identityOf(path) !== this.#files[i]);
  }

  /**
   * Returns a journal in new files with the same content, for after somebody deleted a file. Must only be called between steps. The new
   * files replace what is left of the old ones all together as far as the next daemon can see: without the table, which comes last,
   * it ignores the others. Throws if it cannot create the files; this journal then stays in use.
   */
  remade(): CaptureJournal {
    const paths = pathsIn(this.#directory, NEW);
    for (const path of paths) rmSync(path, { force: true });
    const made = new CaptureJournal(this.#directory, NEW);
    try {
      for (const [key, slot] of this.#slots) made.#copy(key, slot, this.line(slot), this.gate(slot));
      for (const [i, path] of pathsIn(this.#directory, "").entries()) renameSync(paths[i]!, path);
    } catch (error) {
      made.close();
      throw error;
    }
    this.close();
    return made;
  }

  /**
   * Returns the slot of a stream, whose key is, for example, "web\0stdout". Returns null if all slots are taken or the key cannot
   * be written.
   */
  slotOf(key: string): number | null {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot = this.#free.at(-1);
    if (slot === undefined) return null;
    try {
      this.#writeName(slot, key);
    } catch {
      return null;
    }
    this.#free.pop();
    this.#setWord(slot, 1, 0);
    this.#setWord(slot, 2, 0);
    this.#gates.fill(0, slot * 2 * GATE_DOUBLES, (slot + 1) * 2 * GATE_DOUBLES);
    this.#setWord(slot, 0, 1);
    this.#slots.set(key, slot);
    return slot;
  }

  #writeName(slot: number, key: string): void {
    const name = Buffer.alloc(NAME_BYTES);
    name.write(key);
    writeSync(this.#lines, name, 0, NAME_BYTES, nameAt(slot));
  }

  /** Takes over a slot of another journal. The stream keeps its number, because its capture knows it. */
  #copy(key: string, slot: number, line: Buffer, gate: GateState): void {
    this.#writeName(slot, key);
    this.#free.splice(this.#free.indexOf(slot), 1);
    this.#setWord(slot, 1, this.#put(slot, line, gate));
    this.#setWord(slot, 0, 1);
    this.#slots.set(key, slot);
  }

  forget(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#setWord(slot, 0, 0);
    this.#free.push(slot);
  }

  keyOf(slot: number): string | undefined {
    for (const [key, one] of this.#slots) if (one === slot) return key;
    return undefined;
  }

  /** Returns the unfinished line of a stream. */
  line(slot: number): Buffer {
    const index = this.#word(slot, 1);
    const line = Buffer.alloc(this.#word(slot, 2 + index));
    return line.subarray(0, readSync(this.#lines, line, 0, line.length, lineAt(slot, index)));
  }

  /** Returns the state of the loss gate of a stream. It counts output that was dropped and that the log does not mention yet. */
  gate(slot: number): GateState {
    const at = gateAt(slot, this.#word(slot, 1));
    const [flags, limitLines, limitBytes, diskLines, diskBytes] = this.#gates.subarray(at, at + GATE_DOUBLES) as unknown as number[];
    return { flags: flags!, limit: { lines: limitLines!, bytes: limitBytes! }, disk: { lines: diskLines!, bytes: diskBytes! } };
  }

  /** Returns the offset for the next bytes of the spool. Must only be called between steps, because it truncates a large spool. */
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

  /** Ends a step without any effect, for example because no bytes were read. */
  cancel(): void {
    Atomics.store(this.#words, W.phase, PHASE.idle);
  }

  /**
   * Ends a step. The log now contains its records, except for those that the gate counts as lost. `line` is the new unfinished
   * line, and `spooled` the number of bytes that the step added to the spool.
   */
  commit(slot: number, line: Buffer, gate: GateState, spooled: number): void {
    const next = this.#put(slot, line, gate);
    this.#words[W.next] = next;
    Atomics.store(this.#words, W.phase, PHASE.written);
    this.#finish(slot, next);
    this.#spoolSize += spooled;
  }

  /** Returns the step in which the last daemon was killed, or null if there is none. A step that was already written is completed here. */
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

  /** Returns the bytes that the interrupted step had read from the pipe. */
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

  /** Stores line and gate in the copies of the slot that are not current. Returns the index of these copies. */
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
      length = 0; // the disk is full, but the line is also in memory, so that only a crash loses it
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

/** The table is last, see `remade`. */
const FILES = ["lines", "gates", "spool", "region", "table"] as const;
type Paths = [lines: string, gates: string, spool: string, region: string, table: string];
const NEW = ".new";

const pathsIn = (directory: string, suffix: string): Paths => FILES.map((name) => join(directory, `capture.${name}${suffix}`)) as Paths;

function identityOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "" : `${stat.dev}:${stat.ino}`;
}

const random = (): number => (Math.random() * 2 ** 32) | 0;
const nameAt = (slot: number): number => slot * NAME_BYTES;
const gateAt = (slot: number, index: number): number => (slot * 2 + index) * GATE_DOUBLES;
const lineAt = (slot: number, index: number): number => SLOTS * NAME_BYTES + (slot * 2 + index) * PART_BYTES;

/** Allocates the whole table on the disk. Returns true if the table was created, or was replaced because another version had written it. */
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

/** Allocates the whole file on the disk and maps it. If `fresh` is true, discards the state that another version left. */
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
