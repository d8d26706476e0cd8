import type { Database } from "bun:sqlite";
import type { AlertRow, CoursePoint, EventQuery, EventRow, MetricRow } from "../../ports/store.ts";
import { STEPS } from "../../core/rollup.ts";
import { statement } from "./statements.ts";

interface StoredEvent {
  id: number;
  service_id: string | null;
  event_type: string;
  timestamp: string;
  message: string;
  details: string;
}

/** Oldest first; the newest `limit` of what matches. */
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

/** Whether an event that is not in the file yet belongs to the answer. */
export function matchesEvent(row: EventRow, query: EventQuery): boolean {
  if (query.serviceIds && (row.serviceId === null || !query.serviceIds.includes(row.serviceId))) return false;
  if (query.types && !query.types.includes(row.type)) return false;
  if (query.since !== undefined && row.timestamp < query.since) return false;
  return query.afterId === undefined || row.id > query.afterId;
}

export interface StoredMetric {
  service_id: string;
  timestamp: string;
  cpu_percent: number | null;
  memory_mb: number | null;
  health_status: MetricRow["healthStatus"];
  response_time_ms: number | null;
  reported: string | null;
  step: number;
  cpu_max: number | null;
  memory_max: number | null;
  tasks: number | null;
  open_files: number | null;
}

/** Oldest first; the newest `limit` at or after `sinceIso`. */
export function selectMetrics(db: Database, serviceId: string, sinceIso: string, limit: number): MetricRow[] {
  // Each step is a stretch of the index of its own, the coarser ones older.
  const rows: StoredMetric[] = [];
  for (const step of STEPS) {
    if (rows.length >= limit) break;
    const sql =
      "SELECT * FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp >= ? ORDER BY timestamp DESC, id DESC LIMIT ?";
    rows.push(...statement<StoredMetric, [string, number, string, number]>(db, sql).all(serviceId, step, sinceIso, limit - rows.length));
  }
  return rows.map(metricOf).sort((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0));
}

/** Each step is a stretch of the index; a coarse row stands in the middle of its time. */
export function selectCourse(db: Database, serviceId: string, fromMs: number, toMs: number, bucketMs: number): CoursePoint[] {
  const sql = `SELECT avg(at) AS atMs, avg(memory_mb) AS memory, avg(cpu_percent) AS cpu FROM (
      SELECT unixepoch(timestamp, 'subsec') * 1000 + step * 500 AS at, memory_mb, cpu_percent FROM supervisor_metrics
      WHERE service_id = ? AND step IN (${STEPS.join(", ")}) AND timestamp >= ? AND timestamp < ?
    ) GROUP BY CAST((at - ?) / ? AS INTEGER) ORDER BY 1`;
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  return statement<CoursePoint, [string, string, string, number, number]>(db, sql).all(serviceId, from, to, fromMs, bucketMs);
}

export const metricOf = (row: StoredMetric): MetricRow => ({
  serviceId: row.service_id,
  timestamp: row.timestamp,
  cpuPercent: row.cpu_percent,
  memoryMb: row.memory_mb,
  healthStatus: row.health_status,
  responseTimeMs: row.response_time_ms,
  tasks: row.tasks,
  openFiles: row.open_files,
  ...(row.reported === null ? {} : { reported: parseObject(row.reported) as Record<string, number> }),
  ...(row.step === 0 ? {} : { step: row.step, cpuMax: row.cpu_max, memoryMax: row.memory_max }),
});

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

/** Newest first, at most `limit`. */
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

/** The largest id ever given, also when its row has been pruned. */
export function lastId(db: Database, table: "supervisor_events" | "health_alerts"): number {
  const sql = `SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0), coalesce((SELECT max(id) FROM ${table}), 0)) AS id`;
  return statement<{ id: number }, [string]>(db, sql).get(table)?.id ?? 0;
}

const SLICE_ROWS = 2000;
const SLICE_PAGES = 500;

/** One slice of deleting what is older; true when there may be more. */
export function pruneSlice(db: Database, beforeMetricsIso: string, beforeEventsIso: string): boolean {
  const deleted = db.transaction(() => deleteSlice(db, beforeMetricsIso, beforeEventsIso)).immediate();
  // Freed pages go back to the file system; all() because the pragma frees a page a step.
  if (deleted > 0) statement(db, `PRAGMA incremental_vacuum(${SLICE_PAGES})`).all();
  return deleted >= SLICE_ROWS;
}

function deleteSlice(db: Database, beforeMetricsIso: string, beforeEventsIso: string): number {
  let deleted = 0;
  const drop = (table: string, condition: string, ...values: Array<string | number>): void => {
    if (deleted >= SLICE_ROWS) return;
    const sql = `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE ${condition} LIMIT ?)`;
    deleted += statement(db, sql).run(...values, SLICE_ROWS - deleted).changes;
  };
  for (const service of servicesWithMetrics(db))
    for (const step of STEPS) drop("supervisor_metrics", "service_id = ? AND step = ? AND timestamp < ?", service, step, beforeMetricsIso);
  drop("supervisor_events", "timestamp < ?", beforeEventsIso);
  drop("health_alerts", "resolved_at < ?", beforeEventsIso);
  return deleted;
}

/** A hop from service to service on the index, not a walk over all rows. */
export function servicesWithMetrics(db: Database): string[] {
  const sql = `WITH RECURSIVE hop(id) AS (
      SELECT min(service_id) FROM supervisor_metrics
      UNION ALL SELECT (SELECT min(service_id) FROM supervisor_metrics WHERE service_id > hop.id) FROM hop WHERE hop.id IS NOT NULL
    ) SELECT id FROM hop WHERE id IS NOT NULL`;
  return statement<{ id: string }, []>(db, sql)
    .all()
    .map((row) => row.id);
}

function parseObject(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Written by somebody else: shown as it is.
  }
  return { text: json };
}
