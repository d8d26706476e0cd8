import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { compile, nowNs } from "../native.ts";
import { cpuNs, killRunning, rssMb, run, runs, until } from "../process.ts";
import type { Logger, Logging } from "./logger.ts";

export interface LogRun {
  readonly mbPerSecond: number;
  readonly cpuSecondsPerGb: number;
  readonly lines: number;
  readonly gaps: number;
  readonly files: number;
  readonly rssMb: number;
  /** The response times of requests that were sent to the supervisor during the run. */
  readonly answersMs: readonly number[];
}

export interface Programs {
  readonly flood: string;
  readonly count: string;
  readonly burn: string;
}

export const LINE_BYTES = 100;
const SETTLE_MS = 500;
const REQUEST_EVERY_MS = 10;
const WARM_UP_REQUESTS = 50;
const TIMEOUT_MS = 300_000;

export const compilePrograms = async (directory: string): Promise<Programs> => ({
  flood: await compile(directory, "flood"),
  count: await compile(directory, "count"),
  burn: await compile(directory, "burn"),
});

export interface RunOptions {
  /** The directory in which the run gets its own. */
  readonly work: string;
  readonly megabytes: number;
  /** Sends requests to the supervisor during the run and measures the response times. */
  readonly withRequests: boolean;
  /** The number of processes that each use a whole core during the run. */
  readonly burners: number;
}

/** Measures one run. */
export async function measureLogger(logger: Logger, { flood, count, burn }: Programs, options: RunOptions): Promise<LogRun> {
  const { work, megabytes, withRequests, burners } = options;
  const home = mkdtempSync(join(work, "run-"));
  const [times, go] = [join(home, "times"), join(home, "go")];
  await run(["mkfifo", go], { mustSucceed: true });
  const load: Bun.Subprocess[] = [];
  let logging: Logging | undefined;
  try {
    mkdirSync(join(home, "home"));
    logging = await logger.start(join(home, "home"), [flood, String(megabytes), times, go]);
    const { pids, request, files, sandbox } = logging;
    const root = sandbox?.root ?? "";
    const timesFile = join(root, times);
    const expected = megabytes * 1e6 * (1 + logger.prefixBytes / LINE_BYTES);
    const answersMs: number[] = [];
    let endNs = 0;
    // The service now waits at the FIFO. Give the supervisor time to become idle.
    await until(() => servicesOf(flood).length === 1, "the service", 20_000);
    // The first answers take longer, because the supervisor loads and compiles what they need.
    if (request !== null && withRequests) for (let n = 0; n < WARM_UP_REQUESTS; n++) await request();
    for (let n = 0; n < burners; n++) load.push(Bun.spawn([burn, String(TIMEOUT_MS / 1000)], { stdio: ["ignore", "ignore", "ignore"] }));
    await Bun.sleep(SETTLE_MS);
    const cpuBefore = cpuOf(pids());
    closeSync(openSync(join(root, go), "w"));
    const requests = request === null || !withRequests ? null : sendRequests(request, answersMs, () => endNs > 0);
    const size = (): number => files().reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
    await until(() => existsSync(timesFile) && readFileSync(timesFile, "latin1").endsWith("\n"), "the service to write", TIMEOUT_MS);
    await (sandbox?.sync() ?? until(() => size() >= expected, "all bytes", TIMEOUT_MS));
    endNs = nowNs();
    await requests;
    const [began] = readFileSync(timesFile, "latin1").split(" ").map(Number);
    const cpu = cpuOf(pids()) - cpuBefore;
    const rss = pids().reduce((sum, pid) => sum + rssMb(pid), 0);
    const counted = await countLines(count, sandbox?.print ?? ["cat", ...files()]);
    return {
      mbPerSecond: megabytes / ((endNs - began!) / 1e9),
      cpuSecondsPerGb: cpu / 1e9 / (megabytes / 1000),
      ...counted,
      files: files().length,
      rssMb: rss,
      answersMs,
    };
  } finally {
    for (const child of load) child.kill("SIGKILL");
    await Promise.all(load.map(({ exited }) => exited));
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

async function countLines(count: string, print: readonly string[]): Promise<{ lines: number; gaps: number }> {
  const child = Bun.spawn(["sh", "-c", `"$@" | ${count}`, "sh", ...print], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const [lines, gaps] = (await child.stdout.text()).split(" ").map(Number);
  return { lines: lines!, gaps: gaps! };
}
