/**
 * Reads a log forwards from a position, across rotations, for a client that follows it. It reads from the files. Therefore a slow
 * client misses lines only if a file is deleted before the client has read it.
 */
import { closeSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { LogFiles, type OpenFile, openLogFile } from "../files/directory.ts";
import { type Blocks, packedBlocks } from "../files/packed.ts";
import type { Spot } from "./backwards.ts";
import { blockBorder, borderIn, firstStamp } from "./seek.ts";

const CHUNK_BYTES = 64 << 10;
/** Maximum length of a line in bytes. A `raw` log may contain an endless line, which is returned in pieces of this length. */
const LINE_BYTES = 1 << 20;
const SEEK_BYTES = 256 << 10;
/** Number of bytes at the start of a file that are compared to distinguish it from a later file with the same inode number. */
const SAMPLE_BYTES = 64;

export interface CursorOptions {
  readonly directory: string;
  readonly current: string;
  /** Returns how often the log was rotated since the daemon started. Each rotation turns file number n - 1 into number n. */
  readonly rotations: () => number;
}

export interface Lines {
  /** The lines without their newlines. */
  readonly lines: readonly Buffer[];
  /** True if files were deleted before they were read. */
  readonly gap: boolean;
}

export class Cursor {
  #file: OpenFile | null = null;
  /**
   * The value of `rotations` when the file was the current one. If there is no file, the value when the previous file was the
   * current one.
   */
  #turn: number;
  /** Offset of the next bytes in the uncompressed text of the file. */
  #offset = 0;
  #blocks: { readonly all: Blocks; next: number; text: Buffer; at: number } | null = null;
  /** The beginning of a line whose end has not been read yet. */
  #carry: Buffer = NOTHING;
  /** True if the next bytes are the end of a line that began before the position. */
  #within = false;
  readonly #options: CursorOptions;

  /** Starts at the end of the log. */
  constructor(options: CursorOptions) {
    this.#options = options;
    this.#file = openLogFile(this.#path, false);
    this.#turn = options.rotations() - (this.#file === null ? 1 : 0);
    this.#offset = this.#file?.size ?? 0;
  }

  /**
   * Moves to the first record at or after `since`, or slightly before that record. In a log without timestamps, moves to the
   * oldest line.
   */
  seek(since: string): void {
    const files = new LogFiles(this.#options.directory, this.#options.current);
    const before = since.slice(0, -1); // sorts before `since`, but after every earlier timestamp
    try {
      for (const [index, number] of files.numbers.entries()) {
        const file = files.open(index);
        if (file === null) continue;
        const blocks = file.compressed ? packedBlocks(file.compressed, file.size, file.read) : null;
        const first = firstStamp(blocks ? (blocks.count > 0 ? blocks.text(0) : NOTHING) : file.read(0, SAMPLE_BYTES));
        const isLast = index === files.numbers.length - 1;
        if (!isLast && (first === null || first >= since)) continue;
        this.#enter(file, number);
        if (this.#blocks) {
          this.#blocks.next = Math.max(0, blockBorder(this.#blocks.all, before).high - 1);
          this.#within = this.#blocks.next > 0;
        } else this.#offset = borderIn(file.size, file.read, before, SEEK_BYTES).low;
        return;
      }
    } finally {
      files.close(this.#file ?? undefined);
    }
  }

  /** The files of the log now, and the function that moves to a spot in one of them later. The caller closes the files. */
  files(): { readonly files: LogFiles; readonly jump: (spot: Spot) => OpenFile } {
    const rotations = this.#options.rotations();
    const files = new LogFiles(this.#options.directory, this.#options.current);
    const jump = ({ index, block, at }: Spot): OpenFile => {
      const file = files.open(index)!;
      // By now, the file may have been rotated.
      this.#enter(file, files.numbers[index]! + this.#options.rotations() - rotations);
      if (this.#blocks === null) this.#offset = at;
      else this.#blocks = { ...this.#blocks, next: block! + 1, text: this.#blocks.all.text(block!), at };
      return file;
    };
    return { files, jump };
  }

  /** Moves to a position that `place` returned in this daemon or an earlier one. Returns false if that position no longer exists. */
  resume(place: string): boolean {
    const [inode, offset, sample] = place.split(":");
    const files = new LogFiles(this.#options.directory, this.#options.current);
    try {
      for (const [index, number] of files.numbers.entries()) {
        const file = files.open(index);
        if (file === null || file.compressed || String(file.inode) !== inode || file.size < Number(offset)) continue;
        if (sampleOf(file, Number(offset)) !== sample) continue;
        this.#enter(file, number);
        this.#offset = Number(offset);
        return true;
      }
      return false;
    } finally {
      files.close(this.#file ?? undefined);
    }
  }

  /**
   * Returns the position after the last line that was read, or `back` bytes before it. Returns null in a compressed file and
   * without a file.
   */
  place(back = 0): string | null {
    if (this.#file === null || this.#blocks !== null) return null;
    const offset = Math.max(0, this.#offset - this.#carry.length - back);
    return `${this.#file.inode}:${offset}:${sampleOf(this.#file, offset)}`;
  }

  /** Returns the lines in the `length` bytes before the position. */
  before(length: number): readonly Buffer[] {
    const bytes = this.#file?.read(Math.max(0, this.#offset - length), Math.min(length, this.#offset)) ?? NOTHING;
    const lines: Buffer[] = [];
    for (let from = 0, end = bytes.indexOf(10); end >= 0; from = end + 1, end = bytes.indexOf(10, from))
      lines.push(bytes.subarray(from, end));
    return lines;
  }

  /** Reads some of the following lines. Returns null if there are none yet. */
  next(): Lines | null {
    for (;;) {
      if (this.#file === null) {
        const gap = this.#advance() === "gap";
        if (gap) return { lines: [], gap };
        if (this.#file === null) return null;
      }
      const bytes = this.#blocks ? this.#unpacked() : this.#file.read(this.#offset, CHUNK_BYTES);
      if (bytes.length > 0) {
        this.#offset += bytes.length;
        const lines = this.#split(bytes);
        if (lines.length > 0) return { lines, gap: false };
        continue;
      }
      const rest = this.#carry;
      const moved = this.#options.rotations() > this.#turn ? this.#advance() : this.#replaced() && this.#leave(0);
      if (moved === false) return null;
      if (rest.length > 0 || moved === "gap") return { lines: rest.length > 0 ? [rest] : [], gap: moved === "gap" };
    }
  }

  close(): void {
    if (this.#file) closeSync(this.#file.fd);
    this.#file = null;
  }

  #split(bytes: Buffer): Buffer[] {
    const all = this.#carry.length > 0 ? Buffer.concat([this.#carry, bytes]) : bytes;
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, from)) {
      lines.push(all.subarray(from, end));
      from = end + 1;
    }
    this.#carry = all.subarray(from);
    if (this.#within && lines.length > 0) {
      lines.shift();
      this.#within = false;
    }
    if (this.#carry.length > LINE_BYTES) {
      lines.push(this.#carry);
      this.#carry = NOTHING;
    }
    return lines;
  }

  #unpacked(): Buffer {
    const blocks = this.#blocks!;
    while (blocks.at === blocks.text.length) {
      if (blocks.next === blocks.all.count) return NOTHING;
      blocks.text = blocks.all.text(blocks.next++);
      blocks.at = 0;
    }
    const bytes = blocks.text.subarray(blocks.at, blocks.at + CHUNK_BYTES);
    blocks.at += bytes.length;
    return bytes;
  }

  /** Moves to the oldest file that is newer than the present one. Returns "gap" if files between the two were deleted. */
  #advance(): "gap" | true {
    const files = new LogFiles(this.#options.directory, this.#options.current);
    const own = this.#options.rotations() - this.#turn; // the number of the present file
    const index = files.numbers.findLastIndex((number) => number < own);
    const number = files.numbers[index]!;
    try {
      const file = files.open(index);
      if (file === null) this.#leave(number);
      else this.#enter(file, number);
    } finally {
      files.close(this.#file ?? undefined);
    }
    return number < own - 1 ? "gap" : true;
  }

  /** Returns true if another program replaced the file by one of the same name, or truncated it. */
  #replaced(): boolean {
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
    return found !== undefined && (found.ino !== this.#file!.inode || found.size < this.#offset);
  }

  #enter(file: OpenFile, number: number): void {
    this.#leave(number);
    this.#turn++;
    this.#file = file;
    if (file.compressed) this.#blocks = { all: packedBlocks(file.compressed, file.size, file.read), next: 0, text: NOTHING, at: 0 };
  }

  #leave(number: number): true {
    this.close();
    this.#turn = this.#options.rotations() - number - 1;
    this.#offset = 0;
    this.#blocks = null;
    this.#carry = NOTHING;
    this.#within = false;
    return true;
  }

  get #path(): string {
    return join(this.#options.directory, this.#options.current);
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

const sampleOf = (file: OpenFile, offset: number): string => Bun.hash.crc32(file.read(0, Math.min(SAMPLE_BYTES, offset))).toString(16);
