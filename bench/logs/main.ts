/**
 * `npm run bench -- logs`: a service writes 512 MB of 100-byte lines as fast as the logger takes them, and its output goes to
 * rotated files. Measures the time from the first byte until all bytes are in the files, the CPU time, and whether every line is
 * there. `--only=sup,supervisord --mb=256 --runs=3` measures less. `--directory=/var/tmp` uses a real disk.
 */
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "../machine.ts";
import { compile, nowNs } from "../native.ts";
import { cpuNs, killRunning, rssMb, run, runs, until } from "../process.ts";
import { ROOT } from "../session.ts";
import { table } from "../table.ts";
import type { Logger, Logging } from "./logger.ts";
import { pm2Logger, s6Logger, supervisordLogger, supLogger, svlogdLogger } from "./loggers.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    mb: { type: "string", default: "512" },
    runs: { type: "string", default: "3" },
    directory: { type: "string", default: ROOT },
  },
});

const SETTLE_MS = 500;
const REQUEST_EVERY_MS = 10;

interface Run {
  readonly mbPerSecond: number;
  readonly cpuSecondsPerGb: number;
  readonly lines: number;
  readonly gaps: number;
  readonly files: number;
  readonly rssMb: number;
  /** The response times of requests that were sent to the supervisor during the run. */
  readonly answersMs: readonly number[];
}

const megabytes = Number(options.mb);
const lines = (megabytes * 1e6) / 100;
const work = mkdtempSync(join(options.directory, "sup-logs-"));
const flood = await compile(work, "flood");
const count = await compile(work, "count");
try {
  const all = [
    await supLogger("cri"),
    await supLogger("raw"),
    await supervisordLogger(),
    await pm2Logger(),
    await s6Logger(),
    await svlogdLogger(),
  ];
  const wanted = options.only?.split(",");
  const loggers = all.filter(({ name }) => wanted === undefined || wanted.some((word) => name.toLowerCase().startsWith(word)));
  const results = new Map<Logger, Run[]>(loggers.map((logger) => [logger, []]));
  // The loggers take turns, so that other load on the machine affects all of them equally.
  for (let turn = 1; turn <= Number(options.runs); turn++) {
    for (const logger of loggers) {
      if (logger.version === null) continue;
      console.error(`${logger.name}: run ${turn} of ${options.runs} …`);
      results.get(logger)!.push(await measure(logger, false));
    }
  }
  const answers = new Map<Logger, readonly number[]>();
  for (const logger of loggers) {
    if (!logger.answers) continue;
    console.error(`${logger.name}: with requests during the run …`);
    const all: number[] = [];
    for (let turn = 1; turn <= Number(options.runs); turn++) all.push(...(await measure(logger, true)).answersMs);
    answers.set(
      logger,
      all.toSorted((a, b) => a - b),
    );
  }
  print(results, answers);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Measures one run. With `withRequests`, also sends requests to the supervisor during the run and measures the response times. */
async function measure(logger: Logger, withRequests: boolean): Promise<Run> {
  const home = mkdtempSync(join(work, "run-"));
  const timesFile = join(home, "times");
  const go = join(home, "go");
  await run(["mkfifo", go], { mustSucceed: true });
  let logging: Logging | undefined;
  try {
    mkdirSync(join(home, "home"));
    logging = await logger.start(join(home, "home"), [flood, String(megabytes), timesFile, go]);
    const { pids, request, files } = logging;
    const expected = lines * (100 + logger.prefixBytes);
    const answersMs: number[] = [];
    let endNs = 0;
    // The service now waits at the FIFO. Give the supervisor time to become idle.
    await until(() => servicesOf(flood).length === 1, "the service", 20_000);
    await Bun.sleep(SETTLE_MS);
    const cpuBefore = cpuOf(pids());
    closeSync(openSync(go, "w"));
    const requests = request === null || !withRequests ? null : sendRequests(request, answersMs, () => endNs > 0);
    const size = (): number => files().reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
    await until(
      () => existsSync(timesFile) && readFileSync(timesFile, "latin1").endsWith("\n") && size() >= expected,
      "all bytes",
      120_000,
    );
    endNs = nowNs();
    await requests;
    const [began] = readFileSync(timesFile, "latin1").split(" ").map(Number);
    const cpu = cpuOf(pids()) - cpuBefore;
    const rss = pids().reduce((sum, pid) => sum + rssMb(pid), 0);
    const counted = await countLines(files());
    const gigabytes = megabytes / 1000;
    return {
      mbPerSecond: megabytes / ((endNs - began!) / 1e9),
      cpuSecondsPerGb: cpu / 1e9 / gigabytes,
      ...counted,
      files: files().length,
      rssMb: rss,
      answersMs,
    };
  } finally {
    await logging?.end();
    killRunning(servicesOf(flood), flood);
    rmSync(home, { recursive: true, force: true });
  }
}

function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuNs(pid), 0);
}

/** Returns the processes that run this file. */
function servicesOf(program: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => runs(pid, program));
}

async function sendRequests(request: () => Promise<unknown>, answersMs: number[], ended: () => boolean): Promise<void> {
  while (!ended()) {
    const began = performance.now();
    await request();
    answersMs.push(performance.now() - began);
    await Bun.sleep(REQUEST_EVERY_MS);
  }
}

async function countLines(files: readonly string[]): Promise<{ lines: number; gaps: number }> {
  const child = Bun.spawn(["sh", "-c", `cat "$@" | ${count}`, "sh", ...files], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const [lines, gaps] = (await child.stdout.text()).split(" ").map(Number);
  return { lines: lines!, gaps: gaps! };
}

function print(results: ReadonlyMap<Logger, readonly Run[]>, answers: ReadonlyMap<Logger, readonly number[]>): void {
  console.log(`\n${describeMachine()}\n${megabytes} MB in ${options.directory}, the median of ${options.runs} runs\n`);
  const rows = [...results].map(([logger, runs]) => {
    if (runs.length === 0) return [logger.name, logger.missing ?? "missing"];
    const median = (of: (run: Run) => number): number => runs.map(of).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)]!;
    const lost = Math.max(...runs.map((run) => Math.abs(lines - run.lines)));
    return [
      logger.name,
      logger.version!,
      median(({ mbPerSecond }) => mbPerSecond).toFixed(0),
      `${Math.min(...runs.map((run) => run.mbPerSecond)).toFixed(0)}–${Math.max(...runs.map((run) => run.mbPerSecond)).toFixed(0)}`,
      median(({ cpuSecondsPerGb }) => cpuSecondsPerGb).toFixed(2),
      `${lost}`,
      `${Math.max(...runs.map((run) => run.gaps))}`,
      `${median(({ files }) => files)}`,
      median((run) => run.rssMb).toFixed(0),
    ];
  });
  console.log(table(["", "version", "MB/s", "from–to", "CPU s/GB", "lines lost", "gaps", "files", "RSS MB"], rows));
  if (answers.size > 0)
    console.log("\nResponse times of the control interface and of another unit's health check during the flood (ms), in separate runs\n");
  const at = (all: readonly number[], share: number): string =>
    all[Math.min(all.length - 1, Math.floor(all.length * share))]?.toFixed(1) ?? "–";
  if (answers.size > 0)
    console.log(
      table(
        ["", "n", "median", "p99", "longest"],
        [...answers].map(([{ name }, all]) => [name, `${all.length}`, at(all, 0.5), at(all, 0.99), at(all, 1)]),
      ),
    );
}
