/**
 * Draws what automatic scaling does with typical loads, for docs/scaling.md. Everything is simulated with the scaler of the daemon and
 * seeded random numbers, so the same source gives the same pictures.
 */
import { decide, FRESH_SCALING, type ScalingState } from "../src/core/service/scaler.ts";
import type { ScalingSpec } from "../src/spec/spec.ts";
import { Random } from "../test/sim/random.ts";

/** Returns the SVG documents by path. */
export const scalingCharts = (): Readonly<Record<string, string>> =>
  Object.fromEntries(LOADS.map((load) => [`docs/scaling/${load.name}.svg`, draw(load.title, simulate(load))]));

interface Load {
  readonly name: string;
  readonly title: string;
  /** The number of units at the beginning. */
  readonly start: number;
  /** The load of the whole service at a second, or null if no unit has a value. */
  readonly at: (second: number, random: Random) => number | null;
}

const MINUTE = 60;
const SECONDS = 40 * MINUTE;
const SAMPLE_SECONDS = 5;
/** The time from the start of a unit until it is ready. */
const START_SECONDS = 30;
const TARGET = 10;
const RULES: ScalingSpec = {
  ...{
    min: 1,
    max: 10,
    tolerance: 0.1,
    upAfterMs: 0,
    downAfterMs: 300_000,
    idleAfterMs: 300_000,
    metrics: [{ metric: "queue", target: TARGET }],
  },
  ...{ maxStepUp: { count: 4, percent: 100 }, maxStepDown: { count: 0, percent: 100 } },
};

const isDuring = (second: number, from: number, to: number): boolean => second >= from * MINUTE && second < to * MINUTE;

const LOADS: readonly Load[] = [
  {
    name: "sine",
    start: 1,
    title: "A load that rises and falls every 20 minutes",
    at: (s) => 42 - 32 * Math.cos((2 * Math.PI * s) / (20 * MINUTE)),
  },
  { name: "step", start: 2, title: "A load that jumps, and falls back after 15 minutes", at: (s) => (isDuring(s, 8, 23) ? 70 : 15) },
  { name: "spike", start: 2, title: "A spike of 10 seconds", at: (s) => (s >= 10 * MINUTE && s < 10 * MINUTE + 10 ? 75 : 18) },
  { name: "noise", start: 4, title: "A noisy load (± 30 %)", at: (_, random) => 38 * (0.7 + 0.6 * random.next()) },
  {
    ...{ name: "missing", start: 6 },
    title: "A metric that stops coming for 12 minutes",
    at: (s) => (isDuring(s, 12, 24) ? null : s < 12 * MINUTE ? 55 : 12),
  },
];

interface Sample {
  readonly second: number;
  readonly wanted: number;
  readonly running: number;
  /** The mean value per unit, or null. */
  readonly mean: number | null;
}

function simulate({ at, start }: Load): Sample[] {
  const random = new Random(1);
  const samples: Sample[] = [];
  let state: ScalingState = FRESH_SCALING;
  /** For each unit, the second from which on it is ready. */
  let units = Array.from({ length: start }, () => 0);
  for (let second = 0; second <= SECONDS; second += SAMPLE_SECONDS) {
    const load = at(second, random);
    const running = units.filter((ready) => ready <= second).length;
    const mean = load === null ? null : load / running;
    const values = units.map((ready) => ({ isReady: ready <= second, valueOf: () => (ready <= second ? mean : null) }));
    const decision = decide(RULES, state, units.length, values, second * 1000);
    state = decision.state;
    units = Array.from({ length: decision.count }, (_, index) => units[index] ?? second + START_SECONDS);
    samples.push({ second, wanted: units.length, running: Math.min(running, units.length), mean });
  }
  return samples;
}

const [WIDTH, HEIGHT] = [760, 300];
const [LEFT, RIGHT, TOP, BOTTOM] = [44, WIDTH - 52, 64, HEIGHT - 40];
/** The upper ends of both axes. */
const [MOST_UNITS, MOST_VALUE] = [10, 40];

const STYLE = `
  .page { fill: #ffffff } text { fill: #57606a; font: 12px system-ui, sans-serif } .title { fill: #24292f; font: 600 15px system-ui, sans-serif }
  .grid { stroke: #d0d7de } path, .key { fill: none; stroke-width: 2 }
  .wanted { stroke: #1f6feb } .running { stroke: #2da44e; stroke-dasharray: 5 3 } .metric { stroke: #bc4c00; stroke-width: 1.2 }
  .target { stroke: #bc4c00; stroke-width: 1; stroke-dasharray: 2 4 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #9198a1 } .title { fill: #e6edf3 } .grid { stroke: #3d444d }
    .wanted { stroke: #4493f8 } .running { stroke: #3fb950 } .metric, .target { stroke: #f0883e }
  }`;

function draw(title: string, samples: readonly Sample[]): string {
  const x = (second: number): number => LEFT + (second / SECONDS) * (RIGHT - LEFT);
  const y = (value: number, most: number): number => BOTTOM - (Math.min(value, most) / most) * (BOTTOM - TOP);
  const grid = [0, 2, 4, 6, 8, 10].flatMap((units) => {
    const height = y(units, MOST_UNITS);
    return [
      `<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${round(height)}" y2="${round(height)}"/>`,
      text(LEFT - 8, height + 4, String(units), "end"),
      text(RIGHT + 8, height + 4, String((units * MOST_VALUE) / MOST_UNITS), "start"),
    ];
  });
  const minutes = [0, 5, 10, 15, 20, 25, 30, 35, 40].map((minute) => text(x(minute * MINUTE), BOTTOM + 18, `${minute} min`, "middle"));
  const steps = (pick: (sample: Sample) => number): string => {
    const changes = samples.filter((one, n) => n > 0 && pick(one) !== pick(samples[n - 1]!));
    const path = changes.map((one) => `H${round(x(one.second))}V${round(y(pick(one), MOST_UNITS))}`).join("");
    return `M${LEFT} ${round(y(pick(samples[0]!), MOST_UNITS))}${path}H${RIGHT}`;
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="title" x="16" y="26">${title}</text>`,
    ...grid,
    ...minutes,
    `<path class="target" d="M${LEFT} ${round(y(TARGET, MOST_VALUE))}H${RIGHT}"/>`,
    `<path class="metric" d="${lineOf(samples, (one) => `${round(x(one.second))} ${round(y(one.mean ?? 0, MOST_VALUE))}`)}"/>`,
    `<path class="running" d="${steps(({ running }) => running)}"/>`,
    `<path class="wanted" d="${steps(({ wanted }) => wanted)}"/>`,
    ...legend(),
    "</svg>",
  ].join("\n");
}

/** Returns the path of a line that has gaps where there is no value. */
function lineOf(samples: readonly Sample[], place: (sample: Sample) => string): string {
  let isGap = true;
  return samples
    .map((sample) => {
      const command = sample.mean === null ? "" : `${isGap ? "M" : "L"}${place(sample)}`;
      isGap = sample.mean === null;
      return command;
    })
    .join("");
}

function legend(): string[] {
  const keys = [
    ["wanted", "units wanted (left)"],
    ["running", "units running (left)"],
    ["metric", "queue per unit (right)"],
    ["target", "target 10 (right)"],
  ] as const;
  return keys.flatMap(([name, words], index) => {
    const left = 16 + index * 170;
    return [`<path class="${name}" d="M${left} 44h22"/>`, text(left + 28, 48, words, "start")];
  });
}

const text = (x: number, y: number, words: string, anchor: "start" | "middle" | "end"): string =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${words}</text>`;

const round = (value: number): number => Math.round(value * 10) / 10;
