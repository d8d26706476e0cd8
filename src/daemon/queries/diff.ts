import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { type Change, compare, type Comparison, madeAt } from "../../core/explain/changes.ts";
import { errorLines } from "../../core/explain/error-lines.ts";
import { findFirstChange } from "../../core/explain/first-change.ts";
import { findRun, recentRuns } from "../../core/explain/past-runs.ts";
import { figuresOf } from "../../core/explain/run-figures.ts";
import { type HistoricRun, HISTORY_TYPES, historyOf } from "../../core/explain/run-history.ts";
import { stateOf } from "../../core/unit/phase.ts";
import type { World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import type { FingerprintStore } from "../../ports/store/fingerprints.ts";
import type { MetricsStore } from "../../ports/store/metrics.ts";
import { redactString } from "../../spec/redact.ts";
import { healthOf, round } from "./describe.ts";
import { byNeed } from "./service-answers.ts";

export interface DiffOptions {
  readonly world: World;
  readonly clock: Pick<Clock, "wallMs">;
  readonly store: EventHistory & FingerprintStore & MetricsStore;
  readonly logs: Pick<LogStore, "search">;
}

/** Number of events from which the runs of a unit are found. A run has two or three of them. */
const KNOWN_EVENTS = 2000;
const KNOWN_FINGERPRINTS = 200;
/** Number of samples of a run that count for its figures, the newest ones. */
const SAMPLES = 5000;
/** Counting stops at this number of lines. */
const MAX_ERROR_LINES = 10_000;

/** Names the newest changes before the first failure of a unit that failed, or returns null if it did not fail. */
export function changeBeforeFailure(id: string, store: EventHistory & FingerprintStore): shape.WhyChange | null {
  const found = findFirstChange(runsOf(id, store));
  if (found === null) return null;
  const { failed, changes, since, after } = found;
  const failedAtMs = Date.parse(failed.failedAt!);
  const failure = `the first failure${failed.ending === null ? "" : ` (${failed.ending})`}`;
  return {
    run: failed.invocation,
    failed_at: failed.failedAt!,
    failure: failed.ending ?? "unhealthy",
    since: since.startedAt,
    changes: datedChanges(changes, since, after).map((change) => ({
      ...shapeOf(change),
      text: `${sentence(change.text)}, ${formatDuration(Math.max(0, failedAtMs - change.atMs))} before ${failure}.`,
    })),
  };
}

/** Compares two runs of a unit. Without names of runs, compares the latest run with the last one before the newest change. */
export async function diff(
  id: string,
  names: { readonly from?: string | undefined; readonly to?: string | undefined },
  options: DiffOptions,
): Promise<Result<shape.UnitDiff, ApiError>> {
  const runs = runsOf(id, options.store);
  const chosen = choose(id, runs, names);
  if (!chosen.ok) return chosen;
  const [before, after] = chosen.value;
  const compared = compareRuns(before, after);
  const texts = datedChanges(compared.changes, before, seriesOf(after, runs)[0]!);
  return ok({
    id,
    before: await sideOf(id, before, runs, options),
    after: await sideOf(id, after, runs, options),
    changes: texts.map((change) => ({ ...shapeOf(change), text: `${sentence(change.text)}.` })),
    unknown: compared.unknown.map(redactString),
  });
}

/** Compares two runs of each unit of a service. Returns the error of the first unit if no unit can be compared. */
export async function diffOfService(
  service: string,
  ids: readonly string[],
  names: Parameters<typeof diff>[1],
  options: DiffOptions,
): Promise<Result<shape.Diff, ApiError>> {
  const conditionOf = (id: string) => {
    const entry = options.world.get(id)!;
    return { state: stateOf(entry.unit), health: healthOf(entry) };
  };
  const answers = await Promise.all(byNeed(ids, conditionOf).map((id) => diff(id, names, options)));
  const units = answers.flatMap((answer) => (answer.ok ? [answer.value] : []));
  return units.length === 0 ? answers[0]! : ok({ ...units[0]!, id: service, units });
}

function compareRuns(before: HistoricRun, after: HistoricRun): Comparison {
  if (before.fingerprint !== null && after.fingerprint !== null) return compare(before.fingerprint, after.fingerprint);
  const missing = [before, after].filter(({ fingerprint }) => fingerprint === null);
  return { changes: [], unknown: missing.map(({ startedAt }) => `What the run of ${startedAt} was started with is not recorded.`) };
}

const runsOf = (id: string, store: EventHistory & FingerprintStore): HistoricRun[] =>
  historyOf(store.events({ serviceIds: [id], types: HISTORY_TYPES, limit: KNOWN_EVENTS }), store.fingerprints(id, KNOWN_FINGERPRINTS));

type Pair = readonly [before: HistoricRun, after: HistoricRun];

function choose(id: string, runs: readonly HistoricRun[], { from, to }: Parameters<typeof diff>[1]): Result<Pair, ApiError> {
  const past = runs.toReversed().map((run) => ({ ...run, from: run.from ?? run.startedAt }));
  const find = (name: string): Result<HistoricRun, ApiError> => {
    const found = findRun(past, name);
    if (found.ok) return ok(runs.find(({ invocation }) => invocation === found.value.invocation)!);
    const recent = recentRuns(past);
    return err({ code: "not-found", message: `cannot compare runs of ${id}: ${found.error}`, ...(recent && { hint: recent }) });
  };
  const after = find(to ?? "0");
  if (!after.ok) return after;
  const before = from === undefined ? null : find(from);
  if (before !== null) return before.ok ? ok([before.value, after.value]) : before;
  const position = runs.indexOf(after.value);
  if (position === 0) {
    const message = `cannot compare runs of ${id}: no run before it is recorded`;
    return err({
      code: "not-found",
      message,
      hint: runs.length === 1 ? "after the next start, two runs can be compared" : recentRuns(past),
    });
  }
  return ok([runs.slice(0, position).findLast((run) => hasOther(run, after.value)) ?? runs[position - 1]!, after.value]);
}

/** Returns true if a run was started with something else. */
const hasOther = (run: HistoricRun, { fingerprint }: HistoricRun): boolean =>
  run.fingerprint !== null &&
  fingerprint !== null &&
  run.fingerprint !== fingerprint &&
  compare(run.fingerprint, fingerprint).changes.length > 0;

/** Returns the consecutive runs around a run that were started with the same, oldest first. */
function seriesOf(run: HistoricRun, runs: readonly HistoricRun[]): readonly HistoricRun[] {
  const position = runs.indexOf(run);
  let [first, last] = [position, position];
  while (first > 0 && !hasOther(runs[first - 1]!, run)) first--;
  while (last < runs.length - 1 && !hasOther(runs[last + 1]!, run)) last++;
  return runs.slice(first, last + 1);
}

async function sideOf(id: string, run: HistoricRun, runs: readonly HistoricRun[], options: DiffOptions): Promise<shape.DiffSide> {
  const { clock, store } = options;
  const { invocation, startedAt, endedAt, ending, failedAt } = run;
  const next = runs[runs.indexOf(run) + 1]?.startedAt;
  const until = endedAt ?? next;
  const samples = store.metrics(id, startedAt, SAMPLES, until).map((row) => ({ ...row, atMs: Date.parse(row.timestamp) }));
  const figures = figuresOf(samples);
  const series = seriesOf(run, runs);
  const rounded = (value: number | null): number | null => (value === null ? null : round(value, 2));
  return {
    invocation,
    started: startedAt,
    ended: endedAt,
    seconds: round(((until === undefined ? clock.wallMs() : Date.parse(until)) - Date.parse(startedAt)) / 1000, 3),
    exit: ending,
    failed: failedAt !== null,
    memory_mb: rounded(figures.memoryMb),
    memory_mb_per_hour: rounded(figures.memoryMbPerHour),
    cpu_percent: rounded(figures.cpuPercent),
    response_time_ms: rounded(figures.responseMs),
    error_lines: await countErrorLines(id, run, options),
    runs: series.length,
    failures: series.filter((one) => one.failedAt !== null).length,
  };
}

/** Returns null if the lines of a run cannot be told from those of others. */
async function countErrorLines(id: string, { from, before }: HistoricRun, { world, logs }: DiffOptions): Promise<number | null> {
  if (from === null || world.get(id)?.spec.log.format === "raw") return null;
  const query = { lines: MAX_ERROR_LINES, from, grep: errorLines(), ...(before === null ? {} : { before }) };
  return (await logs.search(id, query)).length;
}

const sentence = (text: string): string => redactString(`${text.charAt(0).toUpperCase()}${text.slice(1)}`);

/** A change, with the time at which it was made. If that is unknown, the time is that of the first run that started with it. */
type DatedChange = Change & { readonly atMs: number };

/** Adds to each change between two runs the time at which it was made. Oldest changes come first. */
function datedChanges(changes: readonly Change[], before: HistoricRun, after: HistoricRun): DatedChange[] {
  const [fromMs, toMs] = [Date.parse(before.startedAt), Date.parse(after.startedAt)];
  return changes.map((change) => ({ ...change, atMs: madeAt(change, fromMs, toMs) ?? toMs })).sort((a, b) => a.atMs - b.atMs);
}

const shapeOf = ({ kind, names, atMs }: DatedChange): Omit<shape.Change, "text"> => ({
  kind,
  names: [...names],
  time: new Date(atMs).toISOString(),
});
