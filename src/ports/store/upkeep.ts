import type { Windows } from "../../core/metrics/windows.ts";

export interface RollUp {
  readonly nowMs: number;
  readonly windows: Windows;
  /** The most services to handle in one call; the store stops earlier when they take long. */
  readonly services: number;
}

/** Retention, and the size that it has to bound. */
export interface StoreUpkeep {
  /** Packs old rows and rolls up older ones, for a few services per call. Repeated calls reach every service. */
  rollUp(plan: RollUp): void;
  /** Deletes what is older than the retention, in slices; true when more remains to be deleted. */
  prune(beforeMetricsIso: string, beforeEventsIso: string): boolean;
  /** Bytes of the file that are in use. */
  size(): number;
  /** The part of `size` that events take, estimated. */
  eventBytes(): number;
}

export interface StoreHealth {
  /** `notes` say what is wrong and since when ("damaged database set aside as …"). `failing`: why writes fail now; null: they succeed. */
  readonly condition: { readonly ok: boolean; readonly notes: readonly string[]; readonly failing: string | null };
}
