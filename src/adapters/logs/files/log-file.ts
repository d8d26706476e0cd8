import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, mkdirSync, readdirSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { parseLine, PREFIX_BYTES } from "../../../core/logs/framing.ts";
import { findRotated } from "../../../core/logs/rotation.ts";
import { openOwnFile } from "../../../linux/io/regular-files.ts";
import type { LogSpec } from "../../../spec/spec.ts";
import type { Compressor } from "./compress.ts";
import type { Where } from "../capture/capture-journal.ts";
import { RotatedSet } from "./rotated.ts";
import { type Shared, shareDirectory, shareFile, shareFileAt } from "./sharing.ts";

/** The end of a log that has no current file. The first byte that is written creates one. */
export const NOWHERE: Where = { inode: 0, size: 0 };

/** How many bytes of an append reached the file, and why the rest did not. */
export interface Appended {
  readonly kept: number;
  readonly cause: NodeJS.ErrnoException | null;
}

export interface LogFileParts {
  readonly directory: string;
  /** Name of the file, for example `web.log`. */
  readonly name: string;
  readonly compressor: Compressor;
  /** Receives a complete message about a failure that loses no output. */
  readonly onProblem: (message: string) => void;
  /** Called after another program has deleted or moved the open file, but never during an append. */
  readonly onFileLost: () => void;
  readonly onRotated: () => void;
}

/**
 * The file of one log. It is opened when the first byte is written, and rotated by size and age at the end of a line. Only sup
 * appends to it. A disk error is a return value, never an exception. The file contains a record completely or not at all.
 */
export class LogFile implements Shared {
  spec: LogSpec;
  /** Why the file could not be rotated when it was due, or null if it could. */
  trouble: string | null = null;
  #fd = -1;
  #inode = 0;
  #size = 0;
  /** Wall clock time of the first record in milliseconds. It is null if the file is empty, and undefined if it was not read yet. */
  #begunMs: number | null | undefined = undefined;
  /** Wall clock time of the last record in milliseconds, or null if it is unknown. */
  #writtenMs: number | null = null;
  /** After a failed rotation, the size in bytes at which it is retried. */
  #retrySize = 0;
  #checkedSecond = -1;
  #set: RotatedSet | null = null;
  /** The group that may read the files. */
  #gid: number | null = null;
  readonly #parts: LogFileParts;

  constructor(spec: LogSpec, parts: LogFileParts) {
    this.spec = spec;
    this.#parts = parts;
  }

  /** Appends whole records. `second` is the current Unix time in seconds. */
  append(buffer: Buffer, from: number, to: number, second: number): Appended {
    let at = from;
    try {
      this.#ready(second);
      while (at < to) {
        const end = this.#fitting(buffer, at, to);
        if (end === at) {
          this.#rotate(second);
          this.#ready(second);
          continue;
        }
        at = this.#write(buffer, at, end, second);
      }
      return { kept: to - from, cause: null };
    } catch (error) {
      if (error instanceof ShortWrite) return { kept: error.at - from, cause: error.cause as NodeJS.ErrnoException };
      return { kept: at - from, cause: error as NodeJS.ErrnoException };
    }
  }

