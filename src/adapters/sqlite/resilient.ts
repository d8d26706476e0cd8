import type { Database } from "bun:sqlite";
import { rmSync, statSync } from "node:fs";
import type { StoreHealth } from "../../ports/store/upkeep.ts";
import { DamagedBlock } from "./block.ts";
import { connect } from "./connection.ts";
import { restore, type Salvage, salvage } from "./damage.ts";
import { type Opened, replaceFile } from "./opening.ts";
import { nothingPending, type Pending, trimPending, writePending } from "./pending.ts";
import { RecentMetrics } from "./recent.ts";
import { disconnect, statement } from "./statements.ts";
import { LOCKED, troubleOf } from "./trouble.ts";

/**
 * The clocks of the store. The wall clock, in milliseconds since 1970, is for names and notes. The monotonic clock, in
 * milliseconds, is for the times of retries.
 */
export interface StoreClock {
  wallMs(): number;
  monotonicMs(): number;
}

const RETRY_MS = 1000;
/** Locks that another process holds for fewer milliseconds than this are normal and are not reported. */
const BRIEF_MS = 3000;
const MAX_NOTES = 20;
const LOOK_MS = 1000;

interface Outage {
  readonly words: string;
  readonly sinceIso: string;
  readonly reportFromMs: number;
  retryAtMs: number;
}

/**
 * A connection that survives a full disk, a lock and a damaged file. None of its methods throws an exception in these cases.
 * Instead, a read returns its default, and writes stay in `pending` until a later `flush` succeeds.
 */
export class ResilientDatabase {
  readonly recent = new RecentMetrics();
  #pending = nothingPending();
  /** The connection, or null if a damaged file was set aside and creating a fresh one has failed so far. */
  #db: Database | null;
  /** Rows saved from a damaged file that wait for a fresh one. */
  #rescued: Salvage | null = null;
  readonly #notes: string[];
  #outage: Outage | null = null;
  #alone: boolean;
  #closed = false;
  #dropped = 0;
  /** Device and inode of the file that is open. */
  #file: string | null;
  /** Device and inode of the write-ahead log and of its index. SQLite creates these files when they are first needed. */
  #logFiles: LogFiles = NO_LOG_FILES;
  #lookAtMs = 0;
  readonly #path: string;
  readonly #clock: StoreClock;

  constructor(path: string, clock: StoreClock, opened: Opened) {
    this.#path = path;
    this.#clock = clock;
    this.#db = opened.db;
    this.#alone = opened.alone;
    this.#file = fileAt(path);
    this.#notes = [...opened.notes];
    this.read((db) => this.recent.load(db), undefined);
  }

  /** The rows that the next `flush` writes. */
  get pending(): Pending {
    return this.#pending;
  }

  get isInOutage(): boolean {
    return this.#outage !== null;
  }

