import { err, ok, type Result } from "../../base/result.ts";
import type { AlertRow, AlertWrite } from "../../ports/store/alerts.ts";
import type { EventQuery, EventRow } from "../../ports/store/events.ts";
import type { FingerprintRow } from "../../ports/store/fingerprints.ts";
import type { CoursePoint, MetricRow } from "../../ports/store/metrics.ts";
import type { OutboxQuery, OutboxRow } from "../../ports/store/outbox.ts";
import type { Store } from "../../ports/store/store.ts";
import type { MemoryKind, MemoryRow, MemoryWrite, TurnRecord } from "../../ports/store/turns.ts";
import type { RollUp } from "../../ports/store/upkeep.ts";
import { clipEvent, clipText } from "./clip.ts";
import { selectFingerprints } from "./fingerprints.ts";
import { selectCourse, selectMetrics } from "./metrics.ts";
import { connectOrReplace, type Opened } from "./opening.ts";
import { memoryKey } from "./pending.ts";
import { eventBytes, Pruner } from "./prune.ts";
import { lastId, matchesEvent, selectAlerts, selectEvents, selectOutbox } from "./queries.ts";
import { ResilientDatabase, type StoreClock } from "./resilient.ts";
import { RollUps } from "./rollup.ts";
import { statement } from "./statements.ts";

export interface StoreOptions {
  readonly clock?: StoreClock;
}

/**
 * Opens `sup.db`. A damaged file is set aside and replaced by a fresh one, which keeps the daemon's own rows as far as they are
 * readable. The error is a complete message, for example about a newer schema, missing permissions, or a disk that is too full to
 * open the file.
 *
 * No method of an open store throws an exception because of the disk. Rows that cannot be written wait in memory (bounded), and
 * `condition` reports the reason.
 */
export function openStore(path: string, options: StoreOptions = {}): Result<Store, string> {
  const clock = options.clock ?? systemClock;
  const opened = connectOrReplace(path, clock.wallMs());
  return opened.ok ? ok(new WalStore(path, clock, opened.value)) : err(`cannot open the database ${path}: ${opened.error}`);
}

const systemClock: StoreClock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

const ALERTS_SHOWN = 1000;
/** Later than every time stamp of a metric. */
const END_OF_TIME = "9999";

/** A store in a SQLite database in WAL mode. Reads merge stored rows with rows that wait to be written. */
class WalStore implements Store {
  readonly #db: ResilientDatabase;
  readonly #clock: StoreClock;
  #eventId: number;
  #alertId: number;
  #outboxId: number;
  readonly #rollUps = new RollUps();
  readonly #pruner = new Pruner();

  constructor(path: string, clock: StoreClock, opened: Opened) {
    this.#db = new ResilientDatabase(path, clock, opened);
    this.#clock = clock;
    this.#eventId = Math.max(opened.lastEventId, lastId(opened.db, "supervisor_events"));
    this.#alertId = lastId(opened.db, "health_alerts");
    this.#outboxId = lastId(opened.db, "supervisor_outbox");
  }

  record(turn: TurnRecord): readonly EventRow[] {
    const { pending } = this.#db;
    const { services = [], memories = [], events = [], alerts = [], outbox = [] } = turn;
    for (const row of services) pending.services.set(row.id, { ...row, description: clipText(row.description) });
    for (const write of memories) pending.memories.set(memoryKey(write), write);
    for (const write of alerts) this.#takeAlert(write);
    for (const row of outbox) {
      this.#outboxId = Math.max(this.#outboxId, row.id);
      pending.outbox.set(row.id, { ...row, title: clipText(row.title), lastError: row.lastError && clipText(row.lastError) });
    }
    const rows: EventRow[] = [];
    for (const given of events) {
      const { event, json } = clipEvent(given);
      const row: EventRow = { ...event, id: ++this.#eventId };
      pending.events.push({ row, json });
      rows.push(row);
    }
    this.#db.flush();
    return rows;
  }

  #takeAlert(write: AlertWrite): void {
    const { alerts, alertChanges } = this.#db.pending;
    if (write.kind === "resolved") {
      alertChanges.set(write.id, { ...alertChanges.get(write.id), resolvedAt: write.at });
      return;
    }
    const { alert } = write;
    this.#alertId = Math.max(this.#alertId, alert.id);
    alerts.push({ ...alert, message: clipText(alert.message), resolvedAt: null, acknowledged: false });
  }

  get lastAlertId(): number {
    return this.#alertId;
  }

