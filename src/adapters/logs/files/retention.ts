/**
 * The files of the log directory as a whole: also those of units that do not run, and of units that are gone. What cannot be the
 * log of a unit by its name is not touched.
 */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isUnitId } from "../../../base/names.ts";
import { parseRotated, unitOfLog } from "../../../core/logs/rotation.ts";
import type { DeletedLogs, LogRetention, SpecOf } from "../../../ports/logs.ts";
import type { LogSpec } from "../../../spec/spec.ts";
import type { LogFile } from "./log-file.ts";

export interface KeepingOptions {
  readonly logDir: string;
  readonly retention: LogRetention;
  /** The one who rotates the log of this unit, whether or not it is written to. */
  readonly fileOf: (unit: string, spec: LogSpec) => LogFile;
  readonly onDeleted: (deleted: DeletedLogs) => void;
  readonly onProblem: (message: string) => void;
}

interface Found {
  readonly unit: string;
  readonly name: string;
  readonly bytes: number;
  readonly writtenMs: number;
}

export class Keeping {
  readonly #options: KeepingOptions;
  /** Of units that are gone, as they were when they were first seen: they can only have become younger since. */
  readonly #looked = new Map<string, Found>();
  #isOver = false;

  constructor(options: KeepingOptions) {
    this.#options = options;
  }

  /** Looks through the directory. `specOf`: undefined for a unit that is gone; null for one that exists and cannot be read. */
  tidy(specOf: SpecOf, nowMs: number): void {
    try {
      const units = this.#list();
      const gone: Found[] = [];
      for (const [unit, names] of units) {
        const spec = specOf(unit);
        if (spec) this.#options.fileOf(unit, spec).tidy(nowMs, names);
        else if (spec === undefined) gone.push(...names.flatMap((name) => this.#look(unit, name) ?? []));
      }
      this.#forget(units);
      this.#dropOld(gone, nowMs);
      const { maxTotalBytes } = this.#options.retention;
      if (maxTotalBytes !== null) this.#dropOver(maxTotalBytes, specOf);
    } catch (error) {
      this.#options.onProblem(`cannot look through ${this.#options.logDir}: ${(error as Error).message}`);
    }
  }

  #list(): Map<string, string[]> {
    const units = new Map<string, string[]>();
    for (const name of readdirSync(this.#options.logDir)) {
      const unit = unitOfLog(name);
      if (unit === null || !isUnitId(unit)) continue;
      const names = units.get(unit);
      if (names) names.push(name);
      else units.set(unit, [name]);
    }
    return units;
  }

  #look(unit: string, name: string): Found | null {
    const known = this.#looked.get(name);
    if (known) return known;
    const found = this.#stat(unit, name);
    if (found) this.#looked.set(name, found);
    return found;
  }

  #stat(unit: string, name: string): Found | null {
    const found = statSync(join(this.#options.logDir, name), { throwIfNoEntry: false });
    return found?.isFile() ? { unit, name, bytes: found.blocks * 512, writtenMs: found.mtimeMs } : null;
  }

  #forget(units: ReadonlyMap<string, readonly string[]>): void {
    for (const [name, { unit }] of this.#looked) if (!units.get(unit)?.includes(name)) this.#looked.delete(name);
  }

  /** Those of units that have been gone for too long. */
  #dropOld(gone: readonly Found[], nowMs: number): void {
    const beforeMs = nowMs - this.#options.retention.goneMs;
    const old = gone.filter(({ writtenMs }) => writtenMs < beforeMs).filter((one) => this.#isStill(one));
    for (const one of old) this.#remove(one);
    this.#tell(old, "gone");
  }

  /** A run of the same name may have come and gone between two looks. */
  #isStill({ unit, name, writtenMs }: Found): boolean {
    const now = this.#stat(unit, name);
    if (now?.writtenMs === writtenMs) return true;
    this.#looked.delete(name);
    return false;
  }

  #dropOver(maxBytes: number, specOf: SpecOf): void {
    const all = [...this.#list()].flatMap(([unit, names]) => names.flatMap((name) => this.#stat(unit, name) ?? []));
    let bytes = all.reduce((sum, one) => sum + one.bytes, 0);
    const byAge = (files: readonly Found[]): Found[] => files.toSorted((a, b) => a.writtenMs - b.writtenMs);
    const gone = all.filter(({ unit }) => specOf(unit) === undefined);
    const rotated = all.filter(({ unit, name }) => specOf(unit) && parseRotated(`${unit}.log`, name) !== null);
    const dropped: Found[] = [];
    for (const one of [...byAge(gone), ...byAge(rotated)]) {
      if (bytes <= maxBytes) break;
      const spec = specOf(one.unit);
      if (spec) this.#options.fileOf(one.unit, spec).rotated.drop(parseRotated(`${one.unit}.log`, one.name)!.number);
      else this.#remove(one);
      dropped.push(one);
      bytes -= one.bytes;
    }
    this.#tell(dropped, "bound");
    const isOver = bytes > maxBytes;
    if (isOver && !this.#isOver)
      this.#options.onProblem(`the logs take ${bytes} bytes, over logs.max_total_mb, and nothing is left to delete but files in use`);
    this.#isOver = isOver;
  }

  #remove({ name }: Found): void {
    rmSync(join(this.#options.logDir, name), { force: true });
    this.#looked.delete(name);
  }

  #tell(files: readonly Found[], why: DeletedLogs["why"]): void {
    if (files.length === 0) return;
    const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
    this.#options.onDeleted({ why, files: files.length, bytes, units: [...new Set(files.map(({ unit }) => unit))] });
  }
}
