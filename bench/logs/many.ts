/**
 * `npm run bench -- many`: measures the daemon's CPU time in two cases. In the first, many units write a little each. In the
 * second, one unit writes very many short lines. The same units in silence are measured for comparison. Also checks that every
 * line is in the logs. The defaults are `--units=1000 --seconds=30`.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "../machine.ts";
import { compile } from "../native.ts";
import { clean, cpuNs, rssMb, run, until } from "../process.ts";
import { ROOT } from "../session.ts";
import { table } from "../table.ts";

const { values: options } = parseArgs({
  options: { units: { type: "string", default: "1000" }, seconds: { type: "string", default: "30" } },
});
const SUP = process.env.SUP_BIN ?? resolve(import.meta.dir, "../../dist/sup");
const SETTLE_MS = 5000;
const START_MS = 120_000;

interface Case {
  readonly name: string;
  readonly units: number;
  readonly argv: readonly string[];
  readonly linesPerSecond: number;
}

const work = mkdtempSync(join(ROOT, "sup-many-"));
try {
  const ticks = await compile(work, "ticks");
  const units = Number(options.units);
  const cases: Case[] = [
    { name: `${units} units, silent`, units, argv: ["sleep", "100000"], linesPerSecond: 0 },
    { name: `${units} units, a line a second each`, units, argv: [ticks, "1", "100"], linesPerSecond: units },
    { name: "1 unit, silent", units: 1, argv: ["sleep", "100000"], linesPerSecond: 0 },
    { name: "1 unit, 20,000 lines a second, a write each", units: 1, argv: [ticks, "20000", "20"], linesPerSecond: 20_000 },
  ];
  const rows: string[][] = [];
  for (const one of cases) {
    console.error(`${one.name} …`);
    rows.push([one.name, ...(await measure(one))]);
  }
  console.log(`\n${describeMachine()}\n${options.seconds} s in ${ROOT}\n`);
  console.log(table(["", "CPU of the daemon %", "lines/s in the logs", "gaps", "RSS MB"], rows));
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function measure({ units, argv }: Case): Promise<string[]> {
  const home = mkdtempSync(join(work, "home-"));
  mkdirSync(join(home, "units"));
  writeFileSync(join(home, "sup.json"), JSON.stringify({ api: { port: 0 } }));
  const [command, ...args] = argv;
  for (let n = 0; n < units; n++)
    writeFileSync(join(home, `units/u${n}.unit.json`), JSON.stringify({ enabled: true, command, args, log: { max_size_mb: 1000 } }));
  const child = Bun.spawn([SUP, "daemon"], { env: { ...clean(process.env), SUP_HOME: home }, stdio: ["ignore", "ignore", "ignore"] });
  try {
    const socket = join(home, "run/sup.sock");
    const running = async (): Promise<number> => {
      const answer = (await (await fetch("http://sup/api/supervisor/summary", { unix: socket })).json()) as {
        by_state: { running?: number };
      };
      return answer.by_state.running ?? 0;
    };
    const deadline = performance.now() + START_MS;
    while ((await running().catch(() => 0)) < units) {
      if (performance.now() > deadline) throw new Error(`the units did not start: ${await running()} of ${units}`);
      await Bun.sleep(200);
    }
    await Bun.sleep(SETTLE_MS);
    const [cpu, lines, began] = [cpuNs(child.pid), countLines(home).lines, performance.now()];
    await Bun.sleep(Number(options.seconds) * 1000);
    const seconds = (performance.now() - began) / 1000;
    const used = (cpuNs(child.pid) - cpu) / 1e9 / seconds;
    const counted = countLines(home);
    return [
      (used * 100).toFixed(1),
      String(Math.round((counted.lines - lines) / seconds)),
      String(counted.gaps),
      rssMb(child.pid).toFixed(0),
    ];
  } finally {
    await run([SUP, "daemon", "stop"], { env: { SUP_HOME: home } });
    child.kill("SIGTERM");
    await until(() => child.exitCode !== null || child.signalCode !== null, "the daemon to end", 60_000);
  }
}

/** Counts the lines in all logs, and how often a line's number does not follow the previous one. */
function countLines(home: string): { lines: number; gaps: number } {
  let [lines, gaps] = [0, 0];
  for (const name of readdirSync(join(home, "logs"))) {
    if (!name.startsWith("u")) continue;
    const numbers = readFileSync(join(home, "logs", name), "latin1").matchAll(/ F (\d+) /g);
    let last = 0;
    for (const [, number] of numbers) {
      if (Number(number) !== last + 1) gaps++;
      last = Number(number);
      lines++;
    }
  }
  return { lines, gaps };
}
