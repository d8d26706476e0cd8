import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";

const prepared = new WeakMap<Database, Map<string, Statement>>();

/** Prepares a statement once per connection. (`Database.query` caches only its first 20 statements.) */
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

/** Closes the connection. Statements are finalised first, otherwise SQLite would leave `-wal` and `-shm` behind. */
export function disconnect(db: Database): void {
  for (const one of prepared.get(db)?.values() ?? []) one.finalize();
  prepared.delete(db);
  db.close();
}
