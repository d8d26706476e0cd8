import type { Database } from "bun:sqlite";
import type { AlertRow } from "../../ports/store/alerts.ts";
import type { EventRow } from "../../ports/store/events.ts";
import type { FingerprintRow } from "../../ports/store/fingerprints.ts";
import type { MetricRow } from "../../ports/store/metrics.ts";
import type { OutboxRow } from "../../ports/store/outbox.ts";
import type { MemoryWrite, ServiceRow } from "../../ports/store/turns.ts";
import { insertFingerprints } from "./fingerprints.ts";
import type { RecentMetrics } from "./recent.ts";
import { statement } from "./statements.ts";

/**
 * Rows that wait to be written. Every write of the store passes through here. Normally, the rows of one turn wait here for a
 * moment. While writes fail, the rows form a backlog. Each map holds one entry per key, because only the latest value
 * matters. The arrays (events, metrics, alerts) and the fingerprints are bounded. If they are full, the oldest rows are
 * dropped and counted.
 */
export interface Pending {
  readonly services: Map<string, ServiceRow>;
  readonly memories: Map<string, MemoryWrite>;
  readonly enablements: Map<string, boolean | null>;
  readonly texts: Map<string, string>;
  readonly events: Array<{ readonly row: EventRow; readonly json: string }>;
  readonly metrics: MetricRow[];
  readonly alerts: AlertRow[];
  readonly alertChanges: Map<number, { readonly resolvedAt?: string; readonly acknowledged?: true }>;
  readonly outbox: Map<number, OutboxRow>;
  /** The fingerprints by invocation. */
  readonly fingerprints: Map<string, FingerprintRow>;
}

export const BACKLOG_ROWS = 10_000;
/**
 * Number of rows above the limit at which an array is trimmed. Trimming takes time in proportion to the length of the array, so
 * it is done rarely.
 */
const SLACK = 1000;

/** Returns the key of a record in `Pending.memories`. */
export const memoryKey = ({ kind, id }: Pick<MemoryWrite, "kind" | "id">): string => `${kind} ${id}`;

export function nothingPending(): Pending {
  return {
    services: new Map(),
    memories: new Map(),
    enablements: new Map(),
    texts: new Map(),
    events: [],
    metrics: [],
    alerts: [],
    alertChanges: new Map(),
    outbox: new Map(),
    fingerprints: new Map(),
  };
}

/** Drops the oldest rows above the limit. Returns how many were dropped. */
export function trimPending(pending: Pending): number {
  let dropped = 0;
  for (const rows of [pending.events, pending.metrics, pending.alerts]) {
    if (rows.length > BACKLOG_ROWS + SLACK) dropped += rows.splice(0, rows.length - BACKLOG_ROWS).length;
  }
  for (const key of pending.fingerprints.keys()) {
    if (pending.fingerprints.size <= BACKLOG_ROWS) break;
    pending.fingerprints.delete(key);
    dropped++;
  }
  return dropped;
}

const SERVICE = `INSERT INTO supervisor_services
  (id, name, description, state, pid, port, start_time, uptime_seconds, restart_count, last_restart, priority, critical, auto_restart)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET (name, description, state, pid, port, start_time, uptime_seconds, restart_count, last_restart, priority,
  critical, auto_restart) = (excluded.name, excluded.description, excluded.state, excluded.pid, excluded.port, excluded.start_time,
  excluded.uptime_seconds, excluded.restart_count, excluded.last_restart, excluded.priority, excluded.critical, excluded.auto_restart)`;
const EVENT = "INSERT INTO supervisor_events (id, service_id, event_type, timestamp, message, details) VALUES (?, ?, ?, ?, ?, ?)";
const ALERT = `INSERT INTO health_alerts
  (id, service_id, severity, alert_type, message, created_at, resolved_at, acknowledged) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
const ALERT_CHANGE = `UPDATE health_alerts
  SET resolved_at = coalesce(?, resolved_at), acknowledged = max(?, acknowledged) WHERE id = ?`;

const OUTBOX = `INSERT OR REPLACE INTO supervisor_outbox
  (id, channel, state, title, message, created_at, updated_at, attempts, last_error, done)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Writes all rows in one transaction. If it throws, no row was written. */
export function writePending(db: Database, pending: Pending, recent: RecentMetrics): void {
  statement(db, "BEGIN IMMEDIATE").run();
  try {
    writeRows(db, pending);
    const change = recent.write(db, pending.metrics);
    statement(db, "COMMIT").run();
    recent.apply(change);
  } catch (error) {
    if (db.inTransaction) statement(db, "ROLLBACK").run(); // on a full disk SQLite may have rolled back already
    throw error;
  }
}

function writeRows(db: Database, pending: Pending): void {
  for (const row of pending.services.values()) statement(db, SERVICE).run(...serviceValues(row));
  for (const { kind, id, memory } of pending.memories.values()) {
    if (memory === null) statement(db, "DELETE FROM supervisor_memory WHERE kind = ? AND id = ?").run(kind, id);
    else statement(db, "INSERT OR REPLACE INTO supervisor_memory (kind, id, memory) VALUES (?, ?, ?)").run(kind, id, memory);
  }
  for (const [id, enabled] of pending.enablements) {
    if (enabled === null) statement(db, "DELETE FROM supervisor_enablement WHERE id = ?").run(id);
    else statement(db, "INSERT OR REPLACE INTO supervisor_enablement (id, enabled) VALUES (?, ?)").run(id, Number(enabled));
  }
  for (const [key, value] of pending.texts)
    statement(db, "INSERT OR REPLACE INTO supervisor_kv (key, value) VALUES (?, ?)").run(key, value);
  for (const { row, json } of pending.events) {
    statement(db, EVENT).run(row.id, row.serviceId, row.type, row.timestamp, row.message, json);
  }
  insertFingerprints(db, pending.fingerprints.values());
  for (const row of pending.alerts) {
    const { id, serviceId, severity, alertType, message, createdAt, resolvedAt, acknowledged } = row;
    statement(db, ALERT).run(id, serviceId, severity, alertType, message, createdAt, resolvedAt, Number(acknowledged));
  }
  for (const [id, change] of pending.alertChanges) {
    statement(db, ALERT_CHANGE).run(change.resolvedAt ?? null, Number(change.acknowledged ?? false), id);
  }
  for (const row of pending.outbox.values()) {
    const { id, channel, state, title, message, createdAt, updatedAt, attempts, lastError, done } = row;
    statement(db, OUTBOX).run(id, channel, state, title, message, createdAt, updatedAt, attempts, lastError, JSON.stringify(done));
  }
}

function serviceValues(row: ServiceRow): Array<string | number | null> {
  return [
    row.id,
    row.name,
    row.description,
    row.state,
    row.pid,
    row.port,
    row.startTime,
    row.uptimeSeconds,
    row.restartCount,
    row.lastRestart,
    row.priority,
    Number(row.critical),
    Number(row.autoRestart),
  ];
}
