import { Database } from "bun:sqlite";
import { chmodSync, closeSync, constants, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { err, ok, type Result } from "../../base/result.ts";
import { copyFor, keepCopy } from "./keep.ts";
import { migrate, SCHEMA_VERSION, schemaVersion } from "./migrations.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

/** `newer`: written by a later sup. `half`: open, but its content fails the check; only good for saving what can be read. */
export type OpenProblem =
  | { readonly kind: "newer"; readonly words: string }
  | { readonly kind: "damaged"; readonly words: string; readonly half: Database | null }
  | { readonly kind: "outage"; readonly words: string };

/** Checking reads every page, about 1 GB/s from the page cache: bigger files are checked only where the daemon's own tables are. */
const FULL_CHECK_BYTES = 32 * 1024 * 1024;
const OWN_TABLES = ["supervisor_memory", "supervisor_enablement", "supervisor_kv", "supervisor_services"];

/** How long a call may wait for another process's lock. Short at run time: the whole daemon waits with it. */
const OPEN_LOCK_MS = 3000;
const RUN_LOCK_MS = 20;

/** Holds the page that each of 1,000 units adds its samples to, which halves the cost of a round. Only what is used is taken. */
const CACHE_KIB = 8000;
const MIGRATION_CACHE_KIB = 128_000;

/** `alone`: no other process can open the file now (see below); to be left as soon as the disk allows. */
export interface Connection {
  readonly db: Database;
  readonly alone: boolean;
  readonly notes: readonly string[];
}

/** Opens (and makes, if need be) the database file 0600 in a directory 0700, checked and with the newest schema. */
export function connect(path: string): Result<Connection, OpenProblem> {
  const shared = open(path, false);
  if (shared.ok || shared.error.kind !== "outage") return shared;
  // On a full disk the shared index of the log (-shm) cannot be made. A connection that is alone keeps it in memory, and
  // a daemon that can read what it needs is worth more than one that refuses to start.
  const alone = open(path, true);
  return alone.ok ? alone : shared;
}

function open(path: string, alone: boolean): Result<Connection, OpenProblem> {
  let db: Database | null = null;
  try {
    if (isSomethingElse(path)) return err({ kind: "damaged", words: "not a file", half: null });
    makeFile(path);
    db = new Database(path, { readwrite: true, create: false });
    db.run(`PRAGMA busy_timeout = ${OPEN_LOCK_MS}`);
    if (alone) db.run("PRAGMA locking_mode = EXCLUSIVE");
    const version = schemaVersion(db);
    if (version > SCHEMA_VERSION) {
      db.close();
      const copy = copyFor(path, SCHEMA_VERSION);
      const back = copy === null ? "move the file away" : `go back to ${copy}, which was kept before the newer one came`;
      const words = `its schema is version ${version}, this sup knows up to ${SCHEMA_VERSION}: use the newer sup, or ${back}`;
      return err({ kind: "newer", words });
    }
    if (version === 0) db.run("PRAGMA auto_vacuum = INCREMENTAL"); // heeded only while the file is empty, and before WAL
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

/** A step may walk over all that is stored: twice as fast with a cache that is given back afterwards. */
function migrateFast(db: Database): void {
  db.run(`PRAGMA cache_size = -${MIGRATION_CACHE_KIB}`);
  migrate(db);
  db.run(`PRAGMA cache_size = -${CACHE_KIB}`);
  db.run("PRAGMA shrink_memory");
}

const isSomethingElse = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === false;

/** An empty file is a valid database; SQLite gives `-wal` and `-shm` the mode of the file. */
function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
  chmodSync(path, 0o600);
}

/** Null when the file is sound, else the first fault. */
function check(db: Database, sizeBytes: number): string | null {
  const parts = sizeBytes <= FULL_CHECK_BYTES ? [""] : OWN_TABLES.map((table) => `('${table}')`);
  for (const part of parts) {
    const row = db.query<{ quick_check: string }, []>(`PRAGMA quick_check${part}`).get();
    if (row && row.quick_check !== "ok") return row.quick_check.split("\n").slice(0, 2).join(" ");
  }
  return null;
}

/** A first migration that meets tables of the same name is somebody else's database: never touch it. */
function openTrouble(error: unknown): Trouble {
  const trouble = troubleOf(error);
  return trouble.kind === "refused" ? { kind: "outage", words: trouble.words } : trouble;
}
