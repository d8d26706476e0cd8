import { HOUR_MS } from "../../base/duration.ts";
import { forecast, forecastEveryMs, LEAST_POINTS, type Forecast } from "../../core/metrics/forecast.ts";
import type { AlertCondition } from "../../core/alerts/alerts.ts";
import { maxOf } from "../../core/metrics/limits.ts";
import {
  addForecast,
  boundOf,
  FORESEEN,
  forecastWords,
  isForeseen,
  isLeak,
  NO_EPISODE,
  REPORTED_EPISODE,
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
  /** Interval between samples in milliseconds. */
  readonly tickMs: number;
}

/** The forecast of each metric, and the bound that it was compared with. */
type Forecasts = Readonly<Record<Foreseen, { readonly found: Forecast; readonly bound: Bound | null }>>;

interface Examined {
  readonly run: number;
  readonly atMs: number;
  readonly dueMs: number;
  readonly forecasts: Forecasts;
  readonly episodes: Readonly<Record<Foreseen, PredictionEpisode>>;
}

/** Maximum number of units to examine per tick. The limit exists because each forecast reads the history of a run. */
const UNITS_PER_TICK = 5;
/** After this time the remaining units wait for the next tick, because forecasts block the whole daemon. */
const BUDGET_MS = 15;
/** A run is read as POINTS points. The last 1/RECENT_PART of the run is read as POINTS more points, to detect a recent trend. */
const POINTS = 600;
const RECENT_PART = 16;
const EVENT = "limit_predicted";

/** Periodically forecasts the memory and CPU of running units. Reports once if a unit is expected to exceed a limit. */
export class Forecaster {
  readonly #o: ForecasterOptions;
  readonly #examined = new Map<string, Examined>();

  constructor(options: ForecasterOptions) {
    this.#o = options;
  }

