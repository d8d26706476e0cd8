/**
 * Samples that are on the disk, but not in the table of metrics yet. In that table each unit has its own pages, because the
 * rows of a unit are read, packed and deleted together. Adding one row to each of 2,000 units would write 2,000 pages of 4
 * KiB every five seconds. Therefore a round of samples is first written as one row of JSON. Later the rows of a unit move to
 * the table, twelve at a time, and different units move at different times. Queries add the rows that have not moved. After a
 * crash the next daemon finds those rows in the rounds.
 */
import type { Database } from "bun:sqlite";
import type { Health } from "../../base/words.ts";
import type { MetricRow } from "../../ports/store/metrics.ts";
import { insertMetric, insertMetrics, nextMetricIds } from "./metrics.ts";
import { statement } from "./statements.ts";

/** With fewer units than this, samples are written to the table directly, so that SQL can read them at once. */
const LEAST_UNITS = 64;
/** The rows of a unit move to the table when there are this many, or when the oldest is AGE_MS older than the newest. */
const ROWS_TOGETHER = 12;
const AGE_MS = 60_000;
/** Time after which the rows of a unit without new samples move. Several units are moved at once. */
const STALE_MS = 120_000;
const STALE_UNITS = 200;

/** A row of the table of rounds. */
interface Round {
  readonly id: number;
  /** The number of rows that have not moved. */
  left: number;
}

interface Recent {
  readonly id: number;
  readonly row: MetricRow;
  readonly round: Round;
}

interface Unit {
  rows: Recent[];
  /** The number of rows at which they move. It differs between units the first time, so that not all units move together. */
  moveAt: number;
}

/** What a transaction changes. It is applied once the transaction has succeeded. */
export interface RecentChange {
  readonly added: readonly Recent[];
  readonly moved: readonly string[];
}

const NO_CHANGE: RecentChange = { added: [], moved: [] };

export class RecentMetrics {
  readonly #units = new Map<string, Unit>();

  /** Loads the rows that an earlier daemon left. If some rows of a unit were already moved, the remaining rows follow them in time. */
  load(db: Database): void {
    const sql = "SELECT id, rows FROM supervisor_metrics_recent ORDER BY id";
    const lastMoved = new Map<string, number>();
    for (const { id, rows } of statement<{ id: number; rows: string }, []>(db, sql).all()) {
      const all = makeRound(id, decode(rows));
      const left = all.filter((recent) => {
        const { serviceId, timestamp } = recent.row;
        if (!lastMoved.has(serviceId)) lastMoved.set(serviceId, lastIdSince(db, serviceId, timestamp));
        return recent.id > lastMoved.get(serviceId)!;
      });
      if (left.length === 0) statement(db, "DELETE FROM supervisor_metrics_recent WHERE id = ?").run(id);
      else left[0]!.round.left = left.length;
      this.#add(left);
    }
  }

  of(serviceId: string): readonly MetricRow[] {
    return this.#units.get(serviceId)?.rows.map(({ row }) => row) ?? [];
  }

