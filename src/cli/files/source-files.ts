import { accessSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import type { SourceFiles } from "../../convert/import/types.ts";

const MAX_BYTES = 1024 * 1024;

/** Reads this machine's files for an import. Only regular files with UTF-8 text of at most 1 MiB are read. */
export const sourceFiles: SourceFiles = {
  read(path) {
    try {
      const { size } = statSync(path);
      // Reading a device or a FIFO might never end.
      if (!statSync(path).isFile() || size > MAX_BYTES) return null;
      return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
    } catch {
      return null;
    }
  },
  list(path) {
    try {
      return readdirSync(path).sort();
    } catch {
      return [];
    }
  },
  kind(path) {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isDirectory() ? "directory" : found?.isFile() ? "file" : null;
  },
  isExecutable(path) {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  },
};
