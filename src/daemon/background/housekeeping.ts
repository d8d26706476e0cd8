import { DAY_MS, formatDuration } from "../../base/duration.ts";
import { windowsFor } from "../../core/metrics/windows.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StoreUpkeep } from "../../ports/store/upkeep.ts";
import type { Settings } from "../../spec/schema/settings.ts";

export interface HousekeepingOptions {
  readonly clock: Pick<Clock, "wallMs" | "monotonicMs">;
  readonly store: StoreUpkeep;
  readonly tidyLogs: () => void;
  /** Returns true if the logs may exceed their size limit. */
  readonly logsHaveGrown?: () => boolean;
  readonly countUnits: () => number;
  readonly settings: Pick<Settings, "metrics" | "events" | "store">;
  /**
   * Called when history must be deleted before its retention time, so that the store keeps within its size limit. Not called again
   * until full retention was restored.
   */
  readonly onShortened: (words: string) => void;
}

const PRUNE_EVERY_MS = 600_000;
/** Minimum number of units to roll up per tick. With 10 units per tick of 5 s, a round of 1,000 units takes less than ten minutes. */
const LEAST_SERVICES = 10;
/** Number of deletion slices per tick while the store is too big. */
const SLICES = 4;
/** Retention is multiplied by this factor when the store is too big, and divided by it when there is space again. */
const SHORTER = 0.7;
const LEAST_SHARE = 1e-6;

type Kind = "metrics" | "events";

/** Does a little work on each shared tick: rolls up old metrics, deletes expired rows, and keeps the store within its size limit. */
export class Housekeeping {
  readonly #o: HousekeepingOptions;
  #prunedAtMs = -Infinity;
  /** The fraction of each retention time that applies at present. It is less than 1 after the store was too big. */
  readonly #shares: Record<Kind, number> = { metrics: 1, events: 1 };
  #isReported = false;
  /** True while there are expired rows that are not deleted yet. */
  #pruning = false;

  constructor(options: HousekeepingOptions) {
    this.#o = options;
  }

  tick(): void {
    const { clock, store, tidyLogs, logsHaveGrown, countUnits, settings } = this.#o;
    const units = countUnits();
    const windows = windowsFor(units, settings.metrics.intervalMs, settings.metrics.retentionDays * DAY_MS);
    store.rollUp({ nowMs: clock.wallMs(), windows, services: Math.max(LEAST_SERVICES, Math.ceil(units / 100)) });
    const isDue = clock.monotonicMs() - this.#prunedAtMs >= PRUNE_EVERY_MS;
    if (isDue) this.#prunedAtMs = clock.monotonicMs();
    if (isDue || logsHaveGrown?.()) tidyLogs();
    const bytes = store.size();
    const isTooBig = bytes > settings.store.maxSizeBytes;
    // If the store is still too big after all expired rows are gone, retention is shortened.
    if (isTooBig && !this.#pruning) this.#shorten(bytes);
    else if (isDue && bytes < settings.store.maxSizeBytes / 2) this.#lengthen();
    if (isDue || isTooBig || this.#pruning) this.#prune(isTooBig ? SLICES : 1);
  }

  #prune(slices: number): void {
    const { clock, store, settings } = this.#o;
    const before = (days: number, kind: Kind): string => new Date(clock.wallMs() - days * DAY_MS * this.#shares[kind]).toISOString();
    const [metrics, events] = [before(settings.metrics.retentionDays, "metrics"), before(settings.events.retentionDays, "events")];
    this.#pruning = true;
    for (let slice = 0; this.#pruning && slice < slices; slice++) this.#pruning = store.prune(metrics, events);
  }

  /** Shortens the retention of either events or metrics, depending on which of them takes more space. */
  #shorten(bytes: number): void {
    const { store, settings, onShortened } = this.#o;
    const kind: Kind = store.eventBytes() > bytes / 2 ? "events" : "metrics";
    this.#shares[kind] = Math.max(LEAST_SHARE, this.#shares[kind] * SHORTER);
    if (this.#isReported) return;
    this.#isReported = true;
    const days = kind === "events" ? settings.events.retentionDays : settings.metrics.retentionDays;
    const mebibytes = Math.round(settings.store.maxSizeBytes / 1024 / 1024);
    onShortened(
      `the database has reached its maximum of ${mebibytes} MiB (store.max_size_mb): the oldest ${kind} are deleted before their retention time of ${formatDuration(days * DAY_MS)}`,
    );
  }

  #lengthen(): void {
    for (const kind of ["metrics", "events"] as const) this.#shares[kind] = Math.min(1, this.#shares[kind] / SHORTER);
    if (this.#shares.metrics === 1 && this.#shares.events === 1) this.#isReported = false;
  }
}
