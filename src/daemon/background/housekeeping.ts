import { DAY_MS, formatDuration } from "../../base/duration.ts";
import { windowsFor } from "../../core/metrics/rollup.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StoreUpkeep } from "../../ports/store/upkeep.ts";
import type { Settings } from "../../spec/schema/settings.ts";

export interface HousekeepingOptions {
  readonly clock: Pick<Clock, "wallMs" | "monotonicMs">;
  readonly store: StoreUpkeep;
  readonly tidyLogs: () => void;
  /** The logs may be over their bound. */
  readonly logsHaveGrown?: () => boolean;
  readonly countUnits: () => number;
  readonly settings: Pick<Settings, "metrics" | "events" | "store">;
  /** History has to go before its time, for the store to keep to its size. Once, until all is kept again. */
  readonly onShortened: (words: string) => void;
}

const PRUNE_EVERY_MS = 600_000;
/** Of 1,000 units each gets its turn within ten minutes of ticks of 5 s. */
const LEAST_SERVICES = 10;
/** Slices of deleting on one tick while the store is too big. */
const SLICES = 4;
/** One step of shortening the memory of a store that is too big, and of giving it back. */
const SHORTER = 0.7;
const LEAST_SHARE = 1e-6;

type Kind = "metrics" | "events";

/** On the shared tick, a little at a time: old metrics get coarser, what is too old goes, and the store keeps to its size. */
export class Housekeeping {
  readonly #o: HousekeepingOptions;
  #prunedAtMs = -Infinity;
  /** The part of the retention times that is kept: less than 1 while the store is too big. */
  readonly #shares: Record<Kind, number> = { metrics: 1, events: 1 };
  #isTold = false;
  /** Slices of what is too old are still to be deleted. */
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
    // When what is too old is gone and it is still too big, more is too old.
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

  /** What takes more goes first. */
  #shorten(bytes: number): void {
    const { store, settings, onShortened } = this.#o;
    const kind: Kind = store.eventBytes() > bytes / 2 ? "events" : "metrics";
    this.#shares[kind] = Math.max(LEAST_SHARE, this.#shares[kind] * SHORTER);
    if (this.#isTold) return;
    this.#isTold = true;
    const days = kind === "events" ? settings.events.retentionDays : settings.metrics.retentionDays;
    const mebibytes = Math.round(settings.store.maxSizeBytes / 1024 / 1024);
    onShortened(
      `the database has reached its ${mebibytes} MiB (store.max_size_mb): the oldest ${kind} go before their ${formatDuration(days * DAY_MS)} are over`,
    );
  }

  #lengthen(): void {
    for (const kind of ["metrics", "events"] as const) this.#shares[kind] = Math.min(1, this.#shares[kind] / SHORTER);
    if (this.#shares.metrics === 1 && this.#shares.events === 1) this.#isTold = false;
  }
}
