import type { Database } from "bun:sqlite";
import { chmodSync, constants, copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * Copies the database to `sup.db.v2` before a newer sup migrates its schema, and removes older copies. `sup upgrade`, or an
 * operator, restores it to return to the old version. Call while no other process has the file open.
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

/** The copy that a sup with schemas up to `newest` could restore. */
export function copyFor(path: string, newest: number): string | null {
  for (let version = newest; version > 0; version--) if (existsSync(copyOf(path, version))) return copyOf(path, version);
  return null;
}
