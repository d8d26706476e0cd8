import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ExportedFile } from "../../convert/export/types.ts";

/** Returns the paths of the files that already exist. Links count as existing. */
export const existing = (files: readonly ExportedFile[], directory: string): string[] =>
  files.map(({ name }) => join(directory, name)).filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);

/**
 * Writes the files. Only the owner can read a file that contains secrets. A file gets its final name after it was written
 * completely. A link with that name is replaced; its target is not written to.
 */
export function writeExported(files: readonly ExportedFile[], directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const { name, text, hasSecrets } of files) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    const temporary = join(dirname(path), `.${basename(path)}.export`);
    rmSync(temporary, { force: true });
    try {
      writeFileSync(temporary, text, { mode: hasSecrets ? 0o600 : 0o644, flag: "wx" });
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }
}
