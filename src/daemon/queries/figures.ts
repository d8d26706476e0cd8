import type * as shape from "../../api/contract/shapes.ts";
import { errorLines } from "../../core/explain/error-lines.ts";
import { BEGINNINGS } from "../../core/explain/past-runs.ts";
import { figuresOf, type RunSample } from "../../core/explain/run-figures.ts";
import type { World } from "../../core/world/world.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { EventHistory, EventRow } from "../../ports/store/events.ts";
import type { MetricsStore } from "../../ports/store/metrics.ts";
import { round } from "./describe.ts";

export interface FiguresOptions {
  readonly world: World;
  readonly store: EventHistory & MetricsStore;
  readonly logs: Pick<LogStore, "search">;
}

const ENDINGS: readonly string[] = ["exited", "start-failed"];
const TYPES: readonly string[] = [...BEGINNINGS, ...ENDINGS, "unhealthy"];
/** The figures come from the newest events and samples of the range, up to these numbers. */
const MAX_EVENTS = 50_000;
const MAX_SAMPLES = 50_000;
/** Counting stops at this number of lines. */
const MAX_ERROR_LINES = 10_000;
const MAX_ENDINGS = 5;

/** Returns the figures of a unit from `since` until `until`, in ISO 8601. They are computed like those of a run in `diff`. */
export async function figures(id: string, since: string, until: string, options: FiguresOptions): Promise<shape.Figures> {
  const { store } = options;
  const later = store.events({ serviceIds: [id], types: TYPES, since, limit: MAX_EVENTS });
  const events = later.filter(({ timestamp }) => timestamp < until);
  const samples = store.metrics(id, since, MAX_SAMPLES, until).map((row) => ({ ...row, atMs: Date.parse(row.timestamp) }));
  const all = figuresOf(samples);
  const starts = startsIn(events);
  const endings = events.filter(({ type }) => ENDINGS.includes(type));
  const rounded = (value: number | null): number | null => (value === null ? null : round(value, 2));
  return {
    ...{ id, since, until },
    memory_mb: rounded(all.memoryMb),
    memory_mb_per_hour: rounded(figuresOf(longestRun(samples, starts)).memoryMbPerHour),
    cpu_percent: rounded(all.cpuPercent),
    response_time_ms: rounded(all.responseMs),
    starts: starts.length,
    exits: endings.length,
    failures: events.filter(isFailure).length,
    endings: mostFrequent(endings.map(({ message }) => message)),
    error_lines: await countErrorLines(id, logTimeOf(since, later), logTimeOf(until, later), options),
  };
}

/** Returns the times at which runs began, in milliseconds. A run that is not ready at once has two events. */
function startsIn(events: readonly EventRow[]): number[] {
  const starts = new Map<unknown, number>();
  for (const { type, timestamp, details } of events) {
    const run = details.invocation ?? timestamp;
    if (BEGINNINGS.includes(type) && !starts.has(run)) starts.set(run, Date.parse(timestamp));
  }
  return [...starts.values()];
}

/** Returns the samples of the part between two starts that lasted longest. A restart in between would look like a falling slope. */
function longestRun(samples: readonly RunSample[], startsMs: readonly number[]): readonly RunSample[] {
  const bounds = [-Infinity, ...startsMs, Infinity];
  const parts = bounds.slice(1).map((end, index) => samples.filter(({ atMs }) => atMs >= bounds[index]! && atMs < end));
  const lengthOf = (part: readonly RunSample[]): number => (part.length === 0 ? 0 : part.at(-1)!.atMs - part[0]!.atMs);
  return parts.reduce((longest, part) => (lengthOf(part) > lengthOf(longest) ? part : longest), []);
}

const isFailure = ({ type, details }: EventRow): boolean =>
  type === "start-failed" || type === "unhealthy" || (type === "exited" && details.success === false && details.expected === false);

function mostFrequent(texts: readonly string[]): shape.Figures["endings"] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts]
    .map(([text, count]) => ({ text, count }))
    .sort((a, b) => b.count - a.count)
    .slice(0, MAX_ENDINGS);
}

/**
 * Returns the time from which log lines belong to the range that begins at `edge`. If the range begins with a start, the first lines of
 * the run can be some milliseconds older than the event about the start.
 */
function logTimeOf(edge: string, events: readonly EventRow[]): string {
  const start = events.find(({ type, timestamp }) => timestamp === edge && BEGINNINGS.includes(type));
  return typeof start?.details.log_from === "string" ? start.details.log_from : edge;
}

async function countErrorLines(id: string, from: string, before: string, { world, logs }: FiguresOptions): Promise<number | null> {
  if (world.get(id)?.spec.log.format === "raw") return null;
  return (await logs.search(id, { lines: MAX_ERROR_LINES, from, before, grep: errorLines() })).length;
}
