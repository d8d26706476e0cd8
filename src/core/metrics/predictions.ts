import { HOUR_MS, formatDuration } from "../../base/duration.ts";
import type { Forecast } from "./forecast.ts";
import { amount } from "./limits.ts";

/** Limits that are foreseen; a number of tasks has no trend to speak of. */
export const FORESEEN = ["memory", "cpu"] as const;
export type Foreseen = (typeof FORESEEN)[number];

/**
 * When a forecast is worth an event: two looks in a row must agree before it is told, and three that see nothing end the
 * episode, so that what flickers is told once.
 */
export interface PredictionEpisode {
  readonly told: boolean;
  /** Looks in a row, up to the newest, that did and that did not foresee the limit. */
  readonly seen: number;
  readonly unseen: number;
}

const AGREE = 2;
const OVER = 3;

export const NO_EPISODE: PredictionEpisode = { told: false, seen: 0, unseen: 0 };
/** One that an earlier daemon told. */
export const TOLD_EPISODE: PredictionEpisode = { told: true, seen: AGREE, unseen: 0 };

/** What a value is not to go past: a limit of the unit, or what the machine has. */
export interface Bound {
  readonly value: number;
  readonly of: "unit" | "machine";
}

/** Whichever is reached first. `spareMib`: what the machine still has beside the unit's memory of now. */
export function boundOf(metric: Foreseen, max: number | null, now: number | undefined, availableMib: number | null): Bound | null {
  const machine = metric === "memory" && now !== undefined && availableMib !== null ? now + availableMib : null;
  if (machine !== null && (max === null || machine < max)) return { value: machine, of: "machine" };
  return max === null ? null : { value: max, of: "unit" };
}

/** `news`: this look is the one to tell. */
export function look(episode: PredictionEpisode, foreseen: boolean): { readonly episode: PredictionEpisode; readonly news: boolean } {
  const seen = foreseen ? episode.seen + 1 : 0;
  const unseen = foreseen ? 0 : episode.unseen + 1;
  const told = (episode.told && unseen < OVER) || seen >= AGREE;
  return { episode: { told, seen, unseen }, news: told && !episode.told };
}

/** Foreseen is what is to come: a limit that was passed already is told as such. */
export const isForeseen = ({ inMs, level }: Forecast, bound: Bound | null): boolean =>
  inMs !== null && bound !== null && level < bound.value;

/** A memory that has risen for this many samples is called a leak; shorter ones may be a program that fills its caches. */
const LEAK_SAMPLES = 360;

export const isLeak = ({ verdict, spanMs }: Forecast, intervalMs: number): boolean =>
  verdict === "rising" && spanMs >= LEAK_SAMPLES * intervalMs;

const NAMES: Record<Foreseen, string> = { memory: "Memory", cpu: "CPU" };

/** `Memory grows by 12.5 MiB an hour (12.1 to 12.9), seen over 6h; at 320 MiB now, it reaches its limit of 512 MiB in about 15h (14h to 17h)` */
export function forecastWords(metric: Foreseen, found: Forecast, bound: Bound | null): string {
  const { verdict, level, slope, slopeLow, slopeHigh, spanMs, inMs, soonestMs, latestMs } = found;
  const name = NAMES[metric];
  const of = bound?.of === "unit" ? ` of ${amount(metric, bound.value)}` : "";
  if (verdict === "warming-up") return `${name}: too little is known of this run yet`;
  if (verdict === "steady") return `${name} shows no trend: ${amount(metric, level)}${of}`;
  const rate = (value: number): string => rateWords(metric, Math.abs(value) * HOUR_MS);
  const [least, most] = [slopeLow, slopeHigh].sort((a, b) => Math.abs(a) - Math.abs(b)).map(rate);
  const growth = `${name} ${verdict === "falling" ? "falls" : "grows"} by ${rate(slope)} an hour (${least} to ${most}), seen over ${formatDuration(spanMs)}`;
  if (inMs === null || soonestMs === null || latestMs === null) return `${growth}; ${amount(metric, level)}${of} now`;
  const band = `${formatDuration(soonestMs)} to ${formatDuration(latestMs)}`;
  const what = bound?.of === "machine" ? "the machine has no memory left for it" : `it reaches its limit${of}`;
  return `${growth}; at ${amount(metric, level)} now, ${what} in about ${formatDuration(inMs)} (${band})`;
}

function rateWords(metric: Foreseen, perHour: number): string {
  if (metric === "memory" && perHour >= 1024) return `${(perHour / 1024).toFixed(1)} GiB`;
  return amount(metric, perHour);
}
