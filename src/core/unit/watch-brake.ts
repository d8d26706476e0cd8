import { formatDuration } from "../../base/duration.ts";

/**
 * Slows down restarts by `watch` that follow each other closely. Otherwise a unit that writes into its own watched directory would
 * restart for ever. A user who saves a file a few times in a row does not notice the brake.
 */
export interface WatchBrake {
  /** Number of restarts in the current series. A series consists of restarts that each follow soon after the one before. */
  readonly inARow: number;
  /** Monotonic time of the last restart by the watch; null before the first. */
  readonly lastMs: number | null;
}

export const RELEASED: WatchBrake = { inARow: 0, lastMs: null };

/** The first restarts of a series, up to this number, are not delayed. */
const FREE = 3;
/** A change this soon after the last restart, or within twice the delay, continues the series. */
const SOON_MS = 10_000;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;
/** From this number of restarts in a series on, sup suspects that the unit itself writes to a path that it watches. */
const SUSPECT = 5;

const delayOf = ({ inARow }: WatchBrake): number =>
  inARow < FREE ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(inARow - FREE, 10));

/** Returns the quiet period in milliseconds. The series ends if no change happens within this time after its last restart. */
export const calmMs = (brake: WatchBrake): number => Math.max(SOON_MS, 2 * delayOf(brake));

/** Returns the monotonic time at which the restart for a change at `nowMs` may happen: now, or a back-off after the last restart. */
export function restartAt(brake: WatchBrake, nowMs: number): number {
  return brake.lastMs === null || isCalm(brake, nowMs) ? nowMs : Math.max(nowMs, brake.lastMs + delayOf(brake));
}

export const restarted = (brake: WatchBrake, nowMs: number): WatchBrake => ({
  inARow: isCalm(brake, nowMs) ? 1 : brake.inARow + 1,
  lastMs: nowMs,
});

/** Returns a warning about a series of restarts, or null while the series is so short that a user may have caused it. */
export function loopMessage(brake: WatchBrake, path: string): string | null {
  if (brake.inARow < SUSPECT) return null;
  const delay = formatDuration(delayOf(brake));
  return `${path} changed after each of ${brake.inARow} restarts in a row: the unit probably writes to a path that it watches. Restarts are ${delay} apart now; exclude the path with "watch.ignore"`;
}

const isCalm = (brake: WatchBrake, nowMs: number): boolean => brake.lastMs === null || nowMs - brake.lastMs > calmMs(brake);
