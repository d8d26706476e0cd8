import { HOUR_MS, formatDuration } from "../../base/duration.ts";
import type { Forecast } from "./forecast.ts";
import { amount } from "./limits.ts";

/** The metrics that have forecasts. The number of tasks has none, because its trend is not useful. */
export const FORESEEN = ["memory", "cpu"] as const;
export type Foreseen = (typeof FORESEEN)[number];

/**
 * The state that decides when forecasts cause an event. An episode begins when two consecutive forecasts predict that the limit
 * will be reached. It ends after three consecutive forecasts that do not. Therefore a prediction that flickers is reported only once.
 */
export interface PredictionEpisode {
  readonly reported: boolean;
  /**
   * How many of the newest forecasts in a row predicted that the limit will be reached, and how many did not. At least one of
   * the two is 0.
   */
  readonly predicted: number;
  readonly unpredicted: number;
}

const REPORT_AFTER = 2;
const END_AFTER = 3;

export const NO_EPISODE: PredictionEpisode = { reported: false, predicted: 0, unpredicted: 0 };
/** The state of an episode that an earlier daemon has reported. */
export const REPORTED_EPISODE: PredictionEpisode = { reported: true, predicted: REPORT_AFTER, unpredicted: 0 };

/** The value that a metric must not exceed: a limit of the unit, or the memory of the machine. */
export interface Bound {
  readonly value: number;
  readonly of: "unit" | "machine";
}

/**
 * Returns the lower of two bounds: the limit of the unit, and the memory of the machine. Returns null if there is neither. `now` is
 * what the unit uses at present, and `availableMib` is the memory of the machine that is still available.
 */
export function boundOf(metric: Foreseen, max: number | null, now: number | undefined, availableMib: number | null): Bound | null {
  const machine = metric === "memory" && now !== undefined && availableMib !== null ? now + availableMib : null;
  if (machine !== null && (max === null || machine < max)) return { value: machine, of: "machine" };
  return max === null ? null : { value: max, of: "unit" };
}

/** Adds a forecast to the episode. `isNew` is true if the episode must be reported now. */
export function addForecast(
  episode: PredictionEpisode,
  foreseen: boolean,
): { readonly episode: PredictionEpisode; readonly isNew: boolean } {
  const predicted = foreseen ? episode.predicted + 1 : 0;
  const unpredicted = foreseen ? 0 : episode.unpredicted + 1;
  const reported = (episode.reported && unpredicted < END_AFTER) || predicted >= REPORT_AFTER;
  return { episode: { reported, predicted, unpredicted }, isNew: reported && !episode.reported };
}

/**
 * Returns true if the forecast predicts that the bound will be reached. A bound that is already exceeded does not count,
 * because it has its own event.
 */
export const isForeseen = ({ inMs, level }: Forecast, bound: Bound | null): boolean =>
  inMs !== null && bound !== null && level < bound.value;

/** A rise over this many samples is called a leak. A shorter rise may be a program that fills its caches. */
const LEAK_SAMPLES = 360;

export const isLeak = ({ verdict, spanMs }: Forecast, intervalMs: number): boolean =>
  verdict === "rising" && spanMs >= LEAK_SAMPLES * intervalMs;

const NAMES: Record<Foreseen, string> = { memory: "Memory", cpu: "CPU" };

/**
 * Describes a forecast: `Memory grows by 12 MiB per hour (11 to 13), measured over 6h; now at 320 MiB, it reaches its limit
 * of 512 MiB in about 15h (14h to 17h)`
 */
export function forecastWords(metric: Foreseen, found: Forecast, bound: Bound | null): string {
  const { verdict, level, slope, slopeLow, slopeHigh, spanMs, inMs, soonestMs, latestMs } = found;
  const name = NAMES[metric];
  const of = bound?.of === "unit" ? ` of ${amount(metric, bound.value)}` : "";
  if (verdict === "warming-up") return `${name}: this run is too young for a forecast`;
  if (verdict === "steady") return `${name} shows no trend: ${amount(metric, level)}${of}`;
  const rate = (value: number): string => rateWords(metric, Math.abs(value) * HOUR_MS);
  const [least, most] = [slopeLow, slopeHigh].sort((a, b) => Math.abs(a) - Math.abs(b)).map(rate);
  const growth = `${name} ${verdict === "falling" ? "falls" : "grows"} by ${rate(slope)} per hour (${least} to ${most}), measured over ${formatDuration(spanMs)}`;
  if (bound?.of === "unit" && level >= bound.value) return `${growth}; now at ${amount(metric, level)}, which is over its limit${of}`;
  if (inMs === null || soonestMs === null || latestMs === null) return `${growth}; now at ${amount(metric, level)}${of}`;
  const band = `${formatDuration(soonestMs)} to ${formatDuration(latestMs)}`;
  const what = bound?.of === "machine" ? "the machine runs out of memory" : `it reaches its limit${of}`;
  return `${growth}; now at ${amount(metric, level)}, ${what} in about ${formatDuration(inMs)} (${band})`;
}

function rateWords(metric: Foreseen, perHour: number): string {
  if (metric === "memory" && perHour >= 1024) return `${(perHour / 1024).toFixed(1)} GiB`;
  return amount(metric, perHour);
}
