import type { Windows } from "../../core/metrics/windows.ts";

export interface RollUp {
  readonly nowMs: number;
  readonly windows: Windows;
  /** Maximum number of services to handle in one call. The store handles fewer if they take too long. */
  readonly services: number;
}

/** Compresses and deletes old data, and measures the size of the store. */
export interface StoreUpkeep {
  /**
   * Compresses old rows and merges older ones into coarser rows, for a few services per call. Repeated calls reach every service every
   * quarter of an hour.
   */
  rollUp(plan: RollUp): void;
  /** Deletes some of the rows that are older than the given times. Returns true if more remain to be deleted. */
  prune(beforeMetricsIso: string, beforeEventsIso: string): boolean;
  /** Returns the number of bytes of the database file that are in use. */
  size(): number;
  /** Returns an estimate of the part of `size` that events take. */
  eventBytes(): number;
}

export interface StoreHealth {
  /**
   * `notes` say what is wrong and since when ("damaged database set aside as …"). `failing` says why writes fail now, or is
   * null if they succeed.
   */
  readonly condition: { readonly ok: boolean; readonly notes: readonly string[]; readonly failing: string | null };
}
