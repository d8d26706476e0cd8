import { closeSync, constants, fstatSync, writeSync } from "node:fs";
import { PART_BYTES } from "../../../core/logs/framing.ts";
import { readFifo } from "../../../linux/io/fifo.ts";
import { openOwnFile } from "../../../linux/io/regular-files.ts";
import { keepResident } from "../../../linux/io/resident.ts";
import { spliceToFile } from "../../../linux/io/splice.ts";

/** Maximum number of bytes that one step moves through the region. */
export const REGION_BYTES = 1 << 20;
/** Space in front of the bytes of a step, for the unfinished line that they continue. */
const HEAD = PART_BYTES;
const PAGE = 4096;
const SEAL = 8;

/**
 * A mapped file to which the kernel moves bytes from a pipe, so that the bytes need no second copy and survive this process. For
 * the spool (capture-journal.ts), the length of the file shows how many bytes the kernel moved. The region has a constant length
 * instead, because freeing and allocating pages takes longer than moving the bytes. Before a step, each page to be filled gets a
 * seal, which is eight random bytes at its end. splice(2) fills page after page and, if the process is killed, stops between two
 * pages. The first intact seal shows where it stopped.
 */
export class Region {
  /** The whole region. The bytes of a step begin at `at`. */
  readonly bytes: Buffer;
  readonly at = HEAD;
  readonly #path: string;
  readonly #fd: number;
  readonly #words: Int32Array;
  /** True if no store into the mapping waits. Null until the first step, because idle units need no locked memory. */
  #isResident: boolean | null = null;

  constructor(path: string) {
    this.#path = path;
    const size = HEAD + REGION_BYTES;
    this.#fd = openOwnFile(path, constants.O_RDWR | constants.O_CREAT);
    // Allocates every page now, because a store into a mapped page that a full disk cannot allocate raises SIGBUS.
    for (let at = fstatSync(this.#fd).size; at < size;) at += writeSync(this.#fd, Buffer.alloc(size - at), 0, size - at, at);
    const mapped = Bun.mmap(path);
    this.bytes = Buffer.from(mapped.buffer, mapped.byteOffset, size);
    this.#words = new Int32Array(mapped.buffer, mapped.byteOffset, size / 4);
  }

  /** Returns how many of the waiting bytes one step can take. The bytes in its last page must have room for a whole seal. */
  fitting(waiting: number): number {
    const most = Math.min(waiting, REGION_BYTES);
    return most % PAGE < SEAL ? most - (most % PAGE) : most;
  }

  /** Writes a seal at the end of each page that `length` bytes will fill. */
  seal(length: number, [low, high]: Seal): void {
    for (let end = PAGE; end < length; end += PAGE) this.#put((HEAD + end) / 4, low, high);
    if (length % 4 === 0) return this.#put((HEAD + length) / 4, low, high);
    this.bytes.writeInt32LE(low, HEAD + length - SEAL);
    this.bytes.writeInt32LE(high, HEAD + length - SEAL / 2);
  }

  /**
   * Moves bytes from a pipe to the region. Returns their number or a negative errno. read(2) takes two thirds of the time of
   * splice(2). A process that is killed during a read(2) from a pipe dies only after the kernel has copied all bytes that wait, unless a
   * page of the buffer is missing and the kernel gives up waiting for it. Then it would be unknown how many bytes arrived. So read(2)
   * is used only if the region is resident.
   */
  fill(pipe: number, length: number): number {
    this.#isResident ??= keepResident(this.#path, this.bytes);
    return this.#isResident ? readFifo(pipe, this.bytes, HEAD, length) : spliceToFile(pipe, this.#fd, HEAD, length);
  }

  /** Returns how many of the `length` bytes of a step arrived before the process was killed. */
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