  /** Makes the forecasts that are due. Called on each shared tick. */
  tick(): void {
    const { world, clock } = this.#o;
    const now = clock.monotonicMs();
    for (const id of this.#examined.keys()) if (world.get(id) === undefined) this.#examined.delete(id);
    let left = UNITS_PER_TICK;
    for (const [id, entry] of world.entries()) {
      const known = this.#examined.get(id);
      if (!this.#isWarm(entry) || (known?.run === entry.unit.run && known.dueMs > now)) continue;
      this.#examine(id, entry);
      if (--left === 0 || clock.monotonicMs() - now > BUDGET_MS) return;
    }
  }

  /** Makes a new forecast for one unit. */
  of(id: string, entry: Entry): shape.Forecast {
    return this.#describe(id, entry, this.#read(id, entry), this.#o.clock.monotonicMs());
  }

  /** Returns the last forecast of each running unit. */
  all(): shape.Forecast[] {
    const running = [...this.#o.world.entries()].filter(([, { unit }]) => isProbed(unit));
    return running.map(([id, entry]) => {
      const { forecasts, atMs } = this.#last(id, entry) ?? { forecasts: unknown(entry), atMs: 0 };
      return this.#describe(id, entry, forecasts, atMs);
    });
  }

  /** Returns the reported predictions that still hold, as sentences. */
  predictionsOf(id: string, entry: Entry): { readonly metric: Foreseen; readonly text: string; readonly atMs: number }[] {
    const last = this.#last(id, entry);
    if (last === undefined) return [];
    return FORESEEN.flatMap((metric) => {
      const { found, bound } = last.forecasts[metric];
      if (!last.episodes[metric].reported || found.inMs === null) return [];
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

  #last(id: string, { unit }: Entry): Examined | undefined {
    const known = this.#examined.get(id);
    return known?.run === unit.run && isProbed(unit) ? known : undefined;
  }

  #examine(id: string, entry: Entry): void {
    const { clock, tickMs } = this.#o;
    const { unit } = entry;
    const atMs = clock.monotonicMs();
    const forecasts = this.#read(id, entry);
    const before = this.#examined.get(id);
    const known = before?.run === unit.run ? before.episodes : this.#reportedBefore(id, unit.run);
    const episodes = { ...known };
    const reports: Foreseen[] = [];
    for (const metric of FORESEEN) {
      const result = addForecast(known[metric], isForeseen(forecasts[metric].found, forecasts[metric].bound));
      episodes[metric] = result.episode;
      if (result.isNew) reports.push(metric);
    }
    const soonest = Math.min(...FORESEEN.map((metric) => forecasts[metric].found.inMs ?? Infinity));
    const dueMs = atMs + forecastEveryMs(atMs - (unit.execAtMs ?? atMs), tickMs, soonest);
    this.#examined.set(id, { run: unit.run, atMs, dueMs, forecasts, episodes });
    for (const metric of reports) this.#report(id, entry, metric, forecasts);
  }

  #report(id: string, entry: Entry, metric: Foreseen, forecasts: Forecasts): void {
    const { recorder, logs, clock } = this.#o;
    const text = forecastWords(metric, forecasts[metric].found, forecasts[metric].bound);
    recorder.tell(EVENT, text, id, { run: entry.unit.run, metric, ...this.#trend(entry, metric, forecasts, clock.monotonicMs()) });
    logs.note(id, text);
  }

  /** Returns the episodes of this run, so that predictions that an earlier daemon reported are not reported again. */
  #reportedBefore(id: string, run: number): Record<Foreseen, PredictionEpisode> {
    const reported = this.#o.store.events({ limit: 10, serviceIds: [id], types: [EVENT] }).filter(({ details }) => details.run === run);
    const of = (metric: Foreseen): PredictionEpisode =>
      reported.some(({ details }) => details.metric === metric) ? REPORTED_EPISODE : NO_EPISODE;
    return { memory: of("memory"), cpu: of("cpu") };
  }

  #isWarm({ unit }: Entry): boolean {
    const { clock, tickMs } = this.#o;
    return isProbed(unit) && unit.execAtMs !== null && clock.monotonicMs() - unit.execAtMs >= LEAST_POINTS * tickMs;
  }

  #read(id: string, entry: Entry): Forecasts {
    const { clock, store, usage, tickMs } = this.#o;
    if (!this.#isWarm(entry)) return unknown(entry);
    const ageMs = clock.monotonicMs() - entry.unit.execAtMs!;
    const now = clock.wallMs();
    const recentMs = ageMs / POINTS > tickMs ? now - ageMs / RECENT_PART : now - ageMs;
    const early = ageMs / POINTS > tickMs ? store.course(id, now - ageMs, recentMs, ageMs / POINTS) : [];
    const points = [...early, ...store.course(id, recentMs, now, Math.max(tickMs, ageMs / RECENT_PART / POINTS))];
    const of = (metric: Foreseen): Forecasts[Foreseen] => {
      const known = points.flatMap((point) => (point[metric] === null ? [] : [{ atMs: point.atMs, value: point[metric] }]));
      const bound = boundOf(metric, limitOf(entry, metric), known.at(-1)?.value, usage.spare());
      return { found: forecast(known, bound?.value ?? null), bound };
    };
    return { memory: of("memory"), cpu: of("cpu") };
  }

  #describe(id: string, entry: Entry, forecasts: Forecasts, atMs: number): shape.Forecast {
    const { clock } = this.#o;
    const running = isProbed(entry.unit);
    return {
      id,
      run_since: isoOf(entry.unit.execAtMs, clock, running),
      memory: this.#trend(entry, "memory", forecasts, atMs),
      cpu: this.#trend(entry, "cpu", forecasts, atMs),
    };
  }

  #trend(entry: Entry, metric: Foreseen, forecasts: Forecasts, examinedAtMs: number): shape.Trend {
    const { clock, tickMs } = this.#o;
    const { found, bound } = forecasts[metric];
    const running = isProbed(entry.unit);
    const at = (ms: number | null): string | null => (ms === null ? null : isoOf(examinedAtMs + ms, clock));
    return {
      verdict: running ? found.verdict : "not-running",
      text: running ? forecastWords(metric, found, bound) : "The unit is not running",
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

function unknown(entry: Entry): Forecasts {
  const of = (metric: Foreseen): Forecasts[Foreseen] => ({
    found: forecast([], null),
    bound: boundOf(metric, limitOf(entry, metric), undefined, null),
  });
  return { memory: of("memory"), cpu: of("cpu") };
}