  memories(kind?: MemoryKind): readonly MemoryRow[] {
    const sql = `SELECT kind, id, memory FROM supervisor_memory ${kind === undefined ? "" : "WHERE kind = ?"}`;
    const stored = this.#db.read((db) => statement<MemoryRow>(db, sql).all(...(kind === undefined ? [] : [kind])), []);
    const rows = new Map<string, MemoryWrite>(stored.map((row) => [memoryKey(row), row]));
    for (const [key, write] of this.#db.pending.memories) rows.set(key, write);
    const isWanted = (row: MemoryWrite): row is MemoryRow => row.memory !== null && (kind === undefined || row.kind === kind);
    return [...rows.values()].filter(isWanted);
  }

  enablements(): ReadonlyMap<string, boolean> {
    const sql = "SELECT id, enabled FROM supervisor_enablement";
    const stored = this.#db.read((db) => statement<{ id: string; enabled: number }>(db, sql).all(), []);
    return overlay(new Map(stored.map((row) => [row.id, row.enabled !== 0])), this.#db.pending.enablements);
  }

  setEnabled(id: string, enabled: boolean | null): void {
    this.#db.pending.enablements.set(id, enabled);
    this.#db.flush();
  }

  addMetrics(rows: readonly MetricRow[]): void {
    for (const row of rows) this.#db.pending.metrics.push(row);
    this.#db.flush();
  }

  metrics(serviceId: string, sinceIso: string, limit: number, beforeIso = END_OF_TIME): readonly MetricRow[] {
    const stored = this.#db.read((db) => selectMetrics(db, serviceId, [sinceIso, beforeIso], limit), []);
    const pending = this.#db.pending.metrics.filter((row) => row.serviceId === serviceId);
    const isWanted = ({ timestamp }: MetricRow): boolean => timestamp >= sinceIso && timestamp < beforeIso;
    const newer = [...this.#db.recent.of(serviceId), ...pending].filter(isWanted);
    return newer.length > 0 ? [...stored, ...newer].slice(-limit) : stored;
  }

  course(serviceId: string, fromMs: number, toMs: number, bucketMs: number): readonly CoursePoint[] {
    return this.#db.read((db) => selectCourse(db, serviceId, [fromMs, toMs, bucketMs], this.#db.recent.of(serviceId)), []);
  }

  events(query: EventQuery): readonly EventRow[] {
    if (query.limit <= 0) return [];
    const stored = this.#db.read((db) => selectEvents(db, query), []);
    const pending = this.#db.pending.events.map(({ row }) => row).filter((row) => matchesEvent(row, query));
    return pending.length > 0 ? [...stored, ...pending].slice(-query.limit) : stored;
  }

  setFingerprints(rows: readonly FingerprintRow[]): void {
    for (const row of rows) this.#db.pending.fingerprints.set(row.invocation, row);
    this.#db.flush();
  }

  fingerprints(serviceId: string, limit: number): readonly FingerprintRow[] {
    const stored = this.#db.read((db) => selectFingerprints(db, serviceId, limit), []);
    const pending = [...this.#db.pending.fingerprints.values()].filter((row) => row.serviceId === serviceId);
    if (pending.length === 0) return stored;
    const rows = new Map([...stored, ...pending].map((row) => [row.invocation, row]));
    return [...rows.values()].sort((a, b) => (a.at < b.at ? -1 : 1)).slice(-limit);
  }

  acknowledgeAlert(id: number): void {
    const { alertChanges } = this.#db.pending;
    alertChanges.set(id, { ...alertChanges.get(id), acknowledged: true });
    this.#db.flush();
  }

  alerts(openOnly: boolean): readonly AlertRow[] {
    const stored = this.#db.read((db) => selectAlerts(db, openOnly, ALERTS_SHOWN), []);
    const { alerts, alertChanges } = this.#db.pending;
    const changed = [...alerts.toReversed(), ...stored].map((row) => ({ ...row, ...alertChanges.get(row.id) }));
    return changed.filter((row) => !openOnly || row.resolvedAt === null).slice(0, ALERTS_SHOWN);
  }

  get lastOutboxId(): number {
    return this.#outboxId;
  }

  outbox(query: OutboxQuery): readonly OutboxRow[] {
    const stored = this.#db.read((db) => selectOutbox(db, query), []);
    const { outbox } = this.#db.pending;
    if (outbox.size === 0) return stored;
    const rows = new Map([...stored.map((row) => [row.id, row] as const), ...outbox]);
    const matches = [...rows.values()].filter(({ state }) => query.states?.includes(state) ?? true);
    return matches.sort((a, b) => a.id - b.id).slice(-query.limit);
  }

  get(key: string): string | null {
    const pending = this.#db.pending.texts.get(key);
    if (pending !== undefined) return pending;
    const sql = "SELECT value FROM supervisor_kv WHERE key = ?";
    return this.#db.read((db) => statement<{ value: string }>(db, sql).get(key), null)?.value ?? null;
  }

  set(key: string, value: string): void {
    this.#db.pending.texts.set(key, value);
    this.#db.flush();
  }

  prune(beforeMetricsIso: string, beforeEventsIso: string): boolean {
    if (this.#db.isInOutage) return false;
    return this.#db.read((db) => this.#pruner.slice(db, { metrics: beforeMetricsIso, events: beforeEventsIso }), false);
  }

  rollUp(plan: RollUp): void {
    if (this.#db.isInOutage) return;
    this.#db.read((db) => {
      this.#db.recent.moveStale(db, plan.nowMs);
      this.#rollUps.run(db, plan, () => this.#clock.monotonicMs());
    }, undefined);
  }

  size(): number {
    const sql =
      "SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()";
    return this.#db.read((db) => statement<{ bytes: number }>(db, sql).get()?.bytes ?? 0, 0);
  }

  eventBytes(): number {
    return this.#db.read(eventBytes, 0);
  }

  get condition(): Store["condition"] {
    return this.#db.condition;
  }

  close(): void {
    this.#db.close();
  }
}

/** Returns the stored values, overridden by the pending ones. A pending null removes the key. */
function overlay<T>(stored: Map<string, T>, pending: ReadonlyMap<string, T | null>): Map<string, T> {
  for (const [key, value] of pending) {
    if (value === null) stored.delete(key);
    else stored.set(key, value);
  }
  return stored;
}
