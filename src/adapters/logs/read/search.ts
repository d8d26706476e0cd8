/** Finds the last lines of a log that match a query. */
import type { LogLine, LogQuery } from "../../../ports/logs.ts";
import { LogFiles } from "../files/directory.ts";
import { matching, type Spot } from "./backwards.ts";
import type { SearchMemory, Turns } from "./turns.ts";

/** Limits of a result, even if the query asks for more. */
const ANSWER_LINES = 100_000;
const ANSWER_BYTES = 64 << 20;
/** Reading a record uses about this many bytes, besides its text. */
const RECORD_BYTES = 500;
/** A search yields to the event loop after this many milliseconds. */
const SLICE_MS = 5;

/** Returns the newest matching lines, oldest first, at most 100,000 lines or 64 MiB. A log that does not exist has no lines. */
export function readLog(directory: string, current: string, query: LogQuery): LogLine[] {
  const files = new LogFiles(directory, current);
  try {
    return [...newest(files, query)].filter((line) => line !== null).reverse();
  } finally {
    files.close();
  }
}

/** The state that all searches share. */
export interface Searches {
  readonly turns: Turns;
  readonly memory: SearchMemory;
}

/** A line in memory takes about this many bytes more than its text. */
const LINE_OVERHEAD_BYTES = 200;

/**
 * Does the same as `readLog`, but in short slices that alternate with those of other searches. Rotation and compression continue
 * meanwhile.
 */
export async function searchLog(directory: string, current: string, query: LogQuery, { turns, memory }: Searches): Promise<LogLine[]> {
  const files = new LogFiles(directory, current);
  const found: LogLine[] = [];
  const share = memory.begin();
  const isGone = (): boolean => query.signal?.aborted === true;
  const pause = async (): Promise<void> => {
    files.hold();
    await turns.next();
  };
  try {
    if (!turns.isFree) await pause();
    if (isGone()) return [];
    let begun = performance.now();
    for (const line of newest(files, query)) {
      if (line !== null) {
        found.push(line);
        const wait = share.add(line.text.length + LINE_OVERHEAD_BYTES);
        if (wait === null) continue;
        files.hold();
        await wait;
        if (isGone()) return [];
      } else if (performance.now() - begun >= SLICE_MS) {
        await pause();
        if (isGone()) return [];
        begun = performance.now();
      }
    }
    return found.reverse();
  } finally {
    share.end();
    files.close();
  }
}

/** Yields matching lines within the limits of a result, newest first, and null from time to time. */
function* newest(files: LogFiles, query: LogQuery): Generator<LogLine | null> {
  const limit = Math.min(query.lines ?? ANSWER_LINES, ANSWER_LINES);
  let count = 0;
  let bytes = 0;
  if (limit === 0) return;
  for (const found of matching(files, query)) {
    yield found && found.line;
    if (found === null) continue;
    bytes += found.line.text.length;
    if (++count >= limit || bytes > ANSWER_BYTES) return;
  }
}

export interface Located {
  /** Where the first record of these lines is. */
  readonly spot: Spot;
  /** How many records, from there on, end older lines (of the other stream). */
  readonly skip: number;
  /** How many lines there are. */
  readonly count: number;
}

/**
 * Finds the last `query.lines` matching lines in short slices like `searchLog`, but only counts them: whoever wants to read many lines
 * reads them forwards from there, and at no time has more than a few in memory. Returns null if there are none.
 */
export async function locateLast(files: LogFiles, query: LogQuery, { turns, memory }: Searches): Promise<Located | null> {
  const limit = query.lines ?? ANSWER_LINES;
  const pause = async (): Promise<void> => {
    files.hold();
    await turns.next();
  };
  if (limit === 0) return null;
  if (!turns.isFree) await pause();
  let spot: Spot | null = null;
  let end: Spot | null = null;
  let count = 0;
  let begun = performance.now();
  for (const found of matching(files, query, true)) {
    if (found !== null) {
      if (spot === null || spot.ordinal < found.first.ordinal) spot = found.first;
      end = found.end;
      if (++count >= limit) break;
    } else if (performance.now() - begun >= SLICE_MS) {
      await pause();
      if (query.signal?.aborted === true) break;
      begun = performance.now();
    }
  }
  memory.used(((spot?.ordinal ?? 0) + 1) * RECORD_BYTES);
  return spot === null || end === null ? null : { spot, skip: spot.ordinal - end.ordinal, count };
}
