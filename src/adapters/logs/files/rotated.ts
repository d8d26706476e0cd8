import { lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { COMPRESSIONS, findRotated, planRotation, type Rotated, rotatedName, unfinishedName } from "../../../core/logs/rotation.ts";
import type { Compression } from "../../../spec/spec.ts";

/** One rotated file. The object keeps its identity while its number goes up, so that a running compression can find it. */
export interface RotatedFile {
  number: number;
  compressed: Compression | false;
  gone: boolean;
  /**
   * Wall clock time of the last record in milliseconds, or null if it was not read yet. It is cached because nothing is written
   * to the file any more.
   */
  writtenMs: number | null;
}

/** The rotated files of one log, known from one scan of the directory. The methods throw the errors of the file system. */
export class RotatedSet {
  files: RotatedFile[];
  readonly #directory: string;
  readonly #current: string;

  /**
   * Scans the directory, and deletes files that a crash during a compression left behind. `names` are the names in the directory,
   * if the caller knows them.
   */
  constructor(directory: string, current: string, names: readonly string[] = readdirSync(directory)) {
    this.#directory = directory;
    this.#current = current;
    for (const format of COMPRESSIONS) rmSync(join(directory, unfinishedName(current, format)), { force: true });
    const { files, twins } = findRotated(current, names);
    for (const twin of twins) rmSync(this.pathOf(twin), { force: true });
    this.files = files.map((file) => ({ ...file, gone: false, writtenMs: null }));
  }

  pathOf(file: Rotated): string {
    return join(this.#directory, rotatedName(this.#current, file));
  }

  /**
   * Renames the current file to number 1 and adds 1 to the numbers of the others. Deletes files beyond `keep`. `writtenMs` is the
   * time of the last record in the current file, or null if it is unknown.
   */
  shift(keep: number, writtenMs: number | null): void {
    for (const step of planRotation(this.files, keep)) {
      const file = step.file as RotatedFile;
      if (step.do === "delete") this.#remove(file);
      else {
        moveIfThere(this.pathOf(file), this.pathOf({ ...file, number: step.to }));
        file.number = step.to;
      }
    }
    const current = join(this.#directory, this.#current);
    if (keep < 1) return rmSync(current, { force: true });
    const newest: RotatedFile = { number: 1, compressed: false, gone: false, writtenMs };
    if (moveIfThere(current, this.pathOf(newest))) this.files = [newest, ...this.files];
  }

  /** Deletes one file if it still exists. */
  drop(number: number): void {
    const file = this.files.find((one) => one.number === number);
    if (file) this.#remove(file);
  }

  /** Deletes files with a number greater than `keep`, and files that were last written before `beforeMs`. */
  trim(keep: number, beforeMs: number | null): void {
    for (const file of [...this.files]) {
      if (file.number > keep || (beforeMs !== null && this.#writtenMs(file) < beforeMs)) this.#remove(file);
    }
  }

  #remove(file: RotatedFile): void {
    rmSync(this.pathOf(file), { force: true });
    file.gone = true;
    this.files = this.files.filter((other) => other !== file);
  }

  #writtenMs(file: RotatedFile): number {
    return (file.writtenMs ??= lstatSync(this.pathOf(file), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  }
}

/** Renames a file. Returns false if it does not exist, because another program may have removed it. */
function moveIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return false;
  }
}
