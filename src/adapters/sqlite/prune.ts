import type { Database } from "bun:sqlite";
import { STEPS } from "../../core/metrics/windows.ts";
import { dropFingerprints } from "./fingerprints.ts";
import { nthTimestamp, servicesWithMetrics } from "./metrics.ts";
import { statement } from "./statements.ts";

const SLICE_ROWS = 2000;
/** Maximum number of bytes of events that a slice deletes. An event may have 64 KiB of message and 64 KiB of details. */
const SLICE_BYTES = 4 * 1024 * 1024;
const SLICE_SERVICES = 100;
const SLICE_PAGES = 1000;
/** Share of free pages in the file above which they are returned to the file system. Below it, SQLite reuses them. */
const FREE_SHARE = 0.25;

export interface Before {
  readonly metrics: string;
  readonly events: string;
}

/** Deletes expired rows in slices, because each slice blocks the whole daemon. */
export class Pruner {
  /** Services that this round has yet to visit, or null if no round is in progress. */
  #queue: string[] | null = null;

  /** Deletes one slice. Returns true if more may remain. */
  slice(db: Database, before: Before): boolean {
    const queue = (this.#queue ??= servicesWithMetrics(db));
    const { deleted, isFull } = db.transaction(() => deleteSlice(db, before, queue)).immediate();
    const hasVacuumed = vacuum(db, deleted > 0);
    if (isFull || queue.length > 0 || hasVacuumed) return true;
    this.#queue = null;
    return false;
  }
}

function deleteSlice(db: Database, { metrics, events }: Before, queue: string[]): { deleted: number; isFull: boolean } {
  let { deleted, isFull } = dropEvents(db, events);
  const room = (): number => SLICE_ROWS - deleted;
  if (!isFull && room() > 0) deleted += drop(db, "health_alerts", "resolved_at < ?", [events], room());
  if (!isFull && room() > 0) deleted += drop(db, "supervisor_outbox", "state <> 'pending' AND updated_at < ?", [events], room());
  if (!isFull && room() > 0) deleted += dropFingerprints(db, events, room());
  for (const service of isFull ? [] : queue.splice(0, SLICE_SERVICES)) {
    for (const step of STEPS) {
      if (room() > 0)
        deleted += drop(db, "supervisor_metrics_packed", "service_id = ? AND step = ? AND end_at < ?", [service, step, metrics], room());
      if (room() > 0) deleted += dropPlain(db, service, step, metrics, room());
    }
    if (room() <= 0) queue.unshift(service); // it may have more expired rows
  }
  isFull ||= room() <= 0;
  return { deleted, isFull };
}

/** Deletes the oldest events of one slice. The slice is limited by the number of events and by their size. */
function dropEvents(db: Database, beforeIso: string): { deleted: number; isFull: boolean } {
  const sql = `SELECT id, octet_length(message) + octet_length(details) AS bytes FROM supervisor_events
    WHERE timestamp < ? ORDER BY timestamp LIMIT ${SLICE_ROWS}`;
  const ids: number[] = [];
  let bytes = 0;
  for (const row of statement<{ id: number; bytes: number }, [string]>(db, sql).iterate(beforeIso)) {
    ids.push(row.id);
    bytes += row.bytes;
    if (bytes >= SLICE_BYTES) break;
  }
  if (ids.length > 0) statement(db, "DELETE FROM supervisor_events WHERE id IN (SELECT value FROM json_each(?))").run(JSON.stringify(ids));
  return { deleted: ids.length, isFull: bytes >= SLICE_BYTES || ids.length >= SLICE_ROWS };
}

function drop(db: Database, table: string, condition: string, values: ReadonlyArray<string | number>, most: number): number {
  const sql = `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE ${condition} LIMIT ?)`;
  return statement(db, sql).run(...values, most).changes;
}

function dropPlain(db: Database, service: string, step: number, beforeIso: string, most: number): number {
  const last = nthTimestamp(db, service, step, beforeIso, most);
  const sql = `DELETE FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp ${last ? "<=" : "<"} ?`;
  return statement(db, sql).run(service, step, last ?? beforeIso).changes;
}

/** Returns a slice of the free pages to the file system. Returns true if many free pages remain. */
function vacuum(db: Database, hasDeleted: boolean): boolean {
  const before = freePages(db);
  if (!hasDeleted && before.share <= FREE_SHARE) return false;
  statement(db, `PRAGMA incremental_vacuum(${SLICE_PAGES})`).all(); // all(), because each step of the statement frees one page
  const after = freePages(db);
  return after.count < before.count && after.share > FREE_SHARE;
}

function freePages(db: Database): { count: number; share: number } {
  const sql =
    "SELECT freelist_count AS count, freelist_count * 1.0 / page_count AS share FROM pragma_page_count(), pragma_freelist_count()";
  return statement<{ count: number; share: number }, []>(db, sql).get() ?? { count: 0, share: 0 };
}

/** Estimates the number of bytes that events take: the number of events times the mean size of an evenly spaced sample. */
export function eventBytes(db: Database): number {
  const range = statement<{ low: number | null; high: number }, []>(
    db,
    "SELECT min(id) AS low, max(id) AS high FROM supervisor_events",
  ).get();
  if (!range || range.low === null) return 0;
  const count = range.high - range.low + 1;
  const ids = Array.from({ length: Math.min(count, 100) }, (_, i) => range.low! + Math.floor((i * count) / Math.min(count, 100)));
  const sql = `SELECT avg(octet_length(message) + octet_length(details)) AS mean FROM supervisor_events
    WHERE id IN (SELECT value FROM json_each(?))`;
  const mean = statement<{ mean: number | null }, [string]>(db, sql).get(JSON.stringify(ids))?.mean ?? 0;
  return count * (mean + EVENT_OVERHEAD);
}

/** Estimated number of bytes per event for the columns outside the sample and for two indexes. */
const EVENT_OVERHEAD = 150;