  /** Writes samples and means. Must be called within a transaction. Call `apply` when it has succeeded. */
  write(db: Database, rows: readonly MetricRow[]): RecentChange {
    if (rows.length === 0) return NO_CHANGE;
    const services = [...new Set(rows.map(({ serviceId }) => serviceId))];
    if (services.length < LEAST_UNITS || rows.some(({ step = 0 }) => step > 0)) {
      const moved = this.#move(db, services); // the table keeps the order of each unit
      insertMetrics(db, rows);
      return { added: [], moved };
    }
    const id = nextMetricIds(db, rows.length);
    statement(db, "INSERT INTO supervisor_metrics_recent (id, rows) VALUES (?, ?)").run(id, encode(rows));
    const newestMs = Date.parse(rows.at(-1)!.timestamp);
    const due = services.filter((serviceId) => isDue(this.#units.get(serviceId), newestMs));
    return { added: makeRound(id, rows), moved: this.#move(db, due) };
  }

  /** Moves rows of units that have had no samples for a while. Uses a separate transaction. */
  moveStale(db: Database, nowMs: number): void {
    const before = new Date(nowMs - STALE_MS).toISOString();
    const stale: string[] = [];
    for (const [serviceId, { rows }] of this.#units) {
      const last = rows.at(-1);
      if (last !== undefined && last.row.timestamp < before && stale.push(serviceId) === STALE_UNITS) break;
    }
    if (stale.length === 0) return;
    db.transaction(() => this.#move(db, stale)).immediate();
    this.apply({ added: [], moved: stale });
    for (const serviceId of stale) this.#units.delete(serviceId);
  }

  /** Copies the rows of the services to the table of metrics, and deletes rounds without other rows. Returns the services. */
  #move(db: Database, services: readonly string[]): readonly string[] {
    const counts = new Map<Round, number>();
    for (const serviceId of services) {
      for (const { id, row, round } of this.#units.get(serviceId)?.rows ?? []) {
        insertMetric(db, id, row);
        counts.set(round, (counts.get(round) ?? 0) + 1);
      }
    }
    for (const [round, count] of counts)
      if (round.left === count) statement(db, "DELETE FROM supervisor_metrics_recent WHERE id = ?").run(round.id);
    return services;
  }

  apply({ added, moved }: RecentChange): void {
    for (const serviceId of moved) {
      const unit = this.#units.get(serviceId);
      if (unit === undefined) continue;
      for (const { round } of unit.rows) round.left--;
      unit.rows = [];
      unit.moveAt = ROWS_TOGETHER;
    }
    this.#add(added);
  }

  #add(added: readonly Recent[]): void {
    for (const recent of added) {
      const { serviceId } = recent.row;
      const unit = this.#units.get(serviceId);
      if (unit) unit.rows.push(recent);
      else this.#units.set(serviceId, { rows: [recent], moveAt: 1 + (this.#units.size % ROWS_TOGETHER) });
    }
  }
}

function isDue(unit: Unit | undefined, newestMs: number): boolean {
  const oldest = unit?.rows[0];
  if (unit === undefined || oldest === undefined) return false;
  return unit.rows.length >= unit.moveAt || newestMs - Date.parse(oldest.row.timestamp) >= AGE_MS;
}

/** Returns the highest id of the service's samples in the table of metrics since a time, or 0. */
function lastIdSince(db: Database, serviceId: string, timestamp: string): number {
  const sql = "SELECT coalesce(max(id), 0) AS id FROM supervisor_metrics WHERE service_id = ? AND step = 0 AND timestamp >= ?";
  return statement<{ id: number }, [string, string]>(db, sql).get(serviceId, timestamp)!.id;
}

function makeRound(id: number, rows: readonly MetricRow[]): Recent[] {
  const round: Round = { id, left: rows.length };
  return rows.map((row, i) => ({ id: id + i, row, round }));
}

type Encoded = [
  serviceId: string,
  timestamp: string,
  cpuPercent: number | null,
  memoryMb: number | null,
  healthStatus: Health,
  responseTimeMs: number | null,
  tasks: number | null,
  openFiles: number | null,
  restarts: number | null,
  reported: Readonly<Record<string, number>> | null,
];

/** Encodes rows as JSON. A timestamp is written as "" if it equals the timestamp of the row before. */
function encode(rows: readonly MetricRow[]): string {
  let before = "";
  return JSON.stringify(
    rows.map((row): Encoded => {
      const timestamp = row.timestamp === before ? "" : row.timestamp;
      before = row.timestamp;
      const { serviceId, cpuPercent, memoryMb, healthStatus, responseTimeMs } = row;
      const { tasks = null, openFiles = null, restarts = null, reported = null } = row;
      return [serviceId, timestamp, cpuPercent, memoryMb, healthStatus, responseTimeMs, tasks, openFiles, restarts, reported];
    }),
  );
}

function decode(json: string): MetricRow[] {
  let before = "";
  return (JSON.parse(json) as Encoded[]).map(
    ([serviceId, timestamp, cpuPercent, memoryMb, healthStatus, responseTimeMs, tasks, openFiles, restarts, reported]) => {
      before = timestamp || before;
      const row = { serviceId, timestamp: before, cpuPercent, memoryMb, healthStatus, responseTimeMs, tasks, openFiles, restarts };
      return reported === null ? row : { ...row, reported };
    },
  );
}
