import type { Database } from "bun:sqlite";
import { err, ok, type Result } from "../../base/result.ts";
import type { AlertRow } from "../../ports/store/alerts.ts";
import type { EventQuery, EventRow } from "../../ports/store/events.ts";
import type { CoursePoint, MetricRow } from "../../ports/store/metrics.ts";
import type { Store } from "../../ports/store/store.ts";
import type { TurnRecord } from "../../ports/store/turns.ts";
import type { RollUp } from "../../ports/store/upkeep.ts";
import { DamagedBlock } from "./block.ts";
import { clipEvent, clipText } from "./clip.ts";
import { connect, type OpenProblem } from "./connection.ts";
import { restore, type Salvage, salvage, setAside } from "./damage.ts";
import { selectCourse, selectMetrics } from "./metrics.ts";
import { nothingPending, trimPending, writePending } from "./pending.ts";
import { eventBytes, Pruner } from "./prune.ts";
import { lastId, matchesEvent, selectAlerts, selectEvents } from "./queries.ts";
import { RollUps } from "./rollup.ts";
import { disconnect, statement } from "./statements.ts";
import { LOCKED, troubleOf } from "./trouble.ts";

/** Wall clock in milliseconds since 1970, for names and notes; monotonic milliseconds, to know when to try again. */
export interface StoreClock {
  wallMs(): number;
  monotonicMs(): number;
}

export interface StoreOptions {
  readonly clock?: StoreClock;
}

/**
 * Opens `sup.db`. A damaged file is set aside and a fresh one made, with the daemon's own rows carried over as far as
 * they can be read. The error is a sentence: a newer schema, no permission, a disk too full to open it at all.
 *
 * Once open, nothing here throws because of the disk: what cannot be written waits in memory (bounded) and `condition`
 * says so.
 */
export function openStore(path: string, options: StoreOptions = {}): Result<Store, string> {
  const clock = options.clock ?? systemClock;
  const opened = connectOrReplace(path, clock);
  return opened.ok ? ok(new WalStore(path, clock, opened.value)) : err(`cannot open the database ${path}: ${opened.error}`);
}

const RETRY_MS = 1000;
/** What is over within this is nobody's concern: another process that writes for a moment. */
const BRIEF_MS = 3000;
const ALERTS_SHOWN = 1000;

interface Opened {
  readonly db: Database;
  readonly alone: boolean;
  readonly notes: readonly string[];
  readonly lastEventId: number;
}

interface Outage {
  readonly words: string;
  readonly sinceIso: string;
  readonly sayFromMs: number;
  retryAtMs: number;
}

class WalStore implements Store {
  /** Null: a damaged file was set aside and no fresh one could be made yet. */
  #db: Database | null;
  /** What was saved from the damaged file meanwhile. */
  #rescued: Salvage | null = null;
  #pending = nothingPending();
  readonly #notes: string[];
  #outage: Outage | null = null;
  #alone: boolean;
  #closed = false;
  #dropped = 0;
  #eventId: number;
  #alertId: number;
  readonly #rollUps = new RollUps();
  readonly #pruner = new Pruner();
  readonly #path: string;
  readonly #clock: StoreClock;

  constructor(path: string, clock: StoreClock, opened: Opened) {
    this.#path = path;
    this.#clock = clock;
    this.#db = opened.db;
    this.#alone = opened.alone;
    this.#notes = [...opened.notes];
    this.#eventId = Math.max(opened.lastEventId, lastId(opened.db, "supervisor_events"));
    this.#alertId = lastId(opened.db, "health_alerts");
  }

  record(turn: TurnRecord): readonly EventRow[] {
    for (const row of turn.services) this.#pending.services.set(row.id, { ...row, description: clipText(row.description) });
    for (const { id, memory } of turn.memories) this.#pending.memories.set(id, memory);
    const rows: EventRow[] = [];
    for (const given of turn.events) {
      const { event, json } = clipEvent(given);
      const row: EventRow = { ...event, id: ++this.#eventId };
      this.#pending.events.push({ row, json });
      rows.push(row);
    }
    this.#flush();
    return rows;
  }

