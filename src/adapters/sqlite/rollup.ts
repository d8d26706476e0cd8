import type { Database } from "bun:sqlite";
import { bucketOf, rollUp, STEPS, type Step } from "../../core/metrics/rollup.ts";
import type { MetricRow } from "../../ports/store/metrics.ts";
import type { RollUp } from "../../ports/store/upkeep.ts";
import { type Packed, packRows, unpackRows } from "./block.ts";
import { insertMetrics, metricOf, nthTimestamp, servicesWithMetrics, type StoredMetric } from "./metrics.ts";
import { statement } from "./statements.ts";

/** Rows that are read at once; the rest comes with the next round. */
const SLICE_ROWS = 4000;
/** A step is rolled up when this much of it is over its time, so that it is done for many rows at once. */
const BATCH_MS: Readonly<Record<Step, number>> = { 0: 600_000, 60: 3_600_000, 900: 0 };
const COARSER: Readonly<Record<Step, Step | null>> = { 0: 60, 60: 900, 900: null };
/** A block has at least and at most so many rows: small ones pack badly, big ones take long to make. */
const LEAST_PACKED: Readonly<Record<Step, number>> = { 0: 360, 60: 240, 900: 96 };
const MOST_PACKED = 720;
/** The whole daemon waits for it: what is left is done on the next tick. */
const BUDGET_MS = 12;

/** Services that are still to be looked at in this round. */
export class RollUps {
  #queue: string[] = [];

  /** A few services, one after the other; at least one. */
  run(db: Database, plan: RollUp, clockMs: () => number): void {
    if (this.#queue.length === 0) this.#queue = servicesWithMetrics(db);
    const endMs = clockMs() + BUDGET_MS;
    for (const service of this.#queue.splice(0, plan.services)) {
      if (clockMs() >= endMs) this.#queue.unshift(service);
      else tidy(db, service, plan);
    }
  }
}

function tidy(db: Database, service: string, { nowMs, windows }: RollUp): void {
  // What is still finer may make more rows of this step: up to there a coarser row would be made of a part of them.
  let settledMs = nowMs;
  for (const step of STEPS) {
    const { plainMs, keptMs } = windows[step];
    const to = COARSER[step];
    if (to !== null) {
      const beforeMs = Math.min(nowMs - keptMs, settledMs);
      coarsenBlock(db, service, step, to, beforeMs);
      coarsen(db, service, step, to, beforeMs);
    }
    pack(db, service, step, Math.min(nowMs - plainMs, settledMs));
    settledMs = Math.min(settledMs, oldestMs(db, service, step));
  }
}

function oldestMs(db: Database, service: string, step: Step): number {
  const sql = `SELECT min(
    coalesce((SELECT timestamp FROM supervisor_metrics WHERE service_id = ?1 AND step = ?2 ORDER BY timestamp LIMIT 1), '9'),
    coalesce((SELECT begin_at FROM supervisor_metrics_packed WHERE service_id = ?1 AND step = ?2 ORDER BY end_at LIMIT 1), '9')) AS at`;
  const at = statement<{ at: string }, [string, number]>(db, sql).get(service, step)!.at;
  return at === "9" ? Infinity : Date.parse(at);
}

/** The oldest block, when all of it is over its time. */
function coarsenBlock(db: Database, service: string, step: Step, to: Step, beforeMs: number): void {
  const sql = "SELECT id, rows FROM supervisor_metrics_packed WHERE service_id = ? AND step = ? AND end_at < ? ORDER BY end_at LIMIT 1";
  const block = statement<Packed, [string, number, string]>(db, sql).get(service, step, new Date(beforeMs).toISOString());
  if (!block) return;
  const coarse = rollUp(unpackRows(service, block), to);
  db.transaction(() => {
    insertMetrics(db, coarse);
    statement(db, "DELETE FROM supervisor_metrics_packed WHERE id = ?").run(block.id);
  }).immediate();
}

/** Plain rows that were never so many that they were packed. */
function coarsen(db: Database, service: string, from: Step, to: Step, beforeMs: number): void {
  const before = bucketOf(new Date(beforeMs).toISOString(), to);
  const oldest = statement<{ timestamp: string }, [string, number]>(
    db,
    "SELECT timestamp FROM supervisor_metrics WHERE service_id = ? AND step = ? ORDER BY timestamp LIMIT 1",
  ).get(service, from);
  if (!oldest || oldest.timestamp >= new Date(Date.parse(before) - BATCH_MS[from]).toISOString()) return;
  const rows = oldestRows(db, service, from, before, SLICE_ROWS);
  if (rows.length > 0) replacePlain(db, service, from, rows, () => insertMetrics(db, rollUp(rows, to)));
}

/** The oldest plain rows as one block, when there are enough of them. It ends where a coarser row does, never in the middle of one. */
function pack(db: Database, service: string, step: Step, beforeMs: number): void {
  const before = bucketOf(new Date(beforeMs).toISOString(), COARSER[step] ?? 0);
  if (nthTimestamp(db, service, step, before, LEAST_PACKED[step]) === null) return;
  const rows = oldestRows(db, service, step, before, MOST_PACKED);
  if (rows.length === 0) return;
  const block = packRows(rows);
  replacePlain(db, service, step, rows, () => {
    const sql = "INSERT INTO supervisor_metrics_packed (service_id, step, begin_at, end_at, row_count, rows) VALUES (?, ?, ?, ?, ?, ?)";
    statement(db, sql).run(service, step, rows[0]!.timestamp, rows.at(-1)!.timestamp, rows.length, block);
  });
}

/** At most `most`; when there are more, without those of a coarser row that may go on in the rows that were not read. */
function oldestRows(db: Database, service: string, step: Step, before: string, most: number): readonly MetricRow[] {
  const sql = `SELECT * FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp < ? ORDER BY timestamp, id LIMIT ${most}`;
  const rows = statement<StoredMetric, [string, number, string]>(db, sql).all(service, step, before).map(metricOf);
  const to = COARSER[step] ?? 0;
  if (rows.length < most) return rows;
  const last = bucketOf(rows.at(-1)!.timestamp, to);
  return rows.filter(({ timestamp }) => bucketOf(timestamp, to) !== last);
}

function replacePlain(db: Database, service: string, step: Step, rows: readonly MetricRow[], insert: () => void): void {
  const last = rows.at(-1)!.timestamp;
  db.transaction(() => {
    statement(db, "DELETE FROM supervisor_metrics WHERE service_id = ? AND step = ? AND timestamp <= ?").run(service, step, last);
    insert();
  }).immediate();
}
