/**
 * `npm run bench -- units`: measures what one more unit costs the daemon, with 100 to 2,000 units. The units are C programs that
 * wait for a signal. `--sizes=100,500 --runs=1 --seconds=10` measures less. `--write` also writes the charts and the result into
 * docs/performance.md.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CHARTS, writeCharts, writeSection } from "../documents.ts";
import { describeMachine } from "../machine.ts";
import { compile } from "../native.ts";
import { supPeer } from "../peers/sup.ts";
import { cpuNs, pssMb } from "../process.ts";
import { withServices } from "../session.ts";
import { median } from "../stats.ts";
import { lineChart } from "../svg/lines.ts";
import { table } from "../table.ts";

const { values: options } = parseArgs({
  options: {
    sizes: { type: "string", default: "100,500,1000,2000" },
    runs: { type: "string", default: "3" },
    seconds: { type: "string", default: "30" },
    write: { type: "boolean" },
  },
});

const SETTLE_MS = 10_000;

interface Cost {
  readonly startCpuMs: number;
  readonly idleCpu: number;
  readonly memoryMb: number;
}

interface Aspect {
  readonly file: string;
  readonly title: string;
  readonly unit: string;
  readonly digits: number;
  readonly of: (cost: Cost) => number;
  /** The cost of one more unit: its unit of measure, and the factor to it. */
  readonly each: readonly [unit: string, factor: number];
}

const ASPECTS: readonly Aspect[] = [
  {
    file: "units-start",
    title: "CPU time of the daemon until all units run",
    unit: "ms",
    digits: 0,
    of: (c) => c.startCpuMs,
    each: ["ms", 1],
  },
  {
    file: "units-idle",
    title: "CPU time of the daemon while all units are idle",
    unit: "s/min",
    digits: 2,
    of: (c) => c.idleCpu,
    each: ["ms/min", 1000],
  },
  { file: "units-memory", title: "Memory of the daemon", unit: "MB", digits: 0, of: (c) => c.memoryMb, each: ["kB", 1000] },
];

const sizes = options.sizes.split(",").map(Number);
if (sizes.length === 0 || sizes.some((size) => !Number.isInteger(size) || size < 1)) {
  console.error("usage: npm run bench -- units [--sizes=100,500,1000,2000] [--runs=3] [--seconds=30] [--write]");
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), "sup-bench-units-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
const service = await compile(work, "service");
const peer = await supPeer();
const costs = new Map<number, Cost[]>(sizes.map((size) => [size, []]));
for (let run = 1; run <= Number(options.runs); run++) {
  for (const size of sizes) {
    console.error(`${size} units, run ${run} of ${options.runs} …`);
    costs.get(size)!.push(await measure(size));
  }
}
const text = markdown();
console.log(`\n${text}`);
if (options.write) {
  writeCharts(ASPECTS.map((aspect) => [`${aspect.file}.svg`, chart(aspect)]));
  writeSection("performance.md", "units", [text, ...ASPECTS.map(({ file, title }) => `![${title}](${CHARTS}/${file}.svg)`)].join("\n\n"));
}

function measure(size: number): Promise<Cost> {
  return withServices(peer, size, service, async ({ running }) => {
    const [pid] = running.supervisors();
    const startCpuMs = cpuNs(pid!) / 1e6;
    await Bun.sleep(SETTLE_MS);
    const before = cpuNs(pid!);
    const began = performance.now();
    await Bun.sleep(Number(options.seconds) * 1000);
    const minutes = (performance.now() - began) / 60_000;
    return { startCpuMs, idleCpu: (cpuNs(pid!) - before) / 1e9 / minutes, memoryMb: pssMb(pid!) };
  });
}

function valueAt({ of }: Aspect, size: number): number {
  return median(costs.get(size)!.map(of));
}

/** Returns a table with the cost for each number of units, and of each unit that is added to the next smaller number. */
function markdown(): string {
  const head = ["units", ...ASPECTS.flatMap(({ title, unit, each }) => [`${title}, ${unit}`, `one more, ${each[0]}`])];
  const rows = sizes.map((size, n) => [
    size.toLocaleString("en-US"),
    ...ASPECTS.flatMap((aspect) => [valueAt(aspect, size).toFixed(aspect.digits), n === 0 ? "" : oneMore(aspect, sizes[n - 1]!, size)]),
  ]);
  const day = new Date().toISOString().slice(0, 10);
  return `Measured on ${day} on ${describeMachine()}, with ${peer.version}. Each value is the median of ${options.runs} runs.\n\n${table(head, rows)}`;
}

function oneMore(aspect: Aspect, from: number, to: number): string {
  const [, factor] = aspect.each;
  return (((valueAt(aspect, to) - valueAt(aspect, from)) / (to - from)) * factor).toFixed(2);
}

function chart(aspect: Aspect): string {
  const points = sizes.map((size) => ({ x: size, y: valueAt(aspect, size) }));
  return lineChart({ title: aspect.title, unit: aspect.unit, xTitle: "units", points });
}