  memories(): ReadonlyArray<{ readonly id: string; readonly memory: string }> {
    const sql = "SELECT id, memory FROM supervisor_memory";
    const stored = this.#read((db) => statement<{ id: string; memory: string }>(db, sql).all(), []);
    const merged = overlay(new Map(stored.map((row) => [row.id, row.memory])), this.#pending.memories);
    return [...merged].map(([id, memory]) => ({ id, memory }));
  }

  enablements(): ReadonlyMap<string, boolean> {
    const sql = "SELECT id, enabled FROM supervisor_enablement";
    const stored = this.#read((db) => statement<{ id: string; enabled: number }>(db, sql).all(), []);
    return overlay(new Map(stored.map((row) => [row.id, row.enabled !== 0])), this.#pending.enablements);
  }

  setEnabled(id: string, enabled: boolean | null): void {
    this.#pending.enablements.set(id, enabled);
    this.#flush();
  }

  addMetrics(rows: readonly MetricRow[]): void {
    for (const row of rows) this.#pending.metrics.push(row);
    this.#flush();
  }

  metrics(serviceId: string, sinceIso: string, limit: number): readonly MetricRow[] {
    const stored = this.#read((db) => selectMetrics(db, serviceId, sinceIso, limit), []);
    const waiting = this.#pending.metrics.filter((row) => row.serviceId === serviceId && row.timestamp >= sinceIso);
    return waiting.length > 0 ? [...stored, ...waiting].slice(-limit) : stored;
  }

  course(serviceId: string, fromMs: number, toMs: number, bucketMs: number): readonly CoursePoint[] {
    return this.#read((db) => selectCourse(db, serviceId, fromMs, toMs, bucketMs), []);
  }

  events(query: EventQuery): readonly EventRow[] {
    if (query.limit <= 0) return [];
    const stored = this.#read((db) => selectEvents(db, query), []);
    const waiting = this.#pending.events.map(({ row }) => row).filter((row) => matchesEvent(row, query));
    return waiting.length > 0 ? [...stored, ...waiting].slice(-query.limit) : stored;
  }

  openAlert(alert: Omit<AlertRow, "id" | "resolvedAt" | "acknowledged">): number {
    const id = ++this.#alertId;
    this.#pending.alerts.push({ ...alert, id, message: clipText(alert.message), resolvedAt: null, acknowledged: false });
    this.#flush();
    return id;
  }

  resolveAlert(id: number, resolvedAtIso: string): void {
    this.#pending.alertChanges.set(id, { ...this.#pending.alertChanges.get(id), resolvedAt: resolvedAtIso });
    this.#flush();
  }

  acknowledgeAlert(id: number): void {
    this.#pending.alertChanges.set(id, { ...this.#pending.alertChanges.get(id), acknowledged: true });
    this.#flush();
  }

  alerts(openOnly: boolean): readonly AlertRow[] {
    const stored = this.#read((db) => selectAlerts(db, openOnly, ALERTS_SHOWN), []);
    const changed = [...this.#pending.alerts.toReversed(), ...stored].map((row) => ({ ...row, ...this.#pending.alertChanges.get(row.id) }));
    return changed.filter((row) => !openOnly || row.resolvedAt === null).slice(0, ALERTS_SHOWN);
  }

  get(key: string): string | null {
    const waiting = this.#pending.texts.get(key);
    if (waiting !== undefined) return waiting;
    const sql = "SELECT value FROM supervisor_kv WHERE key = ?";
    return this.#read((db) => statement<{ value: string }>(db, sql).get(key), null)?.value ?? null;
  }

  set(key: string, value: string): void {
    this.#pending.texts.set(key, value);
    this.#flush();
  }

  prune(beforeMetricsIso: string, beforeEventsIso: string): boolean {
    if (this.#outage) return false;
    return this.#read((db) => this.#pruner.slice(db, { metrics: beforeMetricsIso, events: beforeEventsIso }), false);
  }

  rollUp(plan: RollUp): void {
    if (!this.#outage) this.#read((db) => this.#rollUps.run(db, plan, () => this.#clock.monotonicMs()), undefined);
  }

  size(): number {
    const sql =
      "SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()";
    return this.#read((db) => statement<{ bytes: number }>(db, sql).get()?.bytes ?? 0, 0);
  }

  eventBytes(): number {
    return this.#read(eventBytes, 0);
  }

  get condition(): Store["condition"] {
    const outage = this.#outage;
    const failing =
      outage && this.#clock.monotonicMs() >= outage.sayFromMs
        ? `cannot write the database ${this.#path}: ${outage.words} since ${outage.sinceIso}`
        : null;
    const notes = [...this.#notes, ...(failing === null ? [] : [failing])];
    if (this.#dropped > 0) notes.push(`${this.#dropped} rows of history were lost while the database could not be written`);
    return { ok: notes.length === 0, notes, failing };
  }

  close(): void {
    if (this.#outage) this.#outage.retryAtMs = 0;
    this.#flush();
    if (this.#db) disconnect(this.#db);
    this.#db = null;
    this.#closed = true;
  }

  /** Writes what is pending, unless an outage was met a moment ago. */
  #flush(): void {
    if (this.#closed) return;
    if (this.#outage && this.#clock.monotonicMs() < this.#outage.retryAtMs) return this.#keepWaiting();
    for (let attempt = 1; ; attempt++) {
      try {
        const db = this.#db ?? this.#reconnect();
        if (!db) return;
        writePending(db, this.#pending);
        this.#pending = nothingPending();
        this.#outage = null;
        return this.#alone ? this.#share() : undefined;
      } catch (error) {
        const trouble = troubleOf(error);
        if (trouble.kind === "refused") return this.#giveUpOn(trouble.words);
        if (trouble.kind === "outage" || attempt > 1) return this.#startOutage(trouble.words);
        this.#replace(trouble.words);
      }
    }
  }

  #read<T>(query: (db: Database) => T, otherwise: T): T {
    if (!this.#db) return otherwise;
    try {
      return query(this.#db);
    } catch (error) {
      if (error instanceof DamagedBlock && this.#dropBlock(error)) return this.#read(query, otherwise);
      const trouble = troubleOf(error);
      if (trouble.kind === "damaged") {
        this.#replace(trouble.words);
        this.#flush();
      } else if (trouble.kind === "outage") this.#startOutage(trouble.words);
      else this.#note(`a query of the database failed, which is a bug in sup: ${trouble.words}`);
      return otherwise;
    }
  }

  /** One block is unreadable: the rest of the file may well be in order. */
  #dropBlock({ id, message }: DamagedBlock): boolean {
    this.#note(`a block of old metrics is damaged (${message}) and was dropped`);
    const drop = (db: Database): boolean => statement(db, "DELETE FROM supervisor_metrics_packed WHERE id = ?").run(id).changes > 0;
    return this.#read(drop, false);
  }

  /** Tried again, it would fail for ever and take all later writes with it. */
  #giveUpOn(words: string): void {
    this.#pending = nothingPending();
    this.#note(`the database refused a write, which is a bug in sup: ${words}`);
  }

  #startOutage(words: string): void {
    const now = this.#clock.monotonicMs();
    const sinceIso = this.#outage?.sinceIso ?? new Date(this.#clock.wallMs()).toISOString();
    const sayFromMs = words !== LOCKED ? now : (this.#outage?.sayFromMs ?? now + BRIEF_MS);
    this.#outage = { words, sinceIso, sayFromMs, retryAtMs: now + RETRY_MS };
    this.#keepWaiting();
  }

  #keepWaiting(): void {
    this.#dropped += trimPending(this.#pending);
  }

  /** The file went bad while we had it open. What it still gives away goes before what is pending, which is newer. */
  #replace(words: string): void {
    if (!this.#db) return;
    const saved = salvage(this.#db);
    try {
      disconnect(this.#db);
    } catch {
      // A damaged file may refuse even that; its descriptors go with the process.
    }
    this.#db = null;
    const made = makeFresh(this.#path, this.#clock, words, saved.tables);
    if (made.ok) {
      this.#db = made.value.db;
      this.#alone = made.value.alone;
      for (const note of made.value.notes) this.#note(note);
    } else {
      this.#rescued = saved.tables;
      this.#startOutage(made.error);
    }
  }

  /** The disk has room again: let others in. */
  #share(): void {
    if (this.#db) disconnect(this.#db);
    this.#reconnect();
  }

  #reconnect(): Database | null {
    this.#db = null;
    const made = connect(this.#path);
    if (!made.ok) {
      this.#startOutage(made.error.words);
      return null;
    }
    if (this.#rescued) restore(made.value.db, this.#rescued);
    this.#rescued = null;
    this.#db = made.value.db;
    this.#alone = made.value.alone;
    return this.#db;
  }

  #note(text: string): void {
    if (!this.#notes.includes(text) && this.#notes.length < 20) this.#notes.push(text);
  }
}

function connectOrReplace(path: string, clock: StoreClock): Result<Opened, string> {
  const first = connect(path);
  if (first.ok) return ok({ ...first.value, lastEventId: 0 });
  if (first.error.kind !== "damaged") return err(first.error.words);
  return replaceDamaged(path, clock, first.error);
}

function replaceDamaged(path: string, clock: StoreClock, problem: OpenProblem & { kind: "damaged" }): Result<Opened, string> {
  const saved = problem.half ? salvage(problem.half) : { tables: new Map(), lastEventId: 0 };
  problem.half?.close();
  const made = makeFresh(path, clock, problem.words, saved.tables);
  return made.ok ? ok({ ...made.value, lastEventId: saved.lastEventId }) : made;
}

function makeFresh(path: string, clock: StoreClock, words: string, saved: Salvage): Result<Omit<Opened, "lastEventId">, string> {
  let aside: string;
  try {
    aside = setAside(path, clock.wallMs());
  } catch (error) {
    return err(`${words}, and it cannot be set aside: ${troubleOf(error).words}`);
  }
  const fresh = connect(path);
  if (!fresh.ok) return err(fresh.error.words);
  const restored = restore(fresh.value.db, saved);
  const carried = restored > 0 ? `${restored} rows of the daemon's own state were carried over` : "nothing could be carried over";
  return ok({ ...fresh.value, notes: [`damaged database (${words}) set aside as ${aside}; ${carried}`] });
}

/** What is stored, with what waits to be stored laid over it; null takes away. */
function overlay<T>(stored: Map<string, T>, waiting: ReadonlyMap<string, T | null>): Map<string, T> {
  for (const [key, value] of waiting) {
    if (value === null) stored.delete(key);
    else stored.set(key, value);
  }
  return stored;
}

const systemClock: StoreClock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
