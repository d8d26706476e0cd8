/**
 * `npm run bench -- metrics`: measures how much days of metrics of 1,000 units cost the store. The figures are the time to write a
 * round of samples, the time for which housekeeping blocks the daemon, and the size of the file over time. Another figure is the time
 * to read one day, and all days, of a unit. The clock is simulated, but the database and the housekeeping are the daemon's own. The
 * defaults are `--units=1000 --days=1`; a simulated day takes a few minutes. `--as=1000 --units=100` simulates a tenth of the units,
 * but keeps their samples as long as those of 1,000 units would be kept. A week then takes a few minutes. `--together=12` writes 12
 * rounds in one transaction, which is sufficient to measure sizes.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openStore } from "../src/adapters/sqlite/store.ts";
import { windowsFor } from "../src/core/metrics/windows.ts";
import { Housekeeping } from "../src/daemon/background/housekeeping.ts";
import { WRITTEN_AT_ONCE } from "../src/daemon/background/sampler.ts";
import type { MetricRow } from "../src/ports/store/metrics.ts";
import { randomOf } from "../test/sim/random.ts";
import { describeMachine } from "./machine.ts";
import { ROOT } from "./session.ts";
import { quantile } from "./stats.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: {
    units: { type: "string", default: "1000" },
    days: { type: "string", default: "1" },
    as: { type: "string" },
    together: { type: "string", default: "1" },
    dir: { type: "string", default: ROOT },
  },
});
const [units, days, together] = [Number(values.units), Number(values.days), Number(values.together)];
const counted = Number(values.as ?? units);
const [INTERVAL_MS, HOUR_MS, DAY_MS] = [5000, 3_600_000, 86_400_000];
const START = Date.UTC(2026, 0, 1);
const END = START + days * DAY_MS;
const directory = mkdtempSync(join(values.dir, "sup-bench-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, "sup.db");
const opened = openStore(path);
if (!opened.ok) throw new Error(opened.error);
const store = opened.value;

let now = START;
const settings = {
  metrics: { intervalMs: INTERVAL_MS, retentionDays: 7 },
  events: { retentionDays: 90 },
  store: { maxSizeBytes: 1024 * 1024 * 1024 },
};
const clock = { wallMs: (): number => now, monotonicMs: (): number => now };
const housekeeping = new Housekeeping({
  clock,
  store,
  settings,
  countUnits: () => counted,
  tidyLogs: () => undefined,
  onShortened: console.error,
});

const random = randomOf(1);
const normals = Array.from({ length: 10_007 }, () => Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random()));
const normal = (): number => normals[Math.floor(random() * normals.length)]!;
/**
 * Kinds of units, measured as the daemon measures them: CPU time in hundredths of a second, memory in pages, and a probe with
 * every sixth sample.
 */
const KINDS = [
  { share: 0.5, ticks: 0.3, pages: 2, probed: false }, // almost always idle
  { share: 0.4, ticks: 20, pages: 50, probed: true },
  { share: 0.1, ticks: 400, pages: 400, probed: true }, // never idle
];
const services = Array.from({ length: units }, (_, i) => {
  const at = i / units;
  const kind = KINDS[at < KINDS[0]!.share ? 0 : at < KINDS[0]!.share + KINDS[1]!.share ? 1 : 2]!;
  return { serviceId: `service-${i}`, kind, pages: 20_000 + (i % 100) * 300, tasks: 1 + (i % 9), files: 7 + (i % 40), answer: 2 };
});

function sample(round: number, timestamp: string): MetricRow[] {
  return services.map((service) => {
    const { kind, serviceId } = service;
    const noisy = normal();
    const ticks = Math.max(0, Math.round(kind.ticks + Math.sqrt(kind.ticks) * noisy));
    if (kind.probed || random() < 0.02) service.pages = Math.max(1000, Math.round(service.pages + noisy * kind.pages));
    if (kind.probed && round % 6 === 0) service.answer = Math.round((1 + random() * 5) * 100) / 100;
    if (kind.probed && random() < 0.2) service.files += Math.round(normal());
    return {
      serviceId,
      timestamp,
      cpuPercent: (ticks / (INTERVAL_MS / 10 + normal())) * 100,
      memoryMb: (service.pages * 4096) / 1024 / 1024,
      healthStatus: kind.probed ? "healthy" : "unknown",
      responseTimeMs: kind.probed ? service.answer : null,
      tasks: service.tasks,
      openFiles: service.files,
      restarts: 0,
    };
  });
}

