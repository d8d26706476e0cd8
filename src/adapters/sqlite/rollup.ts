import type { Database } from "bun:sqlite";
import { bucketOf, rollUp, type Step } from "../../core/rollup.ts";
import type { MetricRow, RollUp } from "../../ports/store.ts";
import { METRIC, metricValues } from "./pending.ts";
import { metricOf, servicesWithMetrics, type StoredMetric } from "./queries.ts";
import { statement } from "./statements.ts";

/** Rows that are read at once; the rest comes with the next round. */
const SLICE_ROWS = 4000;
/** A step is rolled up when this much of it is over its time, so that it is done for many rows at once. */
const BATCH_MS: Readonly<Record<number, number>> = { 0: 600_000, 60: 3_600_000 };

/** Services that are still to be looked at in this round. */
export class RollUps {
  #queue: string[] = [];

  /** A few services, one after the other. */
  run(db: Database, { samplesBeforeMs, minutesBeforeMs, services }: RollUp): void {
    if (this.#queue.length === 0) this.#queue = servicesWithMetrics(db);
    for (const service of this.#queue.splice(0, services)) {
      coarsen(db, service, 0, 60, samplesBeforeMs);
      coarsen(db, service, 60, 900, minutesBeforeMs);
    }
  }
}

function coarsen(db: Database, service: string, from: Step, to: Step, beforeMs: number): void {
  const before = bucketOf(new Date(beforeMs).toISOString(), to);
  const oldest = statement<{ timestamp: string }, [string, number]>(
    db,
    "SELECT timestamp FROM supervisor_metrics WHERE service_id = ? AND step = ? ORDER BY timestamp LIMIT 1",
  ).get(service, from);
  if (!oldest || oldest.timestamp >= new Date(Date.parse(before) - BATCH_MS[from]!).toISOString()) return;
  const sql = `SELECT * FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp < ? ORDER BY timestamp LIMIT ${SLICE_ROWS}`;
  const rows = statement<StoredMetric, [string, number, string]>(db, sql).all(service, from, before);
  const whole = rows.length < SLICE_ROWS ? rows : withoutLastBucket(rows, to);
  const last = whole.at(-1);
  if (last === undefined) return;
  const coarse: readonly MetricRow[] = rollUp(whole.map(metricOf), to);
  db.transaction(() => {
    for (const row of coarse) statement(db, METRIC).run(...metricValues(row));
    statement(db, "DELETE FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp <= ?").run(service, from, last.timestamp);
  }).immediate();
}

/** It may go on in the rows that were not read. */
function withoutLastBucket(rows: readonly StoredMetric[], step: Step): StoredMetric[] {
  const last = bucketOf(rows.at(-1)!.timestamp, step);
  return rows.filter(({ timestamp }) => bucketOf(timestamp, step) !== last);
}
