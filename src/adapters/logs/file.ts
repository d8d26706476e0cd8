import { closeSync, constants, fstatSync, ftruncateSync, openSync, readdirSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { findRotated } from "../../core/rotate.ts";
import type { LogSpec } from "../../spec/spec.ts";
import type { Compressor } from "./compress.ts";
import type { Where } from "./journal.ts";
import { RotatedSet } from "./rotated.ts";

/** Of a log that has no file yet: one is made at its first byte. */
export const NOWHERE: Where = { inode: 0, size: 0 };

/** What became of an append: bytes that are in the file, and why the rest is not. */
export interface Appended {
  readonly kept: number;
  readonly cause: NodeJS.ErrnoException | null;
}

/**
 * The file of one log: opened at the first byte, appended to by us alone, rotated by size at the end of a line. An error
 * of the disk is an answer, never an exception; a record is in the file whole or not at all.
 */
export class LogFile {
  spec: LogSpec;
  private fd = -1;
  private inode = 0;
  private size = 0;
  private checkedSecond = -1;
  private rotated: RotatedSet | null = null;
  private readonly directory: string;
  private readonly name: string;
  private readonly compressor: Compressor;
  private readonly onProblem: (message: string) => void;

  constructor(directory: string, name: string, spec: LogSpec, compressor: Compressor, onProblem: (message: string) => void) {
    this.directory = directory;
    this.name = name;
    this.spec = spec;
    this.compressor = compressor;
    this.onProblem = onProblem;
  }

  /** Appends whole records. `second`: Unix seconds now. */
  append(buffer: Buffer, from: number, to: number, second: number): Appended {
    let at = from;
    try {
      this.ready(second);
      while (at < to) {
        const end = this.fitting(buffer, at, to);
        if (end === at) {
          this.rotate(second);
          continue;
        }
        at = this.write(buffer, at, end);
      }
      return { kept: to - from, cause: null };
    } catch (error) {
      if (error instanceof ShortWrite) return { kept: error.at - from, cause: error.cause as NodeJS.ErrnoException };
      return { kept: at - from, cause: error as NodeJS.ErrnoException };
    }
  }

  /** Where it ends; opens it when there is one. Null when the disk does not let us. */
  where(second: number): Where | null {
    try {
      if (this.fd < 0 && !statSync(this.path, { throwIfNoEntry: false }))
        return { ...NOWHERE, size: findRotated(this.name, readdirSync(this.directory)).files.length };
      this.ready(second);
      return { inode: this.inode, size: this.size };
    } catch {
      return null; // the append will fail for the same reason, and tells it
    }
  }

  /** False: there was nothing to rotate, or it failed, which was told. */
  rotateNow(second: number): boolean {
    try {
      if (this.fd < 0 && !statSync(this.path, { throwIfNoEntry: false })) return false;
      this.ready(second);
      if (this.size === 0) return false;
      const before = this.inode;
      this.rotate(second);
      return this.inode !== before;
    } catch (error) {
      this.problem("rotate", error);
      return false;
    }
  }

  /** Deletes rotated files over `keep` or older than `max_age_days`. */
  trim(nowMs: number): void {
    try {
      this.rotated ??= new RotatedSet(this.directory, this.name);
      this.rotated.trim(this.spec.keep, this.spec.maxAgeMs === null ? null : nowMs - this.spec.maxAgeMs);
    } catch (error) {
      this.problem("tidy up the rotated files of", error);
    }
  }

  close(): void {
    this.closeFile();
    if (this.rotated) this.compressor.forget(this.rotated);
  }

  /** Opens the file; once a second looks whether it is still the one of that name, in case somebody deleted or moved it. */
  private ready(second: number): void {
    if (this.fd >= 0) {
      if (second === this.checkedSecond) return;
      this.checkedSecond = second;
      const found = statSync(this.path, { throwIfNoEntry: false });
      this.size = found?.size ?? 0;
      if (found?.ino === this.inode) return;
      this.closeFile();
    }
    this.fd = openSync(this.path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
    const found = fstatSync(this.fd);
    this.inode = found.ino;
    this.size = found.size;
    this.checkedSecond = second;
    if (this.size > 0 && this.spec.format === "cri") this.endTornLine();
    if (this.rotated) return;
    this.rotated = new RotatedSet(this.directory, this.name);
    this.trim(second * 1000);
    this.compress();
  }

  /** A machine that lost power may leave half a record. */
  private endTornLine(): void {
    const last = Buffer.alloc(1);
    if (readSync(this.fd, last, 0, 1, this.size - 1) === 1 && last[0] !== 10) this.size += writeSync(this.fd, "\n");
  }

  /** The end of what still fits into this file, at a line's end; `from` when it must be rotated first. */
  private fitting(buffer: Buffer, from: number, to: number): number {
    const room = this.spec.maxSizeBytes - this.size;
    if (to - from <= room) return to;
    const newline = room > 0 ? buffer.lastIndexOf(10, from + room - 1) : -1;
    if (newline >= from) return newline + 1;
    if (this.size > 0) return from;
    const end = buffer.indexOf(10, from); // a line that is longer than a whole file gets one of its own
    return end < 0 || end >= to ? to : end + 1;
  }

  private write(buffer: Buffer, from: number, to: number): number {
    let at = from;
    try {
      while (at < to) at += writeSync(this.fd, buffer, at, to - at);
    } catch (error) {
      const newline = at > from ? buffer.lastIndexOf(10, at - 1) : -1;
      const whole = newline >= from ? newline + 1 : from;
      if (whole < at) ftruncateSync(this.fd, this.size + whole - from);
      this.size += whole - from;
      throw new ShortWrite(whole, error);
    }
    this.size += at - from;
    return at;
  }

  private rotate(second: number): void {
    try {
      this.rotated ??= new RotatedSet(this.directory, this.name);
      this.rotated.shift(this.spec.keep);
    } catch (error) {
      // Better a file that is too long than lost output. The next attempt comes when it has grown by that much again.
      this.problem("rotate", error);
      this.size = 0;
      return;
    }
    this.closeFile();
    if (this.spec.maxAgeMs !== null) this.trim(second * 1000);
    this.compress();
    this.ready(second);
  }

  private compress(): void {
    if (!this.spec.compress || !this.rotated?.files.some((file) => !file.compressed)) return;
    this.compressor.request({ directory: this.directory, current: this.name, rotated: this.rotated, format: this.spec.compress });
  }

  private closeFile(): void {
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }

  private get path(): string {
    return join(this.directory, this.name);
  }

  private problem(verb: string, error: unknown): void {
    this.onProblem(`cannot ${verb} ${this.path}: ${(error as Error).message}`);
  }
}

/** The disk took records up to `at` and no more. */
class ShortWrite extends Error {
  readonly at: number;

  constructor(at: number, cause: unknown) {
    super("short write", { cause });
    this.at = at;
  }
}
