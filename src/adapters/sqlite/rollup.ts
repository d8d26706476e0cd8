import type { Database } from "bun:sqlite";
import { bucketOf, rollUp } from "../../core/metrics/rollup.ts";
import { STEPS, type Step } from "../../core/metrics/windows.ts";
import type { MetricRow } from "../../ports/store/metrics.ts";
import type { RollUp } from "../../ports/store/upkeep.ts";
import { type Packed, packRows, unpackRows } from "./block.ts";
import { insertMetrics, metricOf, nthTimestamp, servicesWithMetrics, type StoredMetric } from "./metrics.ts";
import { statement } from "./statements.ts";

/** Maximum number of rows that are read at once. The next round handles the rest. */
const SLICE_ROWS = 4000;
/** A step is rolled up once the rows beyond its retention cover this many milliseconds, so that each roll-up handles many rows. */
const BATCH_MS: Readonly<Record<Step, number>> = { 0: 600_000, 60: 3_600_000, 900: 0 };
const COARSER: Readonly<Record<Step, Step | null>> = { 0: 60, 60: 900, 900: null };
/** Minimum and maximum number of rows in a block. Small blocks compress badly, and large ones take long to build. */
const LEAST_PACKED: Readonly<Record<Step, number>> = { 0: 360, 60: 240, 900: 96 };
const MOST_PACKED = 720;
/** Minimum time between two rounds. Rows of a unit that change their form arise at most every half hour with the default interval. */
const ROUND_MS = 900_000;
/** Milliseconds that one call may take, because a roll-up blocks the whole daemon. The next tick handles what is left. */
const BUDGET_MS = 12;

export class RollUps {
  /** Services that this round has yet to visit. */
  #queue: string[] = [];
  #roundBeganMs = -Infinity;

  /** Rolls up the rows of a few services. A service with work comes to the end of the queue, because more work may be left. */
  run(db: Database, plan: RollUp, clockMs: () => number): void {
    if (this.#queue.length === 0) {
      if (Math.abs(plan.nowMs - this.#roundBeganMs) < ROUND_MS) return;
      this.#roundBeganMs = plan.nowMs;
      this.#queue = servicesWithMetrics(db);
    }
    const endMs = clockMs() + BUDGET_MS;
    for (const service of this.#queue.splice(0, plan.services)) {
      if (clockMs() >= endMs) this.#queue.unshift(service);
      else if (tidy(db, service, plan)) this.#queue.push(service);
    }
  }
}

/** Returns true if it has changed the form of any rows. */
function tidy(db: Database, service: string, { nowMs, windows }: RollUp): boolean {
  // Finer rows that are not rolled up yet will add further rows to this step. A roll-up would miss rows that are added after
  // it, so only rows before `settledMs` may be rolled up.
  let settledMs = nowMs;
  let changes = 0;
  for (const step of STEPS) {
    const { plainMs, keptMs } = windows[step];
    const to = COARSER[step];
    if (to !== null) {
      const beforeMs = Math.min(nowMs - keptMs, settledMs);
      changes += Number(coarsenBlock(db, service, step, to, beforeMs)) + Number(coarsen(db, service, step, to, beforeMs));
    }
    changes += Number(pack(db, service, step, Math.min(nowMs - plainMs, settledMs)));
    settledMs = Math.min(settledMs, oldestMs(db, service, step));
  }
  return changes > 0;
}

function oldestMs(db: Database, service: string, step: Step): number {
  const sql = `SELECT min(
    coalesce((SELECT timestamp FROM supervisor_metrics WHERE service_id = ?1 AND step = ?2 ORDER BY timestamp LIMIT 1), '9'),
    coalesce((SELECT begin_at FROM supervisor_metrics_packed WHERE service_id = ?1 AND step = ?2 ORDER BY end_at LIMIT 1), '9')) AS at`;
  const at = statement<{ at: string }, [string, number]>(db, sql).get(service, step)!.at;
  return at === "9" ? Infinity : Date.parse(at);
}

/** Rolls up the oldest block once all of its rows are past their retention. */
function coarsenBlock(db: Database, service: string, step: Step, to: Step, beforeMs: number): boolean {
  const sql = "SELECT id, rows FROM supervisor_metrics_packed WHERE service_id = ? AND step = ? AND end_at < ? ORDER BY end_at LIMIT 1";
  const block = statement<Packed, [string, number, string]>(db, sql).get(service, step, new Date(beforeMs).toISOString());
  if (!block) return false;
  const coarse = rollUp(unpackRows(service, block), to);
  db.transaction(() => {
    insertMetrics(db, coarse);
    statement(db, "DELETE FROM supervisor_metrics_packed WHERE id = ?").run(block.id);
  }).immediate();
  return true;
}

/** Rolls up plain rows if there were too few of them to be packed. */
function coarsen(db: Database, service: string, from: Step, to: Step, beforeMs: number): boolean {
  const before = bucketOf(new Date(beforeMs).toISOString(), to);
  const oldest = statement<{ timestamp: string }, [string, number]>(
    db,
    "SELECT timestamp FROM supervisor_metrics WHERE service_id = ? AND step = ? ORDER BY timestamp LIMIT 1",
  ).get(service, from);
  if (!oldest || oldest.timestamp >= new Date(Date.parse(before) - BATCH_MS[from]).toISOString()) return false;
  const rows = oldestRows(db, service, from, before, SLICE_ROWS);
  if (rows.length > 0) replacePlain(db, service, from, rows, () => insertMetrics(db, rollUp(rows, to)));
  return rows.length > 0;
}

/** Packs the oldest plain rows into one block if there are enough. A block ends where a coarser row ends, never in the middle of one. */
function pack(db: Database, service: string, step: Step, beforeMs: number): boolean {
  const before = bucketOf(new Date(beforeMs).toISOString(), COARSER[step] ?? 0);
  if (nthTimestamp(db, service, step, before, LEAST_PACKED[step]) === null) return false;
  const rows = oldestRows(db, service, step, before, MOST_PACKED);
  if (rows.length === 0) return false;
  const block = packRows(rows);
  replacePlain(db, service, step, rows, () => {
    const sql = "INSERT INTO supervisor_metrics_packed (service_id, step, begin_at, end_at, row_count, rows) VALUES (?, ?, ?, ?, ?, ?)";
    statement(db, sql).run(service, step, rows[0]!.timestamp, rows.at(-1)!.timestamp, rows.length, block);
  });
  return true;
}

/**
 * Returns the oldest rows, at most `most`. If there are more, omits the rows that belong to the last coarser row, because
 * some rows of it may not have been read.
 */
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
