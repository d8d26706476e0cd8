/**
 * `npm run bench -- forecast`: compares sup's forecast with a naive line through the last two points, on series whose end is known.
 * Measures how often each of them predicts early enough that the limit will be exceeded. Early enough means that at least a fifth of
 * the time from the start of the growth to the limit is left. Also measures how often each raises a false alarm, and the error of the
 * predicted times. The default is `--seeds=40`.
 */
import { parseArgs } from "node:util";
import { forecast, forecastEveryMs } from "../src/core/metrics/forecast.ts";
import { addForecast, NO_EPISODE } from "../src/core/metrics/predictions.ts";
import type { Point } from "../src/core/metrics/trend.ts";
import { randomOf } from "../test/sim/random.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "40" }, seed: { type: "string" }, shape: { type: "string" } },
});
const STEP_MS = 60_000;
const HOUR = 3_600_000;
const LIMIT = 512;

interface Shape {
  readonly name: string;
  /** The length of the series in hours. */
  readonly hours: number;
  /** Returns the value at an hour, without noise. `noise` is the size of the noise. */
  readonly value: (hour: number, random: () => number) => number;
  readonly noise: number;
  /** True if the value grows past the limit, which the forecast should predict. */
  readonly grows: boolean;
  /** The hour in which the growth begins. The default is 0. */
  readonly from?: number;
}

/** The shapes of the series. Each seed makes a series with different sizes and rates. */
const SHAPES: ReadonlyArray<(random: () => number) => Shape> = [
  (random) => ({ name: "flat, noisy", hours: 48, value: () => 300, noise: 5 + random() * 40, grows: false }),
  (random) => {
    const rate = 1 + random() * 7;
    return { name: "slow leak", hours: 400 / rate + 10, value: (h) => 150 + rate * h, noise: 2 + random() * 6, grows: true };
  },
  (random) => {
    const rate = 60 + random() * 140;
    return { name: "fast leak", hours: 400 / rate + 1, value: (h) => 150 + rate * h, noise: 2 + random() * 6, grows: true };
  },
  (random) => {
    const [rate, period, tooth] = [3 + random() * 10, 0.2 + random() * 1.3, 30 + random() * 60];
    return {
      name: "leak with a sawtooth (GC)",
      hours: 400 / rate + 10,
      value: (h) => 130 + rate * h + tooth * ((h / period) % 1),
      noise: 3,
      grows: true,
    };
  },
  (random) => {
    const [period, tooth] = [0.2 + random() * 3, 60 + random() * 100];
    return { name: "sawtooth without a leak", hours: 48, value: (h) => 200 + tooth * ((h / period) % 1), noise: 4, grows: false };
  },
  (random) => {
    const [swing, shift] = [40 + random() * 100, random() * 24];
    return {
      name: "daily cycle",
      hours: 96,
      value: (h) => 280 + swing * Math.sin(((h + shift) / 24) * 2 * Math.PI),
      noise: 4 + random() * 6,
      grows: false,
    };
  },
  (random) => {
    const [at, size] = [6 + random() * 30, 60 + random() * 120];
    return { name: "step", hours: 48, value: (h) => (h < at ? 200 : 200 + size), noise: 3 + random() * 6, grows: false };
  },
  (random) => {
    const [at, size, width] = [6 + random() * 30, 80 + random() * 150, 0.1 + random() * 0.5];
    return { name: "spike", hours: 48, value: (h) => (h > at && h < at + width ? 200 + size : 200), noise: 3 + random() * 6, grows: false };
  },
  (random) => {
    const [rate, quiet] = [10 + random() * 50, 10 + random() * 40];
    return {
      name: "leak that begins late",
      hours: quiet + 400 / rate,
      value: (h) => 150 + rate * Math.max(0, h - quiet),
      noise: 2 + random() * 6,
      grows: true,
      from: quiet,
    };
  },
  (random) => {
    const [rate, noise] = [2 + random() * 10, 15 + random() * 25];
    return { name: "leak in much noise", hours: 400 / rate + 10, value: (h) => 150 + rate * h, noise, grows: true };
  },
  (random) => {
    const [pull, step] = [0.002 + random() * 0.02, 1 + random() * 3];
    let now = 300;
    return {
      name: "wandering",
      hours: 48,
      value: () => (now += pull * (300 - now) + step * normal(random)),
      noise: 2,
      grows: false,
    };
  },
  (random) => {
    const tau = 0.2 + random() * 0.8;
    return {
      name: "warm-up that levels off",
      hours: 48,
      value: (h) => 100 + 250 * (1 - Math.exp(-h / tau)),
      noise: 3 + random() * 4,
      grows: false,
    };
  },
];

const normal = (random: () => number): number => Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());

