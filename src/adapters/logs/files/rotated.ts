import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { COMPRESSIONS, findRotated, planRotation, type Rotated, rotatedName, unfinishedName } from "../../../core/logs/rotation.ts";
import type { Compression } from "../../../spec/spec.ts";

/** One rotated file. The object stays the same while its number goes up: a compression under way finds it by that. */
export interface RotatedFile {
  number: number;
  compressed: Compression | false;
  gone: boolean;
  /** Wall milliseconds of its last record, once asked for: nothing is written to it any more. */
  writtenMs: number | null;
}

/** The rotated files of one log, known from one look at the directory. Throws what the file system throws. */
export class RotatedSet {
  files: RotatedFile[];
  readonly #directory: string;
  readonly #current: string;

  /** Also clears away what a crash left half done. `names`: what is in the directory, if that is known. */
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

  /** Moves the current file to number 1 and every other one up; deletes what is over `keep`. `writtenMs`: of its last record, if known. */
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

  /** Deletes that one, if it is there still. */
  drop(number: number): void {
    const file = this.files.find((one) => one.number === number);
    if (file) this.#remove(file);
  }

  /** Deletes what is over `keep` or was last written before `beforeMs`. */
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
    return (file.writtenMs ??= statSync(this.pathOf(file), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  }
}

/** Somebody may have taken a file away; that is no reason to stop. False: it was not there. */
function moveIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return false;
  }
}
