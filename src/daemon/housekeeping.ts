import { windowsFor } from "../core/rollup.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { Settings } from "../spec/settings.ts";

export interface HousekeepingOptions {
  readonly clock: Pick<Clock, "wallMs">;
  readonly store: Pick<Store, "prune" | "rollUp" | "size">;
  readonly tidyLogs: () => void;
  readonly countUnits: () => number;
  readonly settings: Pick<Settings, "metrics" | "events" | "store">;
}

const DAY_MS = 86_400_000;
const PRUNE_EVERY_MS = 600_000;
/** Of 1,000 units each gets its turn within ten minutes of ticks of 5 s. */
const LEAST_SERVICES = 10;
/** One step of shortening the memory of a store that is too big, and of giving it back. */
const SHORTER = 0.8;
const LEAST_SHARE = 0.001;

/** On the shared tick, a little at a time: old metrics get coarser, what is too old goes, and the store keeps to its size. */
export class Housekeeping {
  readonly #o: HousekeepingOptions;
  #prunedAtMs = 0;
  /** The part of the retention times that is kept: less than 1 while the store is too big. */
  #share = 1;
  /** Slices of what is too old are still to be deleted. */
  #pruning = false;

  constructor(options: HousekeepingOptions) {
    this.#o = options;
  }

  tick(): void {
    const { clock, store, tidyLogs, countUnits, settings } = this.#o;
    const now = clock.wallMs();
    const units = countUnits();
    const windows = windowsFor(units, settings.metrics.intervalMs, settings.metrics.retentionDays * DAY_MS);
    const services = Math.max(LEAST_SERVICES, Math.ceil(units / 100));
    store.rollUp({ nowMs: now, windows, services });
    if (now - this.#prunedAtMs < PRUNE_EVERY_MS) return;
    tidyLogs();
    if (!this.#pruning) this.#adjustShare(store.size());
    const before = (days: number): string => new Date(now - days * DAY_MS * this.#share).toISOString();
    this.#pruning = store.prune(before(settings.metrics.retentionDays), before(settings.events.retentionDays));
    const tooBig = store.size() > settings.store.maxSizeBytes && this.#share > LEAST_SHARE;
    if (!this.#pruning && !tooBig) this.#prunedAtMs = now;
  }

  #adjustShare(bytes: number): void {
    const { maxSizeBytes } = this.#o.settings.store;
    if (bytes > maxSizeBytes) this.#share = Math.max(LEAST_SHARE, this.#share * SHORTER);
    else if (bytes < maxSizeBytes / 2) this.#share = Math.min(1, this.#share / SHORTER);
  }
}
