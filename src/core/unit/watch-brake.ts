import { formatDuration } from "../../base/duration.ts";

/**
 * Slows down restarts by `watch` that the unit causes itself. Otherwise a unit that writes into its own watched directory would restart for
 * ever. There are two signs of it.
 *
 * Restarts that follow each other closely form a series. From the fourth restart of a series on, each waits twice as long as the one
 * before. A user who saves a file a few times in a row does not notice the brake.
 *
 * Changes that are further apart are the unit's own if they come at a constant time after each start. A person (or a program) that
 * saves a file regularly causes the same pattern, but follows a clock of its own. So after REGULAR such changes, one restart is
 * held back on purpose. If the next change again comes that time after the start, it depends on the start, so the unit makes it,
 * and further restarts are held back for longer and longer. If it comes when it would have come without the test, the changes in
 * this directory do not depend on the unit and are never tested again. Restarts for changes at irregular times are not held back.
 */
export interface WatchBrake {
  /** Number of restarts in the current series. A series consists of restarts that each follow soon after the one before. */
  readonly inARow: number;
  /** Monotonic time of the last restart by the watch; null before the first. */
  readonly lastMs: number | null;
  /** The latest changes in one directory at a constant time after the start of the unit; null if there are none. */
  readonly regular: Regular | null;
  /** Directories whose regular changes turned out not to be the unit's own. */
  readonly cleared: readonly string[];
}

interface Regular {
  readonly directory: string;
  /** Milliseconds from the start to the change, for the latest changes. */
  readonly delaysMs: readonly number[];
  /** How many of the changes kept this time although the restart before them was held back. */
  readonly proofs: number;
}

export interface WatchedChange {
  readonly path: string;
  readonly nowMs: number;
  /** Monotonic time at which the unit was started; null if it does not run or is being stopped. */
  readonly startedMs: number | null;
}

export const RELEASED: WatchBrake = { inARow: 0, lastMs: null, regular: null, cleared: [] };

/** The first restarts of a series, up to this number, are not delayed. */
const FREE = 3;
/** A change this soon after the last restart, or within twice the delay, continues the series. */
const SOON_MS = 10_000;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;
/** From this number of restarts in a series on, sup suspects that the unit itself writes to a path that it watches. */
const SUSPECT = 5;

/** So many regular changes lead to a test. */
const REGULAR = 5;
/** Changes that come earlier or later after a start than this are not examined for regularity. */
const [LEAST_MS, MOST_MS] = [3_000, 120_000];
/** Times count as equal if they differ by less than this part of their mean, or by less than MIN_TOLERANCE_MS. */
const TOLERANCE = 0.05;
const MIN_TOLERANCE_MS = 1_000;
/** For a test, a restart is held back for this part of the time between a start and a change. It is longer than the tolerance. */
const TEST_PART = 0.25;
const MIN_TEST_MS = 2_500;
const MAX_HOLD_MS = 300_000;

const seriesDelayOf = ({ inARow }: WatchBrake): number =>
  inARow < FREE ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(inARow - FREE, 10));

/** How long the restart for a regular change is held back: not at all, for a test, or twice as long each time. */
function holdOf({ regular }: WatchBrake): number {
  if (regular === null || regular.delaysMs.length < REGULAR) return 0;
  const typical = mean(regular.delaysMs);
  if (regular.proofs === 0) return Math.max(MIN_TEST_MS, typical * TEST_PART);
  return Math.min(MAX_HOLD_MS, typical * 2 ** Math.min(regular.proofs - 1, 10));
}

/** Returns the quiet period in milliseconds. The series, or the regular changes, end if no change happens within this time. */
export const calmMs = (brake: WatchBrake): number => Math.max(seriesCalmMs(brake), isProven(brake) ? MOST_MS + TOLERANCE * MOST_MS : 0);

const seriesCalmMs = (brake: WatchBrake): number => Math.max(SOON_MS, 2 * seriesDelayOf(brake));

/** Takes a change into account. Call it before `restartAt`, for the first change after each restart. */
export function changed(brake: WatchBrake, { path, nowMs, startedMs }: WatchedChange): WatchBrake {
  if (startedMs === null) return brake;
  const directory = directoryOf(path);
  const delayMs = nowMs - startedMs;
  const { regular, cleared } = brake;
  if (delayMs < LEAST_MS || delayMs > MOST_MS || cleared.includes(directory)) return { ...brake, regular: null };
  const fresh: Regular = { directory, delaysMs: [delayMs], proofs: 0 };
  if (regular?.directory !== directory) return { ...brake, regular: fresh };
  const heldMs = holdOf(brake);
  if (areEqual([...regular.delaysMs, delayMs])) {
    const delaysMs = [...regular.delaysMs, delayMs].slice(-REGULAR);
    return { ...brake, regular: { directory, delaysMs, proofs: regular.proofs + (heldMs > 0 ? 1 : 0) } };
  }
  if (heldMs === 0 || !areEqual([...regular.delaysMs, delayMs + heldMs])) return { ...brake, regular: fresh };
  return { ...brake, regular: null, cleared: [...cleared, directory].slice(-MAX_CLEARED) };
}

/** Remembering more directories than a person works in at a time is pointless. */
const MAX_CLEARED = 20;

/**
 * Returns the monotonic time at which the restart for a change at `nowMs` may happen: now, a back-off after the last restart, or
 * after the time for which it is held back.
 */
export function restartAt(brake: WatchBrake, nowMs: number): number {
  const seriesMs = brake.lastMs === null || isCalm(brake, nowMs) ? nowMs : Math.max(nowMs, brake.lastMs + seriesDelayOf(brake));
  return Math.max(seriesMs, nowMs + holdOf(brake));
}

export const restarted = (brake: WatchBrake, nowMs: number): WatchBrake => ({
  ...brake,
  inARow: isCalm(brake, nowMs) ? 1 : brake.inARow + 1,
  lastMs: nowMs,
});

/** True if a held-back restart should not wait because of this change: it is in another directory, so probably by a person. */
export const isOther = ({ regular }: WatchBrake, path: string): boolean => regular !== null && directoryOf(path) !== regular.directory;

/** Returns a warning about the restarts, or null while a user may have caused them. */
export function loopMessage(brake: WatchBrake, path: string): string | null {
  const advice = 'exclude the path with "watch.ignore"';
  if (brake.inARow >= SUSPECT) {
    const delay = formatDuration(seriesDelayOf(brake));
    return `${path} changed after each of ${brake.inARow} restarts in a row: the unit probably writes to a path that it watches. Restarts are ${delay} apart now; ${advice}`;
  }
  if (!isProven(brake)) return null;
  const { delaysMs } = brake.regular!;
  const [typical, hold] = [mean(delaysMs), holdOf(brake)].map((ms) => formatDuration(Math.round(ms / 1000) * 1000));
  return `${path} changes about ${typical} after each start, also when the restart was held back: the unit probably writes to a path that it watches. Restarts wait ${hold} now; ${advice}`;
}

const isProven = ({ regular }: WatchBrake): boolean => regular !== null && regular.proofs > 0;

const isCalm = (brake: WatchBrake, nowMs: number): boolean => brake.lastMs === null || nowMs - brake.lastMs > seriesCalmMs(brake);

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const areEqual = (delaysMs: readonly number[]): boolean =>
  Math.max(...delaysMs) - Math.min(...delaysMs) <= Math.max(MIN_TOLERANCE_MS, TOLERANCE * mean(delaysMs));

const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
