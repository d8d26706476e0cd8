import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { findRotated, type Rotated, rotatedName } from "../../../core/logs/rotation.ts";
import { OWN_FILE } from "../../../linux/io/regular-files.ts";
import type { Compression } from "../../../spec/spec.ts";
import type { ReadAt } from "./packed.ts";

/** A file of a log, open for reading. */
export interface OpenFile {
  readonly fd: number;
  readonly inode: number;
  /** Size in bytes when the file was opened. */
  readonly size: number;
  readonly compressed: Compression | false;
  readonly read: ReadAt;
}

/** The files of one log at one moment, newest first. Each is opened on demand, because most are never read. */
export class LogFiles {
  /** For each file, how many rotations ago it was the current one. */
  readonly numbers: readonly number[];
  /** The current file has number 0. */
  readonly #files: readonly Rotated[];
  readonly #opened = new Map<number, OpenFile | null>();
  readonly #directory: string;
  readonly #current: string;

  constructor(directory: string, current: string) {
    this.#directory = directory;
    this.#current = current;
    this.#files = [{ number: 0, compressed: false }, ...rotatedOf(directory, current)];
    this.numbers = this.#files.map(({ number }) => number);
  }

  /** Returns the file, or null if it no longer exists. Throws if it exists but cannot be opened. */
  open(index: number): OpenFile | null {
    const known = this.#opened.get(index);
    if (known !== undefined) return known;
    const one = this.#files[index]!;
    const name = one.number === 0 ? this.#current : rotatedName(this.#current, one);
    const file = openLogFile(join(this.#directory, name), one.compressed);
    this.#opened.set(index, file);
    return file;
  }

  /** Opens all files, so that their contents stay readable when they are renamed or deleted. */
  hold(): void {
    for (let index = 0; index < this.#files.length; index++) this.open(index);
  }

  close(keep?: OpenFile): void {
    for (const file of this.#opened.values()) if (file && file !== keep) closeSync(file.fd);
    this.#opened.clear();
  }
}

/** Returns true if users other than root and the daemon's own user can create and replace files in a directory. */
export function canOthersWrite(directory: string): boolean {
  const { uid, mode } = statSync(directory);
  return (uid !== 0 && uid !== process.geteuid?.()) || (mode & 0o022) !== 0;
}

/** Returns null if there is no such file. A link or a FIFO in its place does not count as a file. Throws if the file cannot be opened. */
export function openLogFile(path: string, compressed: Compression | false): OpenFile | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | OWN_FILE);
  } catch (error) {
    if (["ENOENT", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  const status = fstatSync(fd);
  if (!status.isFile()) {
    closeSync(fd);
    return null;
  }
  const { ino: inode, size } = status;
  return { fd, inode, size, compressed, read: (at, length) => readAt(fd, at, length) };
}

function rotatedOf(directory: string, current: string): readonly Rotated[] {
  try {
    return findRotated(current, readdirSync(directory)).files;
  } catch {
    return []; // without a directory, the log is empty
  }
}

function readAt(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const read = readSync(fd, bytes, done, length - done, at + done);
    if (read === 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
}
