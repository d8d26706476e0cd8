import type { Database } from "bun:sqlite";
import { STEPS, type Step } from "../../core/metrics/windows.ts";
import type { CoursePoint, MetricRow } from "../../ports/store/metrics.ts";
import { type Packed, unpackCourse, unpackRows } from "./block.ts";
import { parseObject } from "./queries.ts";
import { statement } from "./statements.ts";

/**
 * Measurements of units. Newer ones are plain rows, which any program can read with SQL. Older ones are packed, many to a
 * block (block.ts). Both exist as samples and in two coarser resolutions. Each coarser resolution contains older data than
 * the finer one.
 */
const METRIC = `INSERT OR IGNORE INTO supervisor_metrics
  (id, service_id, timestamp, cpu_percent, memory_mb, health_status, response_time_ms, reported, step, cpu_max, memory_max, tasks, open_files,
  restarts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const LAST_ID = "metrics.last_id";

/** Inserts rows. It must be called within a transaction. */
export function insertMetrics(db: Database, rows: readonly MetricRow[]): void {
  if (rows.length === 0) return;
  const first = nextMetricIds(db, rows.length);
  rows.forEach((row, i) => insertMetric(db, first + i, row));
}

/** Reserves `count` consecutive ids and returns the first. It must be called within a transaction. */
export function nextMetricIds(db: Database, count: number): number {
  const known = statement<{ value: string }>(db, "SELECT value FROM supervisor_kv WHERE key = ?").get(LAST_ID);
  const last = Number(known?.value ?? 0);
  statement(db, "INSERT OR REPLACE INTO supervisor_kv (key, value) VALUES (?, ?)").run(LAST_ID, String(last + count));
  return last + 1;
}

/** Inserts one row, unless a row already has this id. */
export function insertMetric(db: Database, id: number, row: MetricRow): void {
  const { serviceId, timestamp, cpuPercent, memoryMb, healthStatus, responseTimeMs, reported } = row;
  const { step = 0, cpuMax = null, memoryMax = null, tasks = null, openFiles = null, restarts = null } = row;
  const json = reported === undefined ? null : JSON.stringify(reported);
  const measured = [cpuPercent, memoryMb, healthStatus, responseTimeMs];
  statement(db, METRIC).run(id, serviceId, timestamp, ...measured, json, step, cpuMax, memoryMax, tasks, openFiles, restarts);
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
  restarts: number | null;
}

/** Returns the newest `limit` rows at or after `sinceIso` and before `beforeIso`, oldest first. */
export function selectMetrics(db: Database, serviceId: string, [sinceIso, beforeIso]: [string, string], limit: number): MetricRow[] {
  const parts: MetricRow[][] = []; // newest part first, each in order of time
  let count = 0;
  const add = (rows: MetricRow[]): void => {
    parts.push(rows);
    count += rows.length;
  };
  for (const step of STEPS) {
    if (count >= limit) break;
    const plain = `SELECT * FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp >= ? AND timestamp < ?
      ORDER BY timestamp DESC, id DESC LIMIT ?`;
    const values: [string, number, string, string, number] = [serviceId, step, sinceIso, beforeIso, limit - count];
    const rows = statement<StoredMetric, typeof values>(db, plain).all(...values);
    add(rows.reverse().map(metricOf));
    const packed = `SELECT id, rows FROM supervisor_metrics_packed
      WHERE service_id = ? AND step = ? AND end_at >= ? AND begin_at < ? ORDER BY end_at DESC`;
    for (const block of statement<Packed, [string, number, string, string]>(db, packed).iterate(serviceId, step, sinceIso, beforeIso)) {
      if (count >= limit) break;
      add(unpackRows(serviceId, block).filter(({ timestamp }) => timestamp >= sinceIso && timestamp < beforeIso));
    }
  }
  const rows = parts.reverse().flat();
  const isInOrder = rows.every(({ timestamp }, i) => i === 0 || timestamp >= rows[i - 1]!.timestamp);
  return (isInOrder ? rows : rows.sort((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0))).slice(-limit);
}

interface Sums {
  count: number;
  at: number;
  memory: number;
  memories: number;
  cpu: number;
  cpus: number;
}

/** A range of wall clock times, divided into intervals of `bucketMs` milliseconds. */
type Span = readonly [fromMs: number, toMs: number, bucketMs: number];

/**
 * Returns one average per interval of `bucketMs`. The time of a coarse row is the middle of the interval that it covers.
 * `recent` contains samples that are not in the tables yet.
 */
export function selectCourse(
  db: Database,
  serviceId: string,
  [fromMs, toMs, bucketMs]: Span,
  recent: readonly MetricRow[] = [],
): CoursePoint[] {
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  const sql = `SELECT CAST((at - ?) / ? AS INTEGER) AS bucket, count(*) AS count, sum(at) AS at, total(memory_mb) AS memory,
      count(memory_mb) AS memories, total(cpu_percent) AS cpu, count(cpu_percent) AS cpus FROM (
      SELECT unixepoch(timestamp, 'subsec') * 1000 + step * 500 AS at, memory_mb, cpu_percent FROM supervisor_metrics
      WHERE service_id = ? AND step IN (${STEPS.join(", ")}) AND timestamp >= ? AND timestamp < ?
    ) GROUP BY 1`;
  const plain = statement<Sums & { bucket: number }, [number, number, string, string, string]>(db, sql);
  const buckets = new Map<number, Sums>(plain.all(fromMs, bucketMs, serviceId, from, to).map(({ bucket, ...sums }) => [bucket, sums]));
  for (const step of STEPS) addBlocks(db, serviceId, step, [fromMs, toMs, bucketMs], buckets);
  for (const { timestamp, memoryMb, cpuPercent } of recent)
    addPoint(buckets, [fromMs, toMs, bucketMs], { atMs: Date.parse(timestamp), offsetMs: 0, memory: memoryMb, cpu: cpuPercent });
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([, { count, at, memory, memories, cpu, cpus }]) => ({
      atMs: at / count,
      memory: memories === 0 ? null : memory / memories,
      cpu: cpus === 0 ? null : cpu / cpus,
    }));
}

function addBlocks(db: Database, serviceId: string, step: Step, span: Span, buckets: Map<number, Sums>): void {
  const [fromMs, toMs] = span;
  const sql =
    "SELECT id, rows FROM supervisor_metrics_packed WHERE service_id = ? AND step = ? AND end_at >= ? AND begin_at < ? ORDER BY end_at DESC";
  const blocks = statement<Packed, [string, number, string, string]>(db, sql);
  for (const block of blocks.iterate(serviceId, step, new Date(fromMs).toISOString(), new Date(toMs).toISOString())) {
    const { times, cpu, memory } = unpackCourse(block);
    for (const [i, atMs] of times.entries())
      addPoint(buckets, span, { atMs, offsetMs: step * 500, memory: memory[i] ?? null, cpu: cpu[i] ?? null });
  }
}

/** Adds one row to its interval. `offsetMs` is half of the time that the row covers. */
function addPoint(
  buckets: Map<number, Sums>,
  [fromMs, toMs, bucketMs]: Span,
  { atMs, offsetMs, memory, cpu }: CoursePoint & { readonly offsetMs: number },
): void {
  if (atMs < fromMs || atMs >= toMs) return;
  const at = atMs + offsetMs;
  const bucket = Math.floor((at - fromMs) / bucketMs);
  let sums = buckets.get(bucket);
  if (sums === undefined) buckets.set(bucket, (sums = { count: 0, at: 0, memory: 0, memories: 0, cpu: 0, cpus: 0 }));
  sums.count++;
  sums.at += at;
  if (memory !== null) [sums.memory, sums.memories] = [sums.memory + memory, sums.memories + 1];
  if (cpu !== null) [sums.cpu, sums.cpus] = [sums.cpu + cpu, sums.cpus + 1];
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
  restarts: row.restarts,
  ...(row.reported === null ? {} : { reported: parseObject(row.reported) as Record<string, number> }),
  ...(row.step === 0 ? {} : { step: row.step, cpuMax: row.cpu_max, memoryMax: row.memory_max }),
});

/**
 * Returns the timestamp of the nth-oldest plain row of a service and step before the given time. n starts at 1. Returns null
 * if there are fewer rows.
 */
export function nthTimestamp(db: Database, serviceId: string, step: number, beforeIso: string, n: number): string | null {
  const sql =
    "SELECT timestamp FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp < ? ORDER BY timestamp LIMIT 1 OFFSET ?";
  return (
    statement<{ timestamp: string }, [string, number, string, number]>(db, sql).get(serviceId, step, beforeIso, n - 1)?.timestamp ?? null
  );
}

/** Returns the ids of all services with metrics. Jumps from service to service on the indexes instead of scanning all rows. */
export function servicesWithMetrics(db: Database): string[] {
  const of = (table: string): string[] => {
    const sql = `WITH RECURSIVE hop(id) AS (
        SELECT min(service_id) FROM ${table}
        UNION ALL SELECT (SELECT min(service_id) FROM ${table} WHERE service_id > hop.id) FROM hop WHERE hop.id IS NOT NULL
      ) SELECT id FROM hop WHERE id IS NOT NULL`;
    return statement<{ id: string }, []>(db, sql)
      .all()
      .map((row) => row.id);
  };
  return [...new Set([...of("supervisor_metrics"), ...of("supervisor_metrics_packed")])];
}