interface Score {
  runs: number;
  /**
   * The number of runs that predicted the limit while at least a fifth of the time from the start of the growth to the limit was
   * left.
   */
  foreseen: number;
  /** The number of runs with a prediction that did not come true. */
  falseAlarms: number;
  /** The share of the time from the start of the growth to the limit that was left at the first reported prediction. */
  readonly notice: number[];
  /**
   * The error of each prediction, as a share of the time that was left. Predictions in the last tenth of the time are not included.
   * For each of these predictions, `inBand` has a 1 if the true time was in the predicted band, otherwise a 0.
   */
  readonly errors: number[];
  readonly inBand: number[];
}

interface Prediction {
  readonly inMs: number;
  readonly soonestMs: number;
  readonly latestMs: number;
}
type Predict = (points: readonly Point[]) => Prediction | null;

const ours: Predict = (points) => {
  const { inMs, soonestMs, latestMs } = forecast(points, LIMIT);
  return inMs === null ? null : { inMs, soonestMs: soonestMs!, latestMs: latestMs ?? Infinity };
};
const naive: Predict = (points) => {
  const [before, last] = points.slice(-2);
  if (!before || !last || last.value <= before.value) return null;
  const inMs = ((LIMIT - last.value) / (last.value - before.value)) * (last.atMs - before.atMs);
  return { inMs, soonestMs: inMs, latestMs: inMs };
};

/**
 * Makes forecasts for one series as often as the daemon does, and adds them to the score. As in the daemon, a prediction is
 * reported only if two consecutive forecasts agree.
 */
function play(shape: Shape, random: () => number, predict: Predict, score: Score): void {
  const all = Array.from({ length: Math.ceil((shape.hours * HOUR) / STEP_MS) }, (_, i): Point => {
    const atMs = i * STEP_MS;
    return { atMs, value: Math.max(1, shape.value(atMs / HOUR, random) + shape.noise * normal(random)) };
  });
  // The limit counts as exceeded after three samples in a row above it, as in the daemon.
  const isOver = (i: number): boolean => i >= 2 && [i - 2, i - 1, i].every((one) => all[one]!.value >= LIMIT);
  const reached = shape.grows ? all.find((_, i) => isOver(i))?.atMs : undefined;
  const beganMs = (shape.from ?? 0) * HOUR;
  const before = score.notice.length;
  let episode = NO_EPISODE;
  let cried = false;
  for (let n = 1, wait = 0; n <= all.length; n += wait) {
    const now = all[n - 1]!.atMs;
    if (reached !== undefined && now >= reached) break;
    const found = predict(all.slice(0, n));
    wait = Math.ceil(forecastEveryMs(n * STEP_MS, STEP_MS, found?.inMs ?? null) / STEP_MS);
    const { episode: next, isNew } = addForecast(episode, found !== null);
    episode = next;
    if (found === null) continue;
    if (reached === undefined) cried ||= isNew;
    else scoreOne(score, found, (reached - now) / (reached - beganMs), reached - now, isNew && score.notice.length === before);
  }
  score.runs++;
  if (cried) score.falseAlarms++;
  if (score.notice.length > before && score.notice.at(-1)! > 0.2) score.foreseen++;
}

function scoreOne(score: Score, found: Prediction, partLeft: number, left: number, isFirst: boolean): void {
  if (isFirst) score.notice.push(partLeft);
  if (partLeft < 0.1) return;
  score.errors.push(Math.abs(found.inMs - left) / left);
  score.inBand.push(Number(found.soonestMs <= left && left <= found.latestMs));
}

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
const percent = (part: number): string => (Number.isNaN(part) ? "" : `${Math.round(part * 100)} %`);

function cells(grows: boolean, { runs, foreseen, falseAlarms, notice, errors, inBand }: Score, isOurs: boolean): string[] {
  if (!grows) return isOurs ? ["", percent(falseAlarms / runs), "", "", ""] : ["", percent(falseAlarms / runs), ""];
  const own = isOurs ? [percent(mean(notice)), percent(mean(inBand))] : [];
  return [percent(foreseen / runs), "", percent(mean(errors)), ...own];
}

const seeds = values.seed === undefined ? Array.from({ length: Number(values.seeds) }, (_, i) => i + 1) : [Number(values.seed)];
const rows = SHAPES.flatMap((make) => {
  const { name, grows } = make(randomOf(1));
  if (values.shape !== undefined && !name.includes(values.shape)) return [];
  const scores = [ours, naive].map((predict) => {
    const score: Score = { runs: 0, foreseen: 0, falseAlarms: 0, notice: [], errors: [], inBand: [] };
    for (const seed of seeds) {
      const random = randomOf(seed * 7919);
      play(make(random), random, predict, score);
    }
    return score;
  });
  return [[name, ...cells(grows, scores[0]!, true), ...cells(grows, scores[1]!, false)]];
});
console.log(`${seeds.length} series of each shape, a point a minute; limit ${LIMIT}\n`);
console.log(table(["shape", "seen", "false alarm", "error", "left", "in band", "naive: seen", "false alarm", "error"], rows));
