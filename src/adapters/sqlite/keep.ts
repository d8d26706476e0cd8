import type { Database } from "bun:sqlite";
import { chmodSync, constants, copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * Copies the database, for example to `sup.db.v2`, and removes older copies. Called before a newer sup migrates the schema
 * from that version. `sup upgrade` or an operator restores the copy to return to the old version of sup. No other process may
 * have the file open during the call. Returns an error message or null.
 */
export function keepCopy(db: Database, path: string, version: number): string | null {
  const copy = copyOf(path, version);
  try {
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    copyFileSync(path, copy, constants.COPYFILE_FICLONE);
    chmodSync(copy, 0o600);
    const older = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.v`) && name !== basename(copy));
    for (const name of older) rmSync(join(dirname(path), name));
    return null;
  } catch (error) {
    rmSync(copy, { force: true }); // an incomplete copy is useless
    const why = error instanceof Error ? error.message : String(error);
    return `cannot copy the database before its schema changes, so an older sup cannot use it again: ${why}`;
  }
}

const copyOf = (path: string, version: number): string => `${path}.v${version}`;

/** Returns the newest copy that a sup with schemas up to version `newest` could restore, or null if there is no such copy. */
export function copyFor(path: string, newest: number): string | null {
  for (let version = newest; version > 0; version--) if (existsSync(copyOf(path, version))) return copyOf(path, version);
  return null;
}