  /** Returns where the log ends, and opens the file if there is one. Returns an error if the disk refuses. */
  where(second: number): Where | NodeJS.ErrnoException {
    try {
      if (this.#fd < 0 && !lstatSync(this.#path, { throwIfNoEntry: false })) {
        return { ...NOWHERE, size: findRotated(this.#parts.name, this.#names()).files.length };
      }
      this.#ready(second);
      return { inode: this.#inode, size: this.#size };
    } catch (error) {
      return error as NodeJS.ErrnoException;
    }
  }

  /** Rotates the file. Returns false if the log is empty, or if the rotation failed, which `onProblem` has reported. */
  rotateNow(second: number): boolean {
    try {
      if (this.#fd < 0 && !lstatSync(this.#path, { throwIfNoEntry: false })) return false;
      this.#ready(second);
      if (this.#size === 0 || !this.#rotate(second)) return false;
      this.#ready(second);
      return true;
    } catch (error) {
      this.#problem("rotate", error);
      return false;
    }
  }

  /**
   * Deletes rotated files beyond `keep` or older than `max_age_days`. Rotates the file if its first record is older than that.
   * `names` are the names in the directory, if the caller knows them.
   */
  tidy(nowMs: number, names?: readonly string[]): void {
    const { maxAgeMs, keep } = this.spec;
    try {
      this.#set ??= new RotatedSet(this.#parts.directory, this.#parts.name, names);
      if (maxAgeMs !== null && (this.#begunAtMs(nowMs) ?? nowMs) <= nowMs - maxAgeMs) this.#rotate(Math.floor(nowMs / 1000));
      this.rotated.trim(keep, maxAgeMs === null ? null : nowMs - maxAgeMs);
      this.#compress();
    } catch (error) {
      this.#problem("apply retention to", error);
    }
  }

  share(gid: number | null): void {
    if (gid === this.#gid) return;
    for (const path of [this.#path, ...this.rotated.files.map((file) => this.rotated.pathOf(file))]) shareFileAt(path, gid);
    this.#gid = gid;
  }

  /** The rotated files. Throws if the directory cannot be read. */
  get rotated(): RotatedSet {
    return (this.#set ??= new RotatedSet(this.#parts.directory, this.#parts.name));
  }

  close(): void {
    this.#closeFile();
    if (this.#set) this.#parts.compressor.forget(this.#set);
  }

  /**
   * Opens the file if it is not open. Checks once a second whether the name still leads to the open file, because another program
   * may have deleted or moved it.
   */
  #ready(second: number): void {
    if (this.#fd >= 0) {
      if (second === this.#checkedSecond) return;
      this.#checkedSecond = second;
      const found = lstatSync(this.#path, { throwIfNoEntry: false });
      if (found?.ino === this.#inode) {
        this.#size = found.size; // another program may have truncated it
        return;
      }
      this.#closeFile();
      queueMicrotask(this.#parts.onFileLost);
    }
    this.#fd = this.#openFile();
    if (this.#gid !== null) this.#shareOpened(this.#gid);
    const found = fstatSync(this.#fd);
    this.#inode = found.ino;
    this.#size = found.size;
    this.#begunMs = this.#size === 0 ? null : this.#firstRecordMs(this.#fd, found.birthtimeMs || second * 1000);
    this.#checkedSecond = second;
    if (this.#size > 0 && this.spec.format === "cri") this.#endTornLine();
    if (this.#set) return;
    const { keep, maxAgeMs } = this.spec;
    this.rotated.trim(keep, maxAgeMs === null ? null : second * 1000 - maxAgeMs);
    this.#compress();
  }

  #openFile(): number {
    const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
    try {
      return openOwnFile(this.#path, flags);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      mkdirSync(this.#parts.directory, { recursive: true, mode: 0o700 }); // the whole directory was deleted
      return openOwnFile(this.#path, flags);
    }
  }

  /** The file is new, or another program has replaced it; perhaps even the directory. */
  #shareOpened(gid: number): void {
    try {
      shareDirectory(this.#parts.directory, gid);
      shareFile(this.#fd, gid);
    } catch (error) {
      this.#problem("share", error);
    }
  }

  /** Returns when the first record was written, or null if there is none. Reads the file only once. */
  #begunAtMs(nowMs: number): number | null {
    if (this.#begunMs !== undefined) return this.#begunMs;
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
    if (found === undefined || found.size === 0) return (this.#begunMs = null);
    const fd = openOwnFile(this.#path, constants.O_RDONLY);
    try {
      return (this.#begunMs = this.#firstRecordMs(fd, found.birthtimeMs || nowMs));
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Returns the time of the first record. A `raw` log has no timestamps, so the result is `birthMs`. This is the time when the
   * file was created or, if the file system does not record that, when sup first opened it.
   */
  #firstRecordMs(fd: number, birthMs: number): number {
    const head = Buffer.alloc(PREFIX_BYTES);
    const line = parseLine(head.toString("latin1", 0, readSync(fd, head, 0, PREFIX_BYTES, 0)));
    return line === null ? birthMs : Date.parse(line.time);
  }

  /** Ends an incomplete last record with a newline. A power failure may leave half a record. */
  #endTornLine(): void {
    const last = Buffer.alloc(1);
    if (readSync(this.#fd, last, 0, 1, this.#size - 1) === 1 && last[0] !== 10) this.#size += writeSync(this.#fd, "\n");
  }

  /** Returns the end of the whole lines that still fit into this file, or `from` if the file must be rotated first. */
  #fitting(buffer: Buffer, from: number, to: number): number {
    const room = Math.max(this.spec.maxSizeBytes, this.#retrySize) - this.#size;
    if (to - from <= room) return to;
    const newline = room > 0 ? buffer.lastIndexOf(10, from + room - 1) : -1;
    if (newline >= from) return newline + 1;
    if (this.#size > 0) return from;
    const end = buffer.indexOf(10, from); // a line longer than the limit gets a file of its own
    return end < 0 || end >= to ? to : end + 1;
  }

  #write(buffer: Buffer, from: number, to: number, second: number): number {
    let at = from;
    try {
      while (at < to) at += writeSync(this.#fd, buffer, at, to - at);
    } catch (error) {
      const newline = at > from ? buffer.lastIndexOf(10, at - 1) : -1;
      const whole = newline >= from ? newline + 1 : from;
      if (whole < at) ftruncateSync(this.#fd, fstatSync(this.#fd).size - (at - whole));
      this.#grow(whole - from, second);
      throw new ShortWrite(whole, error);
    }
    this.#grow(at - from, second);
    return at;
  }

  #grow(bytes: number, second: number): void {
    if (bytes === 0) return;
    this.#begunMs ??= second * 1000;
    this.#writtenMs = second * 1000;
    this.#size += bytes;
  }

  /** Rotates the file, so that the next record creates a new one. Returns false if that failed, which `onProblem` has reported. */
  #rotate(second: number): boolean {
    try {
      this.rotated.shift(this.spec.keep, this.#writtenMs);
    } catch (error) {
      // A file that is too long is better than lost output. The rotation is retried when the file has grown by its maximum size
      // again.
      if (this.trouble === null) this.#problem("rotate", error);
      this.trouble = `cannot rotate ${this.#path}: ${(error as Error).message}`;
      this.#retrySize = this.#size + this.spec.maxSizeBytes;
      return false;
    }
    this.trouble = null;
    this.#retrySize = 0;
    this.#begunMs = null;
    this.#writtenMs = null;
    this.#closeFile();
    this.#parts.onRotated();
    if (this.spec.maxAgeMs !== null) this.rotated.trim(this.spec.keep, second * 1000 - this.spec.maxAgeMs);
    this.#compress();
    return true;
  }

  #compress(): void {
    const { directory, name, compressor } = this.#parts;
    const { compress } = this.spec;
    if (compress && this.#set?.files.some((file) => !file.compressed))
      compressor.request({ directory, current: name, rotated: this.#set, format: compress });
  }

  #closeFile(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #names(): string[] {
    try {
      return readdirSync(this.#parts.directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  get #path(): string {
    return join(this.#parts.directory, this.#parts.name);
  }

  #problem(verb: string, error: unknown): void {
    this.#parts.onProblem(`cannot ${verb} ${this.#path}: ${(error as Error).message}`);
  }
}

/** Thrown if the disk accepted records up to `at` and no more. */
class ShortWrite extends Error {
  readonly at: number;

  constructor(at: number, cause: unknown) {
    super("short write", { cause });
    this.at = at;
  }
}
