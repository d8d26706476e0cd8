import { HOUR_MS } from "../../base/duration.ts";
import { forecast, LEAST_POINTS, lookEveryMs, type Forecast } from "../../core/metrics/forecast.ts";
import type { AlertCondition } from "../../core/alerts/alerts.ts";
import { maxOf } from "../../core/metrics/limits.ts";
import {
  boundOf,
  FORESEEN,
  forecastWords,
  isForeseen,
  isLeak,
  look,
  NO_EPISODE,
  TOLD_EPISODE,
  type Bound,
  type PredictionEpisode,
  type Foreseen,
} from "../../core/metrics/predictions.ts";
import { isProbed } from "../../core/unit/phase.ts";
import type { Entry, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogStore } from "../../ports/logs.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import type { MetricsStore } from "../../ports/store/metrics.ts";
import type { Usage } from "../../ports/usage.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { isoOf, round } from "../queries/describe.ts";
import type { Recorder } from "../engine/recorder.ts";

export interface ForecasterOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly store: MetricsStore & EventHistory;
  readonly recorder: Pick<Recorder, "tell">;
  readonly logs: Pick<LogStore, "note">;
  readonly usage: Pick<Usage, "spare">;
  /** From one sample to the next. */
  readonly tickMs: number;
}

/** What was found of each metric, and the bound that it was held against. */
type Seen = Readonly<Record<Foreseen, { readonly found: Forecast; readonly bound: Bound | null }>>;

interface TrendLook {
  readonly run: number;
  readonly atMs: number;
  readonly dueMs: number;
  readonly seen: Seen;
  readonly episodes: Readonly<Record<Foreseen, PredictionEpisode>>;
}

/** Units that are looked at on one tick: each look reads the history of a run. */
const AT_ONCE = 5;
/** Past this the next ones have to wait for the next tick: the whole daemon waits meanwhile. */
const BUDGET_MS = 15;
/** A run is read as this many points; its last sixteenth as this many more, for what began lately. */
const POINTS = 600;
const LATE = 16;
const EVENT = "limit_predicted";

/** Looks at the history of running units every now and then, and tells once when a limit is to be expected. */
export class Forecaster {
  readonly #o: ForecasterOptions;
  readonly #looks = new Map<string, TrendLook>();

  constructor(options: ForecasterOptions) {
    this.#o = options;
  }

  /** On the shared tick. */
  tick(): void {
    const { world, clock } = this.#o;
    const now = clock.monotonicMs();
    for (const id of this.#looks.keys()) if (world.get(id) === undefined) this.#looks.delete(id);
    let left = AT_ONCE;
    for (const [id, entry] of world.entries()) {
      const known = this.#looks.get(id);
      if (!this.#isWarm(entry) || (known?.run === entry.unit.run && known.dueMs > now)) continue;
      this.#look(id, entry);
      if (--left === 0 || clock.monotonicMs() - now > BUDGET_MS) return;
    }
  }

  /** What is known of a unit right now, read anew. */
  of(id: string, entry: Entry): shape.Forecast {
    return this.#describe(id, entry, this.#read(id, entry), this.#o.clock.monotonicMs());
  }

  /** The last look at each running unit. */
  all(): shape.Forecast[] {
    const running = [...this.#o.world.entries()].filter(([, { unit }]) => isProbed(unit));
    return running.map(([id, entry]) => {
      const { seen, atMs } = this.#lookAt(id, entry) ?? { seen: unknown(entry), atMs: 0 };
      return this.#describe(id, entry, seen, atMs);
    });
  }

  /** Sentences about what was told and still holds. */
  predictionsOf(id: string, entry: Entry): { readonly metric: Foreseen; readonly text: string; readonly atMs: number }[] {
    const last = this.#lookAt(id, entry);
    if (last === undefined) return [];
    return FORESEEN.flatMap((metric) => {
      const { found, bound } = last.seen[metric];
      if (!last.episodes[metric].told || found.inMs === null) return [];
      return [{ metric, text: forecastWords(metric, found, bound), atMs: last.atMs + found.inMs }];
    });
  }

  conditionsOf(id: string, entry: Entry): AlertCondition[] {
    return this.predictionsOf(id, entry).map(({ metric, text }) => ({
      unit: id,
      type: `${metric}-predicted`,
      severity: "warning",
      message: text,
    }));
  }

  #lookAt(id: string, { unit }: Entry): TrendLook | undefined {
    const known = this.#looks.get(id);
    return known?.run === unit.run && isProbed(unit) ? known : undefined;
  }

  #look(id: string, entry: Entry): void {
    const { clock, tickMs } = this.#o;
    const { unit } = entry;
    const atMs = clock.monotonicMs();
    const seen = this.#read(id, entry);
    const before = this.#looks.get(id);
    const known = before?.run === unit.run ? before.episodes : this.#toldBefore(id, unit.run);
    const episodes = { ...known };
    const news: Foreseen[] = [];
    for (const metric of FORESEEN) {
      const result = look(known[metric], isForeseen(seen[metric].found, seen[metric].bound));
      episodes[metric] = result.episode;
      if (result.news) news.push(metric);
    }
    const soonest = Math.min(...FORESEEN.map((metric) => seen[metric].found.inMs ?? Infinity));
    const dueMs = atMs + lookEveryMs(atMs - (unit.execAtMs ?? atMs), tickMs, soonest);
    this.#looks.set(id, { run: unit.run, atMs, dueMs, seen, episodes });
    for (const metric of news) this.#tell(id, entry, metric, seen);
  }

  #tell(id: string, entry: Entry, metric: Foreseen, seen: Seen): void {
    const { recorder, logs, clock } = this.#o;
    const text = forecastWords(metric, seen[metric].found, seen[metric].bound);
    recorder.tell(EVENT, text, id, { run: entry.unit.run, metric, ...this.#trend(entry, metric, seen, clock.monotonicMs()) });
    logs.note(id, text);
  }

  /** What an earlier daemon told of this run is not told again. */
  #toldBefore(id: string, run: number): Record<Foreseen, PredictionEpisode> {
    const told = this.#o.store.events({ limit: 10, serviceIds: [id], types: [EVENT] }).filter(({ details }) => details.run === run);
    const of = (metric: Foreseen): PredictionEpisode => (told.some(({ details }) => details.metric === metric) ? TOLD_EPISODE : NO_EPISODE);
    return { memory: of("memory"), cpu: of("cpu") };
  }

  #isWarm({ unit }: Entry): boolean {
    const { clock, tickMs } = this.#o;
    return isProbed(unit) && unit.execAtMs !== null && clock.monotonicMs() - unit.execAtMs >= LEAST_POINTS * tickMs;
  }

