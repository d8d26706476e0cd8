import type { Database } from "bun:sqlite";
import { STEPS } from "../../core/rollup.ts";
import { servicesWithMetrics } from "./metrics.ts";
import { statement } from "./statements.ts";

const SLICE_ROWS = 2000;
const SLICE_PAGES = 500;
/** Free pages are filled again by what comes next; past this share of the file they are given back. */
const FREE_SHARE = 0.25;

/** One slice of deleting what is older; true when there may be more. */
export function pruneSlice(db: Database, beforeMetricsIso: string, beforeEventsIso: string): boolean {
  const deleted = db.transaction(() => deleteSlice(db, beforeMetricsIso, beforeEventsIso)).immediate();
  // Freed pages go back to the file system; all() because the pragma frees a page a step.
  if (deleted > 0 || freeShare(db) > FREE_SHARE) statement(db, `PRAGMA incremental_vacuum(${SLICE_PAGES})`).all();
  return deleted >= SLICE_ROWS;
}

function deleteSlice(db: Database, beforeMetricsIso: string, beforeEventsIso: string): number {
  let deleted = 0;
  const drop = (table: string, condition: string, ...values: Array<string | number>): void => {
    if (deleted >= SLICE_ROWS) return;
    const sql = `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE ${condition} LIMIT ?)`;
    deleted += statement(db, sql).run(...values, SLICE_ROWS - deleted).changes;
  };
  for (const service of servicesWithMetrics(db)) {
    for (const step of STEPS) {
      drop("supervisor_metrics_packed", "service_id = ? AND step = ? AND end_at < ?", service, step, beforeMetricsIso);
      if (deleted < SLICE_ROWS) deleted += dropPlain(db, service, step, beforeMetricsIso, SLICE_ROWS - deleted);
    }
  }
  drop("supervisor_events", "timestamp < ?", beforeEventsIso);
  drop("health_alerts", "resolved_at < ?", beforeEventsIso);
  return deleted;
}

function dropPlain(db: Database, service: string, step: number, beforeIso: string, most: number): number {
  const nth =
    "SELECT timestamp FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp < ? ORDER BY timestamp LIMIT 1 OFFSET ?";
  const last = statement<{ timestamp: string }, [string, number, string, number]>(db, nth).get(service, step, beforeIso, most - 1);
  const sql = `DELETE FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp ${last ? "<=" : "<"} ?`;
  return statement(db, sql).run(service, step, last?.timestamp ?? beforeIso).changes;
}

function freeShare(db: Database): number {
  const sql = "SELECT freelist_count * 1.0 / page_count AS share FROM pragma_page_count(), pragma_freelist_count()";
  return statement<{ share: number }, []>(db, sql).get()?.share ?? 0;
}
