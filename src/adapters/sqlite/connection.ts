import { Database } from "bun:sqlite";
import { chmodSync, closeSync, constants, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";
import { copyFor, keepCopy } from "./keep.ts";
import { migrate, SCHEMA_VERSION, schemaVersion } from "./migrations.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

/**
 * The reason why the database cannot be opened. `newer` means that a newer sup wrote the file. `half` is a connection to a
 * file that failed the check. It may be used only to save rows that are still readable.
 */
export type OpenProblem =
  | { readonly kind: "newer"; readonly words: string }
  | { readonly kind: "damaged"; readonly words: string; readonly half: Database | null }
  | { readonly kind: "outage"; readonly words: string };

/**
 * Maximum size of a file for a full check, which reads every page at about 1 GB/s from the page cache. In a larger file, the
 * check covers only the daemon's own tables.
 */
const FULL_CHECK_BYTES = 32 * 1024 * 1024;
const OWN_TABLES = ["supervisor_memory", "supervisor_enablement", "supervisor_kv", "supervisor_services"];

/** Milliseconds that a call may wait for another process's lock. The time is short at run time, because waiting blocks the whole daemon. */
const OPEN_LOCK_MS = 3000;
const RUN_LOCK_MS = 20;

/**
 * Size of SQLite's page cache. It holds the pages of one round of samples of 2,000 units. Other pages come from the kernel's page cache,
 * which takes some microseconds each.
 */
const CACHE_KIB = 2000;
const MIGRATION_CACHE_KIB = 128_000;

/**
 * An open database. If `alone` is true, this process has locked the file exclusively (see `connect`), and reconnects as soon as
 * the disk allows.
 */
export interface Connection {
  readonly db: Database;
  readonly alone: boolean;
  readonly notes: readonly string[];
}

/** Opens the database file, checks it and migrates it to the newest schema. Creates it (0600, in a 0700 directory) if it is missing. */
export function connect(path: string): Result<Connection, OpenProblem> {
  const shared = open(path, false);
  if (shared.ok || shared.error.kind !== "outage") return shared;
  // On a full disk, SQLite cannot create the shared index of the log (-shm). A connection with an exclusive lock keeps the index
  // in memory. This is better than a daemon that cannot read its state and refuses to start.
  const alone = open(path, true);
  return alone.ok ? alone : shared;
}

function open(path: string, alone: boolean): Result<Connection, OpenProblem> {
  let db: Database | null = null;
  try {
    if (isNotAFile(path)) return err({ kind: "damaged", words: "not a file", half: null });
    createFile(path);
    db = new Database(path, { readwrite: true, create: false });
    db.run(`PRAGMA busy_timeout = ${OPEN_LOCK_MS}`);
    if (alone) db.run("PRAGMA locking_mode = EXCLUSIVE");
    const version = schemaVersion(db);
    if (version > SCHEMA_VERSION) {
      db.close();
      const copy = copyFor(path, SCHEMA_VERSION);
      const back = copy === null ? "move the file away" : `restore ${copy}, the copy from before the newer sup`;
      const words = `its schema is version ${version}, and this sup supports up to ${SCHEMA_VERSION}: use the newer sup, or ${back}`;
      return err({ kind: "newer", words });
    }
    if (version === 0) db.run("PRAGMA auto_vacuum = INCREMENTAL"); // only takes effect on an empty file, before WAL
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = NORMAL");
    db.run("PRAGMA journal_size_limit = 4194304");
    db.run(`PRAGMA cache_size = -${CACHE_KIB}`);
    const fault = version > 0 ? check(db, statSync(path).size) : null;
    if (fault !== null) return err({ kind: "damaged", words: fault, half: db });
    const problem = version > 0 && version < SCHEMA_VERSION ? keepCopy(db, path, version) : null;
    if (version < SCHEMA_VERSION) migrateFast(db);
    db.run(`PRAGMA busy_timeout = ${RUN_LOCK_MS}`);
    return ok({ db, alone, notes: problem === null ? [] : [problem] });
  } catch (error) {
    const trouble = openTrouble(error);
    if (trouble.kind === "damaged") return err({ kind: "damaged", words: trouble.words, half: db });
    db?.close();
    return err({ kind: "outage", words: trouble.words });
  }
}

/** A migration may read every row. The larger cache makes it twice as fast; it is released afterwards. */
function migrateFast(db: Database): void {
  db.run(`PRAGMA cache_size = -${MIGRATION_CACHE_KIB}`);
  migrate(db);
  db.run(`PRAGMA cache_size = -${CACHE_KIB}`);
  db.run("PRAGMA shrink_memory");
}

const isNotAFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === false;

/** Creates an empty file, which is a valid database. SQLite creates `-wal` and `-shm` with the mode of this file. */
function createFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
  chmodSync(path, 0o600);
}

/** Returns null if the file is intact, otherwise the first fault. */
function check(db: Database, sizeBytes: number): string | null {
  const parts = sizeBytes <= FULL_CHECK_BYTES ? [""] : OWN_TABLES.map((table) => `('${table}')`);
  for (const part of parts) {
    const row = db.query<{ quick_check: string }, []>(`PRAGMA quick_check${part}`).get();
    if (row && row.quick_check !== "ok") return row.quick_check.split("\n").slice(0, 2).join(" ");
  }
  return null;
}

/**
 * Treats a refused migration as an outage. If the first migration finds tables with its names, the file is the database of
 * another program and must not be changed.
 */
function openTrouble(error: unknown): Trouble {
  const trouble = troubleOf(error);
  return trouble.kind === "refused" ? { kind: "outage", words: trouble.words } : trouble;
}
