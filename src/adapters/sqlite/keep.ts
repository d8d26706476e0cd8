import type { Database } from "bun:sqlite";
import { chmodSync, constants, copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * A copy of the store as it was before a newer sup changed its shape: `sup.db.v2`, one only. It is the way back for an
 * upgrade that is taken back (`sup upgrade`), or for an operator. Call when nobody else has the file open.
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
    rmSync(copy, { force: true }); // half of one is worth nothing
    const why = error instanceof Error ? error.message : String(error);
    return `no copy of the database was kept before its schema changed, so an older sup cannot go back to it: ${why}`;
  }
}

const copyOf = (path: string, version: number): string => `${path}.v${version}`;

/** For a sup that knows schemas up to `newest`: the copy that it could go back to. */
export function copyFor(path: string, newest: number): string | null {
  for (let version = newest; version > 0; version--) if (existsSync(copyOf(path, version))) return copyOf(path, version);
  return null;
}
