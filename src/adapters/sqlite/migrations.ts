import type { Database } from "bun:sqlite";

/**
 * The schema as a list of migrations. Migration n takes version n - 1 to n; `PRAGMA user_version` holds a file's version.
 * Never edit a released migration: add a new one. The first columns of the four public tables are a contract.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE supervisor_services (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    state TEXT NOT NULL,
    pid INTEGER,
    port INTEGER,
    start_time TEXT,
    uptime_seconds REAL NOT NULL,
    restart_count INTEGER NOT NULL,
    last_restart TEXT,
    priority INTEGER NOT NULL,
    critical INTEGER NOT NULL,
    auto_restart INTEGER NOT NULL
  );
  CREATE TABLE supervisor_metrics (
    id INTEGER PRIMARY KEY,
    service_id TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    cpu_percent REAL,
    memory_mb REAL,
    health_status TEXT NOT NULL,
    response_time_ms REAL,
    reported TEXT
  );
  CREATE INDEX supervisor_metrics_by_service ON supervisor_metrics (service_id, timestamp);
  CREATE TABLE supervisor_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service_id TEXT,
    event_type TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    message TEXT NOT NULL,
    details TEXT NOT NULL
  );
  CREATE INDEX supervisor_events_by_service ON supervisor_events (service_id, id);
  CREATE INDEX supervisor_events_by_time ON supervisor_events (timestamp);
  CREATE TABLE health_alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service_id TEXT,
    severity TEXT NOT NULL,
    alert_type TEXT NOT NULL,
    message TEXT NOT NULL,
    created_at TEXT NOT NULL,
    resolved_at TEXT,
    acknowledged INTEGER NOT NULL
  );
  CREATE INDEX health_alerts_open ON health_alerts (resolved_at, id);
  CREATE TABLE supervisor_memory (id TEXT PRIMARY KEY, memory TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE supervisor_enablement (id TEXT PRIMARY KEY, enabled INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE supervisor_kv (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  ALTER TABLE supervisor_metrics ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE supervisor_metrics ADD COLUMN cpu_max REAL;
  ALTER TABLE supervisor_metrics ADD COLUMN memory_max REAL;
  DROP INDEX supervisor_metrics_by_service;
  CREATE INDEX supervisor_metrics_by_step ON supervisor_metrics (service_id, step, timestamp);
  `,
  `
  ALTER TABLE supervisor_metrics ADD COLUMN tasks INTEGER;
  ALTER TABLE supervisor_metrics ADD COLUMN open_files INTEGER;
  `,
  // Clusters the rows of a unit, so that rows that are read, packed and deleted together share a few pages. The daemon takes
  // ids from a counter. The default id is for rows that other programs write.
  `
  CREATE TABLE clustered (
    id INTEGER NOT NULL DEFAULT (abs(random() % 1000000000000)),
    service_id TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    cpu_percent REAL,
    memory_mb REAL,
    health_status TEXT NOT NULL DEFAULT 'unknown',
    response_time_ms REAL,
    reported TEXT,
    step INTEGER NOT NULL DEFAULT 0,
    cpu_max REAL,
    memory_max REAL,
    tasks INTEGER,
    open_files INTEGER,
    PRIMARY KEY (service_id, step, timestamp, id)
  ) WITHOUT ROWID;
  INSERT INTO clustered (id, service_id, timestamp, cpu_percent, memory_mb, health_status, response_time_ms, reported, step, cpu_max,
      memory_max, tasks, open_files)
    SELECT id, service_id, timestamp, cpu_percent, memory_mb, health_status, response_time_ms, reported, step, cpu_max,
      memory_max, tasks, open_files FROM supervisor_metrics ORDER BY service_id, step, timestamp, id;
  INSERT OR REPLACE INTO supervisor_kv (key, value) SELECT 'metrics.last_id', coalesce(max(id), 0) FROM supervisor_metrics;
  DROP TABLE supervisor_metrics;
  ALTER TABLE clustered RENAME TO supervisor_metrics;
  CREATE TABLE supervisor_metrics_packed (
    id INTEGER PRIMARY KEY,
    service_id TEXT NOT NULL,
    step INTEGER NOT NULL,
    begin_at TEXT NOT NULL,
    end_at TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    rows BLOB NOT NULL
  );
  CREATE INDEX supervisor_metrics_packed_by_step ON supervisor_metrics_packed (service_id, step, end_at);
  `,
  `
  ALTER TABLE supervisor_metrics ADD COLUMN restarts INTEGER;
  `,
  // Allows records of other kinds than units, for example of jobs.
  `
  CREATE TABLE by_kind (
    kind TEXT NOT NULL DEFAULT 'unit',
    id TEXT NOT NULL,
    memory TEXT NOT NULL,
    PRIMARY KEY (kind, id)
  ) WITHOUT ROWID;
  INSERT INTO by_kind (kind, id, memory) SELECT 'unit', id, memory FROM supervisor_memory;
  DROP TABLE supervisor_memory;
  ALTER TABLE by_kind RENAME TO supervisor_memory;
  `,
  `
  CREATE TABLE supervisor_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    title TEXT NOT NULL,
    message TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT,
    done TEXT NOT NULL DEFAULT '[]'
  );
  CREATE INDEX supervisor_outbox_by_state ON supervisor_outbox (state, id);
  `,
  // Rounds of samples whose rows are not all in supervisor_metrics yet (recent.ts). The id is that of the first row.
  `
  CREATE TABLE supervisor_metrics_recent (id INTEGER PRIMARY KEY, rows TEXT NOT NULL);
  `,
  `
  CREATE TABLE supervisor_fingerprints (
    service_id TEXT NOT NULL,
    at TEXT NOT NULL,
    invocation TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (service_id, at, invocation)
  ) WITHOUT ROWID;
  CREATE INDEX supervisor_fingerprints_by_time ON supervisor_fingerprints (at);
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

export function schemaVersion(db: Database): number {
  return db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}

/** Migrates the file in one transaction. Throws what SQLite throws; the file is then unchanged. */
export function migrate(db: Database, to = SCHEMA_VERSION): void {
  const from = schemaVersion(db);
  if (from >= to) return;
  db.transaction(() => {
    for (const step of MIGRATIONS.slice(from, to)) db.run(step);
    db.run(`PRAGMA user_version = ${to}`);
  }).immediate();
}
