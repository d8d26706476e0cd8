/**
 * Retention for the whole log directory, including the logs of units that do not run or were removed. Files whose names cannot
 * belong to the log of a unit are never touched.
 */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isUnitId } from "../../../base/names.ts";
import { parseRotated, unitOfLog } from "../../../core/logs/rotation.ts";
import type { DeletedLogs, LogRetention, SpecOf } from "../../../ports/logs.ts";
import type { LogSpec } from "../../../spec/spec.ts";
import type { LogFile } from "./log-file.ts";

export interface DirectoryRetentionOptions {
  readonly logDir: string;
  readonly retention: LogRetention;
  /** Returns the LogFile that rotates the log of this unit, whether or not it is open. */
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

export class DirectoryRetention {
  readonly #options: DirectoryRetentionOptions;
  /** Files of removed units as they were at their first scan. Their modification times can only have increased since then. */
  readonly #seen = new Map<string, Found>();
  #isOver = false;

  constructor(options: DirectoryRetentionOptions) {
    this.#options = options;
  }

  /**
   * Scans the directory and applies retention. `specOf` returns undefined for a removed unit, and null for a unit that exists but
   * cannot be read.
   */
  tidy(specOf: SpecOf, nowMs: number): void {
    try {
      const units = this.#list();
      const gone: Found[] = [];
      for (const [unit, names] of units) {
        const spec = specOf(unit);
        if (spec) this.#options.fileOf(unit, spec).tidy(nowMs, names);
        else if (spec === undefined) gone.push(...names.flatMap((name) => this.#examine(unit, name) ?? []));
      }
      this.#forget(units);
      this.#dropOld(gone, nowMs);
      const { maxTotalBytes } = this.#options.retention;
      if (maxTotalBytes !== null) this.#dropOver(maxTotalBytes, specOf);
    } catch (error) {
      this.#options.onProblem(`cannot scan the log directory ${this.#options.logDir}: ${(error as Error).message}`);
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

  #examine(unit: string, name: string): Found | null {
    const known = this.#seen.get(name);
    if (known) return known;
    const found = this.#stat(unit, name);
    if (found) this.#seen.set(name, found);
    return found;
  }

  #stat(unit: string, name: string): Found | null {
    const found = lstatSync(join(this.#options.logDir, name), { throwIfNoEntry: false });
    return found?.isFile() ? { unit, name, bytes: found.blocks * 512, writtenMs: found.mtimeMs } : null;
  }

  #forget(units: ReadonlyMap<string, readonly string[]>): void {
    for (const [name, { unit }] of this.#seen) if (!units.get(unit)?.includes(name)) this.#seen.delete(name);
  }

  /** Deletes files of removed units after their retention time. */
  #dropOld(gone: readonly Found[], nowMs: number): void {
    const beforeMs = nowMs - this.#options.retention.goneMs;
    const old = gone.filter(({ writtenMs }) => writtenMs < beforeMs).filter((one) => this.#isUnchanged(one));
    for (const one of old) this.#remove(one);
    this.#report(old, "gone");
  }

  /** Returns false if the file has changed since its first scan, because a unit of the same name may have run between two scans. */
  #isUnchanged({ unit, name, writtenMs }: Found): boolean {
    const now = this.#stat(unit, name);
    if (now?.writtenMs === writtenMs) return true;
    this.#seen.delete(name);
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
    this.#report(dropped, "bound");
    const isOver = bytes > maxBytes;
    if (isOver && !this.#isOver)
      this.#options.onProblem(
        `the logs take ${bytes} bytes, more than logs.max_total_mb, and only files in use are left: raise the limit, or lower log.max_size_mb of the units`,
      );
    this.#isOver = isOver;
  }

  #remove({ name }: Found): void {
    rmSync(join(this.#options.logDir, name), { force: true });
    this.#seen.delete(name);
  }

  #report(files: readonly Found[], why: DeletedLogs["why"]): void {
    if (files.length === 0) return;
    const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
    this.#options.onDeleted({ why, files: files.length, bytes, units: [...new Set(files.map(({ unit }) => unit))] });
  }
}