  get condition(): StoreHealth["condition"] {
    const outage = this.#outage;
    const failing =
      outage && this.#clock.monotonicMs() >= outage.reportFromMs
        ? `cannot write the database ${this.#path}: ${outage.words} since ${outage.sinceIso}`
        : null;
    const notes = [...this.#notes, ...(failing === null ? [] : [failing])];
    if (this.#dropped > 0) notes.push(`${this.#dropped} rows of history were lost while the database could not be written`);
    return { ok: notes.length === 0, notes, failing };
  }

  /** Runs a query. Returns `otherwise` if it fails. */
  read<T>(query: (db: Database) => T, otherwise: T): T {
    if (!this.#db) return otherwise;
    try {
      return query(this.#db);
    } catch (error) {
      if (error instanceof DamagedBlock && this.#dropBlock(error)) return this.read(query, otherwise);
      const trouble = troubleOf(error);
      if (trouble.kind === "damaged") {
        this.#replace(trouble.words);
        this.flush();
      } else if (trouble.kind === "outage") this.#startOutage(trouble.words);
      else this.#note(`a query of the database failed, which is a bug in sup: ${trouble.words}`);
      return otherwise;
    }
  }

  /** Writes `pending` in one transaction, unless an attempt failed less than a second ago. */
  flush(): void {
    if (this.#closed) return;
    if (this.#outage && this.#clock.monotonicMs() < this.#outage.retryAtMs) return this.#trim();
    this.#rewriteIfLost();
    for (let attempt = 1; ; attempt++) {
      try {
        const db = this.#db ?? this.#reconnect();
        if (!db) return;
        writePending(db, this.#pending, this.recent);
        this.#pending = nothingPending();
        this.#outage = null;
        return this.#alone ? this.#share() : undefined;
      } catch (error) {
        const trouble = troubleOf(error);
        if (trouble.kind === "refused") return this.#giveUp(trouble.words);
        if (trouble.kind === "outage" || attempt > 1) return this.#startOutage(trouble.words);
        this.#replace(trouble.words);
      }
    }
  }

  close(): void {
    if (this.#outage) this.#outage.retryAtMs = 0;
    this.flush();
    if (this.#db) disconnect(this.#db);
    this.#db = null;
    this.#closed = true;
  }

  /**
   * Replaces a deleted database file. SQLite keeps writing into a deleted file without an error. The data that the daemon
   * needs is read from the deleted file and written into a new one.
   */
  #rewriteIfLost(): void {
    const now = this.#clock.monotonicMs();
    if (this.#db === null || now < this.#lookAtMs) return;
    this.#lookAtMs = now + LOOK_MS;
    const file = fileAt(this.#path);
    if (file !== null)
      return file === this.#file ? this.#reopenIfLogLost() : this.#replace("replaced by another program while it was open");
    this.#rescued = salvage(this.#db).tables;
    const rows = [...this.#rescued.values()].reduce((sum, table) => sum + table.length, 0);
    const words = `the database ${this.#path} was deleted by another program, which was noticed at ${this.#nowIso()}`;
    this.#note(`${words}; written anew with ${rows} rows of the daemon's own state, without the history before`);
    this.#reopen();
  }

  /**
   * Reopens the database if its log or the log's index was deleted. SQLite keeps writing into a deleted log, and its
   * transactions would be lost when the daemon ends. A checkpoint moves them into the database. Without the index, programs
   * that open the database would not see the locks of this process.
   */
  #reopenIfLogLost(): void {
    const found = logFilesOf(this.#path);
    const known = this.#logFiles;
    this.#logFiles = found;
    const lost = LOG_SUFFIXES.filter((suffix) => known[suffix] !== null && found[suffix] !== known[suffix]);
    if (lost.length === 0) return;
    if (!isCheckpointed(this.#db!)) this.#rescued = salvage(this.#db!).tables;
    const names = lost.map((suffix) => this.#path + suffix).join(" and ");
    const what = this.#rescued === null ? "nothing is lost" : "the newest rows of the history may be lost";
    this.#note(`${names} was deleted by another program, which was noticed at ${this.#nowIso()}; written anew, and ${what}`);
    this.#reopen();
  }

  #nowIso(): string {
    return new Date(this.#clock.wallMs()).toISOString();
  }

  #reopen(): void {
    if (this.#db) disconnect(this.#db);
    // SQLite must not replay a log that does not belong to the file.
    for (const suffix of LOG_SUFFIXES) rmSync(this.#path + suffix, { force: true });
    try {
      this.#reconnect();
    } catch (error) {
      this.#startOutage(troubleOf(error).words);
    }
  }

  /** Drops a single unreadable block. The rest of the file may be intact. */
  #dropBlock({ id, message }: DamagedBlock): boolean {
    this.#note(`a block of old metrics is damaged (${message}) and was dropped`);
    const drop = (db: Database): boolean => statement(db, "DELETE FROM supervisor_metrics_packed WHERE id = ?").run(id).changes > 0;
    return this.read(drop, false);
  }

  /** Discards the pending rows. Otherwise SQLite would refuse these rows, and all later writes, on every retry. */
  #giveUp(words: string): void {
    this.#pending = nothingPending();
    this.#note(`the database refused a write, which is a bug in sup: ${words}`);
  }

  #startOutage(words: string): void {
    const now = this.#clock.monotonicMs();
    const sinceIso = this.#outage?.sinceIso ?? new Date(this.#clock.wallMs()).toISOString();
    const reportFromMs = words !== LOCKED ? now : (this.#outage?.reportFromMs ?? now + BRIEF_MS);
    this.#outage = { words, sinceIso, reportFromMs, retryAtMs: now + RETRY_MS };
    this.#trim();
  }

  #trim(): void {
    this.#dropped += trimPending(this.#pending);
  }

  /** Replaces a file that was damaged while it was open. Rows saved from it are written before `pending`, which is newer. */
  #replace(words: string): void {
    if (!this.#db) return;
    const saved = salvage(this.#db);
    try {
      disconnect(this.#db);
    } catch {
      // Closing a damaged file may fail. The kernel closes its descriptors when the process exits.
    }
    this.#db = null;
    this.#logFiles = NO_LOG_FILES;
    const fresh = replaceFile(this.#path, this.#clock.wallMs(), words, saved.tables);
    if (fresh.ok) {
      this.#db = fresh.value.db;
      this.#file = fileAt(this.#path);
      this.#alone = fresh.value.alone;
      for (const note of fresh.value.notes) this.#note(note);
    } else {
      this.#rescued = saved.tables;
      this.#startOutage(fresh.error);
    }
  }

  /** Reconnects without the exclusive lock, so that other processes can read the file. Called when the disk has room again. */
  #share(): void {
    if (this.#db) disconnect(this.#db);
    this.#reconnect();
  }

  #reconnect(): Database | null {
    this.#db = null;
    this.#logFiles = NO_LOG_FILES;
    const made = connect(this.#path);
    if (!made.ok) {
      this.#startOutage(made.error.words);
      return null;
    }
    if (this.#rescued) restore(made.value.db, this.#rescued);
    this.#rescued = null;
    this.#db = made.value.db;
    this.#file = fileAt(this.#path);
    this.#alone = made.value.alone;
    return this.#db;
  }

  #note(text: string): void {
    if (!this.#notes.includes(text) && this.#notes.length < MAX_NOTES) this.#notes.push(text);
  }
}

const LOG_SUFFIXES = ["-wal", "-shm"] as const;
type LogFiles = Readonly<Record<(typeof LOG_SUFFIXES)[number], string | null>>;
const NO_LOG_FILES: LogFiles = { "-wal": null, "-shm": null };
const logFilesOf = (path: string): LogFiles => ({ "-wal": fileAt(`${path}-wal`), "-shm": fileAt(`${path}-shm`) });

/** Moves all transactions from the log into the database, if no other process prevents it. */
function isCheckpointed(db: Database): boolean {
  try {
    const row = db.query<{ log: number; checkpointed: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)").get();
    return row !== null && row.log === row.checkpointed;
  } catch {
    return false;
  }
}

function fileAt(path: string): string | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}