  #read(id: string, entry: Entry): Seen {
    const { clock, store, usage, tickMs } = this.#o;
    if (!this.#isWarm(entry)) return unknown(entry);
    const ageMs = clock.monotonicMs() - entry.unit.execAtMs!;
    const now = clock.wallMs();
    const lateMs = ageMs / POINTS > tickMs ? now - ageMs / LATE : now - ageMs;
    const early = ageMs / POINTS > tickMs ? store.course(id, now - ageMs, lateMs, ageMs / POINTS) : [];
    const points = [...early, ...store.course(id, lateMs, now, Math.max(tickMs, ageMs / LATE / POINTS))];
    const of = (metric: Foreseen): Seen[Foreseen] => {
      const known = points.flatMap((point) => (point[metric] === null ? [] : [{ atMs: point.atMs, value: point[metric] }]));
      const bound = boundOf(metric, limitOf(entry, metric), known.at(-1)?.value, usage.spare());
      return { found: forecast(known, bound?.value ?? null), bound };
    };
    return { memory: of("memory"), cpu: of("cpu") };
  }

  #describe(id: string, entry: Entry, seen: Seen, atMs: number): shape.Forecast {
    const { clock } = this.#o;
    const running = isProbed(entry.unit);
    return {
      id,
      run_since: isoOf(entry.unit.execAtMs, clock, running),
      memory: this.#trend(entry, "memory", seen, atMs),
      cpu: this.#trend(entry, "cpu", seen, atMs),
    };
  }

  #trend(entry: Entry, metric: Foreseen, seen: Seen, seenAtMs: number): shape.Trend {
    const { clock, tickMs } = this.#o;
    const { found, bound } = seen[metric];
    const running = isProbed(entry.unit);
    const at = (ms: number | null): string | null => (ms === null ? null : isoOf(seenAtMs + ms, clock));
    return {
      verdict: running ? found.verdict : "not-running",
      text: running ? forecastWords(metric, found, bound) : "It does not run",
      leak: metric === "memory" && running && isLeak(found, tickMs),
      limit: limitOf(entry, metric),
      of_machine: bound?.of === "machine",
      level: running ? round(found.level, 2) : null,
      per_hour: round(found.slope * HOUR_MS, 3),
      per_hour_low: round(found.slopeLow * HOUR_MS, 3),
      per_hour_high: round(found.slopeHigh * HOUR_MS, 3),
      seen_seconds: round(found.spanMs / 1000, 0),
      limit_in_seconds: found.inMs === null ? null : round(found.inMs / 1000, 0),
      limit_at: at(found.inMs),
      limit_at_soonest: at(found.soonestMs),
      limit_at_latest: at(found.latestMs),
    };
  }
}

const limitOf = ({ spec }: Entry, metric: Foreseen): number | null => (spec.limits === null ? null : maxOf(spec.limits, metric));

function unknown(entry: Entry): Seen {
  const of = (metric: Foreseen): Seen[Foreseen] => ({
    found: forecast([], null),
    bound: boundOf(metric, limitOf(entry, metric), undefined, null),
  });
  return { memory: of("memory"), cpu: of("cpu") };
}
