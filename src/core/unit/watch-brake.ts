import { formatDuration } from "../../base/duration.ts";

/**
 * Slows down restarts by `watch` that follow each other closely: a unit that writes into a directory that it watches would
 * restart for ever. A person who saves a file a few times in a row does not notice it.
 */
export interface WatchBrake {
  /** Restarts in a row, each soon after the one before it. */
  readonly inARow: number;
  /** Monotonic time of the last restart by the watch; null before the first. */
  readonly lastMs: number | null;
}

export const RELEASED: WatchBrake = { inARow: 0, lastMs: null };

/** So many restarts in a row are not delayed. */
const FREE = 3;
/** A restart this soon after the one before, or within twice the delay, continues the row. */
const SOON_MS = 10_000;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;
/** From this restart in a row on, the unit itself is suspected to write to what it watches. */
const SUSPECT = 5;

const delayOf = ({ inARow }: WatchBrake): number =>
  inARow < FREE ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(inARow - FREE, 10));

/** The time without a change after which the row has ended. */
export const calmMs = (brake: WatchBrake): number => Math.max(SOON_MS, 2 * delayOf(brake));

/** When the restart for a change at `nowMs` may happen: now, or a back-off after the last one. */
export function restartAt(brake: WatchBrake, nowMs: number): number {
  return brake.lastMs === null || isCalm(brake, nowMs) ? nowMs : Math.max(nowMs, brake.lastMs + delayOf(brake));
}

export const restarted = (brake: WatchBrake, nowMs: number): WatchBrake => ({
  inARow: isCalm(brake, nowMs) ? 1 : brake.inARow + 1,
  lastMs: nowMs,
});

/** What to tell about a row of restarts; null as long as it may be a person's work. */
export function loopMessage(brake: WatchBrake, path: string): string | null {
  if (brake.inARow < SUSPECT) return null;
  const delay = formatDuration(delayOf(brake));
  return `${path} changed after each of ${brake.inARow} restarts in a row: the unit probably writes to a path that it watches. Restarts are ${delay} apart now; exclude the path with "watch.ignore"`;
}

const isCalm = (brake: WatchBrake, nowMs: number): boolean => brake.lastMs === null || nowMs - brake.lastMs > calmMs(brake);
