import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { PART_BYTES } from "../../../core/logs/framing.ts";
import { spliceToFile } from "../../../linux/io/splice.ts";

/** What one step takes at most. */
export const REGION_BYTES = 1 << 20;
/** Room before the bytes of a step, for the line that they continue. */
const HEAD = PART_BYTES;
const PAGE = 4096;
const SEAL = 8;

/**
 * A file in memory to which the kernel moves bytes from a pipe, so that they need no second copy and outlive this process. The spool
 * (journal.ts) tells by its length how far the kernel came; here the length stays, for giving pages back and getting new ones
 * takes longer than moving the bytes. So before each step every page that is to be filled gets a seal: eight random bytes at its end.
 * splice(2) fills page after page and stops, if it is killed, between two of them; where the first whole seal is, it stopped.
 */
export class Region {
  /** All of it. The bytes of a step begin at `at`. */
  readonly bytes: Buffer;
  readonly at = HEAD;
  readonly #fd: number;
  readonly #words: Int32Array;

  constructor(path: string) {
    const size = HEAD + REGION_BYTES;
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    // Every page has its place on the disk from the beginning: a store into one that a full disk cannot give is a SIGBUS.
    for (let at = fstatSync(this.#fd).size; at < size;) at += writeSync(this.#fd, Buffer.alloc(size - at), 0, size - at, at);
    const mapped = Bun.mmap(path);
    this.bytes = Buffer.from(mapped.buffer, mapped.byteOffset, size);
    this.#words = new Int32Array(mapped.buffer, mapped.byteOffset, size / 4);
  }

  /** How many of the bytes that wait one step can take: the last page must have room for its seal. */
  fitting(waiting: number): number {
    const most = Math.min(waiting, REGION_BYTES);
    return most % PAGE < SEAL ? most - (most % PAGE) : most;
  }

  /** Seals the pages that `length` bytes will fill. */
  seal(length: number, [low, high]: Seal): void {
    for (let end = PAGE; end < length; end += PAGE) this.#put((HEAD + end) / 4, low, high);
    if (length % 4 === 0) return this.#put((HEAD + length) / 4, low, high);
    this.bytes.writeInt32LE(low, HEAD + length - SEAL);
    this.bytes.writeInt32LE(high, HEAD + length - SEAL / 2);
  }

  /** Moves bytes from a pipe; a negative errno when it cannot. */
  fill(pipe: number, length: number): number {
    return spliceToFile(pipe, this.#fd, HEAD, length);
  }

  /** How many of the `length` bytes of a step came, after the process that took it was killed. */
  arrived(length: number, [low, high]: Seal): number {
    for (let from = 0; from < length; from += PAGE) {
      const end = HEAD + Math.min(from + PAGE, length);
      if (this.bytes.readInt32LE(end - SEAL) === low && this.bytes.readInt32LE(end - SEAL / 2) === high) return from;
    }
    return length;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #put(end: number, low: number, high: number): void {
    this.#words[end - 2] = low;
    this.#words[end - 1] = high;
  }
}

export type Seal = readonly [low: number, high: number];
