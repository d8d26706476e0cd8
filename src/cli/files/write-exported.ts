import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ExportedFile } from "../../convert/export/types.ts";

/** Returns the paths of the files that exist already, links included. */
export const existing = (files: readonly ExportedFile[], directory: string): string[] =>
  files.map(({ name }) => join(directory, name)).filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);

/**
 * Writes the files. Only the owner can read a file with secrets. A file is complete before it gets its name, and replaces a link
 * instead of writing through it.
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
