import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";

const prepared = new WeakMap<Database, Map<string, Statement>>();

/**
 * Returns a prepared statement. Prepares each statement once per connection, because `Database.query` caches only its first 20
 * statements.
 */
export function statement<Row = unknown, Values extends SQLQueryBindings[] = SQLQueryBindings[]>(
  db: Database,
  sql: string,
): Statement<Row, Values> {
  let known = prepared.get(db);
  if (!known) prepared.set(db, (known = new Map()));
  let found = known.get(sql);
  if (!found) known.set(sql, (found = db.prepare(sql)));
  return found as unknown as Statement<Row, Values>;
}

/** Closes the connection. Finalises its statements first, because otherwise SQLite would leave `-wal` and `-shm` behind. */
export function disconnect(db: Database): void {
  for (const one of prepared.get(db)?.values() ?? []) one.finalize();
  prepared.delete(db);
  db.close();
}
