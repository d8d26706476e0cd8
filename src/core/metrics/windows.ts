import { DAY_MS } from "../../base/duration.ts";

/** Resolutions of stored metrics in seconds per row: single samples (0), minutes and quarters of an hour. */
export const STEPS = [0, 60, 900] as const;
export type Step = (typeof STEPS)[number];

/**
 * The ages, in wall clock milliseconds, that decide how rows of one resolution are stored. Rows older than `plainMs` are packed; rows
 * older than `keptMs` are rolled up into the next resolution.
 */
export interface Ages {
  readonly plainMs: number;
  readonly keptMs: number;
}
export type Windows = Readonly<Record<Step, Ages>>;

/** Maximum number of rows of all units together. In a large installation, each unit therefore keeps its fine rows for a shorter time. */
const ROWS: Readonly<Record<Step, { readonly plain: number; readonly kept: number }>> = {
  0: { plain: 800_000, kept: 20_000_000 },
  60: { plain: 100_000, kept: 12_000_000 },
  900: { plain: 100_000, kept: Infinity },
};
const LEAST_MS = 600_000;

/** Returns how long to keep the rows of each resolution, and how long of that as plain rows. */
export function windowsFor(units: number, intervalMs: number, retentionMs: number): Windows {
  const count = Math.max(1, units);
  const span = (rows: number, stepMs: number): number => (rows / count) * stepMs;
  const samplesMs = Math.min(DAY_MS, retentionMs, Math.max(LEAST_MS, span(ROWS[0].kept, intervalMs)));
  const minutesMs = Math.min(retentionMs, Math.max(samplesMs, span(ROWS[60].kept, 60_000)));
  return {
    0: { keptMs: samplesMs, plainMs: Math.min(samplesMs, Math.max(LEAST_MS, span(ROWS[0].plain, intervalMs))) },
    60: { keptMs: minutesMs, plainMs: Math.min(minutesMs, samplesMs + span(ROWS[60].plain, 60_000)) },
    900: { keptMs: retentionMs, plainMs: Math.min(retentionMs, minutesMs + span(ROWS[900].plain, 900_000)) },
  };
}
