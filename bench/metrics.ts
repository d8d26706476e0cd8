/**
 * `npm run bench:metrics`: what 24 hours of metrics of 1,000 units cost the store: time to write a round of samples, size of
 * the file, time to read one unit's day. `-- --units=1000 --hours=24` are the sizes it has by itself.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openStore } from "../src/adapters/sqlite/store.ts";
import { windowsFor } from "../src/core/rollup.ts";
import type { MetricRow } from "../src/ports/store.ts";
import { describeMachine } from "./machine.ts";
import { ROOT } from "./session.ts";
import { median, quantile } from "./stats.ts";
import { table } from "./table.ts";

const { values } = parseArgs({ options: { units: { type: "string", default: "1000" }, hours: { type: "string", default: "24" } } });
const [units, hours] = [Number(values.units), Number(values.hours)];
const INTERVAL_MS = 5000;
const START = Date.UTC(2026, 0, 1);
const directory = mkdtempSync(join(ROOT, "sup-bench-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, "sup.db");
const opened = openStore(path);
if (!opened.ok) throw new Error(opened.error);
const store = opened.value;
const { samplesMs, minutesMs } = windowsFor(units, INTERVAL_MS, 7 * 86_400_000);

const written: number[] = [];
const rolled: number[] = [];
const rounds = (hours * 3_600_000) / INTERVAL_MS;
for (let round = 0; round < rounds; round++) {
  const now = START + round * INTERVAL_MS;
  const timestamp = new Date(now).toISOString();
  const rows: MetricRow[] = Array.from({ length: units }, (_, unit) => ({
    serviceId: `service-${unit}`,
    timestamp,
    cpuPercent: Math.round(Math.abs(Math.sin(round / 50 + unit)) * 1000) / 10,
    memoryMb: 100 + ((round * 7 + unit) % 1000) / 10,
    healthStatus: "healthy",
    responseTimeMs: unit % 2 === 0 ? null : 1.25,
  }));
  const began = performance.now();
  store.addMetrics(rows);
  written.push(performance.now() - began);
  const later = performance.now();
  store.rollUp({ samplesBeforeMs: now - samplesMs, minutesBeforeMs: now - minutesMs, services: Math.max(10, Math.ceil(units / 100)) });
  rolled.push(performance.now() - later);
  if (round % 2000 === 1999) console.error(`${Math.round((round * INTERVAL_MS) / 3_600_000)} h, ${Math.round(store.size() / 1e6)} MB`);
}
const read: number[] = [];
let points = 0;
for (let n = 0; n < 20; n++) {
  const began = performance.now();
  points = store.metrics(`service-${(n * 37) % units}`, new Date(START).toISOString(), 100_000).length;
  read.push(performance.now() - began);
}
const megabytes = store.size() / 1e6;
store.close();

const ms = (value: number): string => `${value.toFixed(1)} ms`;
console.log(`${describeMachine()}\n`);
console.log(
  table(
    [`${units} units, ${hours} h, a sample every ${INTERVAL_MS / 1000} s`, ""],
    [
      ["samples kept", `${(samplesMs / 3_600_000).toFixed(1)} h`],
      [
        "one round of samples written, median / 99 % / worst",
        `${ms(median(written))} / ${ms(quantile(written, 0.99))} / ${ms(Math.max(...written))}`,
      ],
      ["rolled up on a tick, median / 99 % / worst", `${ms(median(rolled))} / ${ms(quantile(rolled, 0.99))} / ${ms(Math.max(...rolled))}`],
      ["one unit's day read, median / worst", `${ms(median(read))} / ${ms(Math.max(...read))} (${points} points)`],
      ["size of the database", `${megabytes.toFixed(0)} MB (file ${(statSync(path).size / 1e6).toFixed(0)} MB)`],
    ],
  ),
);
