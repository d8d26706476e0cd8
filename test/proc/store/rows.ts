import { Database } from "bun:sqlite";
import { migrate } from "../../../src/adapters/sqlite/migrations.ts";
import { openStore, type StoreOptions } from "../../../src/adapters/sqlite/store.ts";
import type { NewEvent } from "../../../src/ports/store/events.ts";
import type { MetricRow } from "../../../src/ports/store/metrics.ts";
import type { Store } from "../../../src/ports/store/store.ts";
import type { ServiceRow, TurnRecord } from "../../../src/ports/store/turns.ts";

export function mustOpen(path: string, options?: StoreOptions): Store {
  const opened = openStore(path, options);
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

export const serviceRow = (id: string, more: Partial<ServiceRow> = {}): ServiceRow => ({
  id,
  name: id,
  description: "",
  state: "running",
  pid: 1,
  port: null,
  startTime: null,
  uptimeSeconds: 1.5,
  restartCount: 0,
  lastRestart: null,
  priority: 100,
  critical: false,
  autoRestart: true,
  ...more,
});

export const newEvent = (serviceId: string | null, more: Partial<NewEvent> = {}): NewEvent => ({
  serviceId,
  type: "started",
  timestamp: "2026-11-22T20:01:02.123Z",
  message: "started",
  details: {},
  ...more,
});

export const metricRow = (serviceId: string, timestamp: string): MetricRow => ({
  serviceId,
  timestamp,
  cpuPercent: 1.5,
  memoryMb: 20,
  healthStatus: "healthy",
  responseTimeMs: null,
  tasks: 3,
  openFiles: 7,
  restarts: 2,
});

export const turn = (more: Partial<TurnRecord>): TurnRecord => ({ services: [], memories: [], events: [], ...more });

/** Creates a database of an older schema version, with one event and one sample of `a`. */
export function oldDatabase(path: string, version: number): void {
  const db = new Database(path);
  db.run("PRAGMA auto_vacuum = INCREMENTAL");
  db.run("PRAGMA journal_mode = WAL");
  migrate(db, version);
  db.run("INSERT INTO supervisor_events (service_id, event_type, timestamp, message, details) VALUES ('a', 'started', '2026', '', '{}')");
  const sql =
    "INSERT INTO supervisor_metrics (id, service_id, timestamp, cpu_percent, memory_mb, health_status) VALUES (1, ?, ?, 1.5, 20, 'healthy')";
  db.run("INSERT OR REPLACE INTO supervisor_kv (key, value) VALUES ('metrics.last_id', '1')");
  db.run(sql, ["a", "2026-01-01T00:00:00.000Z"]);
  db.close();
}
