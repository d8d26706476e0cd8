import type { Database } from "bun:sqlite";
import type { AlertRow } from "../../ports/store/alerts.ts";
import type { EventQuery, EventRow } from "../../ports/store/events.ts";
import type { OutboxQuery, OutboxRow } from "../../ports/store/outbox.ts";
import { statement } from "./statements.ts";

interface StoredEvent {
  id: number;
  service_id: string | null;
  event_type: string;
  timestamp: string;
  message: string;
  details: string;
}

/** Returns the newest `limit` events that match the query, oldest first. */
export function selectEvents(db: Database, query: EventQuery): EventRow[] {
  const where: string[] = [];
  const values: Array<string | number> = [];
  const need = (condition: string, value: string | number): void => {
    where.push(condition);
    values.push(value);
  };
  if (query.serviceIds?.length === 1) need("service_id = ?", query.serviceIds[0]!);
  else if (query.serviceIds) need("service_id IN (SELECT value FROM json_each(?))", JSON.stringify(query.serviceIds));
  if (query.types) need("event_type IN (SELECT value FROM json_each(?))", JSON.stringify(query.types));
  if (query.since !== undefined) need("timestamp >= ?", query.since);
  if (query.afterId !== undefined) need("id > ?", query.afterId);
  const filter = where.length > 0 ? `WHERE ${where.join(" AND ")}` : "";
  const sql = `SELECT id, service_id, event_type, timestamp, message, details FROM supervisor_events ${filter} ORDER BY id DESC LIMIT ?`;
  const rows = statement<StoredEvent, Array<string | number>>(db, sql).all(...values, query.limit);
  return rows.reverse().map((row) => ({
    id: row.id,
    serviceId: row.service_id,
    type: row.event_type,
    timestamp: row.timestamp,
    message: row.message,
    details: parseObject(row.details),
  }));
}

/** Returns true if an event that is not stored yet matches the query. */
export function matchesEvent(row: EventRow, query: EventQuery): boolean {
  if (query.serviceIds && (row.serviceId === null || !query.serviceIds.includes(row.serviceId))) return false;
  if (query.types && !query.types.includes(row.type)) return false;
  if (query.since !== undefined && row.timestamp < query.since) return false;
  return query.afterId === undefined || row.id > query.afterId;
}

interface StoredAlert {
  id: number;
  service_id: string | null;
  severity: AlertRow["severity"];
  alert_type: string;
  message: string;
  created_at: string;
  resolved_at: string | null;
  acknowledged: number;
}

/** Returns the newest alerts, at most `limit`, newest first. */
export function selectAlerts(db: Database, openOnly: boolean, limit: number): AlertRow[] {
  const sql = `SELECT id, service_id, severity, alert_type, message, created_at, resolved_at, acknowledged
    FROM health_alerts ${openOnly ? "WHERE resolved_at IS NULL" : ""} ORDER BY id DESC LIMIT ?`;
  return statement<StoredAlert, [number]>(db, sql)
    .all(limit)
    .map((row) => ({
      id: row.id,
      serviceId: row.service_id,
      severity: row.severity,
      alertType: row.alert_type,
      message: row.message,
      createdAt: row.created_at,
      resolvedAt: row.resolved_at,
      acknowledged: row.acknowledged !== 0,
    }));
}

/** Returns the newest messages, at most `limit`, oldest first. */
export function selectOutbox(db: Database, { limit, states }: OutboxQuery): OutboxRow[] {
  const filter = states === undefined ? "" : "WHERE state IN (SELECT value FROM json_each(?))";
  const sql = `SELECT id, channel, state, title, message, created_at AS createdAt, updated_at AS updatedAt, attempts,
    last_error AS lastError, done FROM supervisor_outbox ${filter} ORDER BY id DESC LIMIT ?`;
  const values = states === undefined ? [limit] : [JSON.stringify(states), limit];
  const rows = statement<Omit<OutboxRow, "done"> & { readonly done: string }, Array<string | number>>(db, sql).all(...values);
  return rows.reverse().map((row) => ({ ...row, done: parseList(row.done) }));
}

/** Returns the largest id ever assigned, even if its row has been pruned. */
export function lastId(db: Database, table: "supervisor_events" | "health_alerts" | "supervisor_outbox"): number {
  const sql = `SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0), coalesce((SELECT max(id) FROM ${table}), 0)) AS id`;
  return statement<{ id: number }, [string]>(db, sql).get(table)?.id ?? 0;
}

function parseList(json: string): string[] {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value.map(String) : [];
  } catch {
    return [];
  }
}

export function parseObject(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Another program wrote this value. It is returned as a string.
  }
  return { text: json };
}