const [written, slices, kept]: [number[], number[], number[]] = [[], [], []];
const waiting: MetricRow[] = [];
const peak = { file: 0, log: 0 };
const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size / 1e6 : 0);
const began = performance.now();
for (let round = 0; now < END; round++, now += INTERVAL_MS) {
  for (const row of sample(round, new Date(now + Math.round(normal() * 1.5)).toISOString())) waiting.push(row);
  const before = performance.now();
  let longest = 0;
  while (round % together === 0 && waiting.length > 0) {
    const sliceBegan = performance.now();
    store.addMetrics(waiting.splice(0, together > 1 ? waiting.length : WRITTEN_AT_ONCE));
    longest = Math.max(longest, performance.now() - sliceBegan);
  }
  const between = performance.now();
  housekeeping.tick();
  kept.push(performance.now() - between);
  written.push(between - before);
  slices.push(longest);
  if (round % 20 === 0) {
    peak.file = Math.max(peak.file, sizeOf(path));
    peak.log = Math.max(peak.log, sizeOf(`${path}-wal`));
  }
  if ((now - START) % (6 * HOUR_MS) === 0) {
    const took = Math.round((performance.now() - began) / 1000);
    const [used, file] = [store.size() / 1e6, sizeOf(path)].map((size) => size.toFixed(0));
    console.error(`${(now - START) / HOUR_MS} h: ${used} MB in use, file ${file} MB, after ${took} s`);
  }
}

function read(sinceMs: number): { readonly times: number[]; readonly points: number } {
  let points = 0;
  const times = Array.from({ length: 40 }, (_, n) => {
    const before = performance.now();
    points = store.metrics(`service-${(n * 37) % units}`, new Date(sinceMs).toISOString(), 100_000).length;
    return performance.now() - before;
  });
  return { times, points };
}
const [day, all] = [read(END - DAY_MS), read(START)];
const course = Array.from({ length: 40 }, (_, n) => {
  const before = performance.now();
  store.course(`service-${(n * 37) % units}`, START, END, (END - START) / 600);
  return performance.now() - before;
});
const megabytes = store.size() / 1e6;
store.close();

const windows = windowsFor(counted, INTERVAL_MS, settings.metrics.retentionDays * DAY_MS);
const hours = (ms: number): string => `${(ms / HOUR_MS).toFixed(1)} h`;
const ages = (step: 0 | 60 | 900): string =>
  `${hours(windows[step].keptMs)}, the newest ${hours(windows[step].plainMs)} of them not packed`;
const three = (times: readonly number[]): string =>
  [quantile(times, 0.5), quantile(times, 0.99), quantile(times, 1)].map((value) => `${value.toFixed(1)} ms`).join(" / ");
console.log(`${describeMachine()}\n`);
console.log(
  table(
    [
      `${units} units${values.as ? ` kept as ${values.as}` : ""}, ${days} days, a sample every ${INTERVAL_MS / 1000} s`,
      "median / 99 % / worst",
    ],
    [
      ["samples are kept", ages(0)],
      ["minutes are kept", ages(60)],
      ["one round of samples written", three(written)],
      ["the longest time that this blocks the daemon", three(slices)],
      ["the housekeeping of one tick", three(kept)],
      [`one unit's last day read (${day.points} points)`, three(day.times)],
      [`all of one unit read (${all.points} points)`, three(all.times)],
      ["all of one unit read for a forecast", three(course)],
      ["used space in the database at the end", `${megabytes.toFixed(0)} MB`],
      [
        "file at the end, its maximum, and the maximum of its write-ahead log",
        `${sizeOf(path).toFixed(0)} MB, ${peak.file.toFixed(0)} MB, ${peak.log.toFixed(0)} MB`,
      ],
    ],
  ),
);
