import type { Database } from "bun:sqlite";
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

type Row = Record<string, string | number | null>;
export type Salvage = ReadonlyMap<string, readonly Row[]>;

/** The tables that the daemon needs. History stays in the file that is set aside. */
const NEEDED = ["supervisor_memory", "supervisor_enablement", "supervisor_kv", "supervisor_services", "health_alerts", "supervisor_outbox"];
const KEEP_DAMAGED = 3;

/** Reads from a damaged file the rows of the daemon's own tables that are still readable, and the last event id. */
export function salvage(db: Database): { readonly tables: Salvage; readonly lastEventId: number } {
  const tables = new Map<string, Row[]>();
  for (const table of NEEDED) {
    const rows: Row[] = [];
    tables.set(table, rows);
    attempt(() => {
      for (const row of db.prepare<Row, []>(`SELECT * FROM ${table}`).iterate()) rows.push(row);
    });
  }
  let lastEventId = 0;
  attempt(() => {
    lastEventId = db.prepare<{ id: number | null }, []>("SELECT max(id) AS id FROM supervisor_events").get()?.id ?? 0;
  });
  return { tables, lastEventId };
}

/**
 * Inserts saved rows into a fresh database. Skips rows that the schema rejects (a column that no longer exists, an invalid
 * value). Returns the number of written rows.
 */
export function restore(db: Database, tables: Salvage): number {
  let restored = 0;
  for (const [table, rows] of tables) {
    for (const row of rows) {
      const columns = Object.keys(row);
      const sql = `INSERT OR REPLACE INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
      if (attempt(() => db.query(sql).run(...Object.values(row)))) restored++;
    }
  }
  return restored;
}

/** Renames the database, its -wal and -shm to `NAME.damaged-20261122T200102Z…`, and returns the new path. Keeps only the newest few. */
export function setAside(path: string, wallMs: number): string {
  const stamp = new Date(wallMs).toISOString().replace(/[-:]|\.\d+/g, "");
  let target = `${path}.damaged-${stamp}`;
  for (let n = 1; existsSync(target); n++) target = `${path}.damaged-${stamp}-${n}`;
  // The write-ahead log is renamed first. If the daemon is killed in between, the log must not remain beside a fresh
  // database, because SQLite would replay it.
  for (const suffix of ["-wal", "-shm", ""]) if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix);
  removeOldest(path);
  return target;
}

function removeOldest(path: string): void {
  const prefix = `${basename(path)}.damaged-`;
  const found = readdirSync(dirname(path)).filter((name) => name.startsWith(prefix) && !/-(wal|shm)$/.test(name));
  for (const name of found.sort().slice(0, -KEEP_DAMAGED)) {
    for (const suffix of ["-wal", "-shm", ""]) rmSync(join(dirname(path), name + suffix), { force: true, recursive: true });
  }
}

/** Runs an action. Returns false if the action throws, so that a damaged page affects only one attempt. */
function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
