/**
 * `npm run bench -- logs`: a service writes 512 MB of 100-byte lines as fast as the logger takes them, and its output goes to
 * rotated files. Measures the time from the first byte until all bytes are in the files, the CPU time, and whether every line is
 * there. `--only=sup,supervisord --mb=256 --runs=3` measures less. `--directory=/var/tmp` uses a real disk. `--load=10` lets ten
 * processes compete for the CPU.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "../machine.ts";
import { ROOT } from "../session.ts";
import { quantile } from "../stats.ts";
import { table } from "../table.ts";
import type { Logger } from "./logger.ts";
import { findLoggers } from "./loggers.ts";
import { compilePrograms, LINE_BYTES, type LogRun, measureLogger } from "./measure.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    mb: { type: "string", default: "512" },
    runs: { type: "string", default: "3" },
    directory: { type: "string", default: ROOT },
    load: { type: "string", default: "0" },
  },
});

const megabytes = Number(options.mb);
const work = mkdtempSync(join(options.directory, "sup-logs-"));
const programs = await compilePrograms(work);
const measure = (logger: Logger, withRequests: boolean): Promise<LogRun> =>
  measureLogger(logger, programs, { work, megabytes, withRequests, burners: Number(options.load) });
try {
  const loggers = await findLoggers(options.only);
  const results = new Map<Logger, LogRun[]>(loggers.map((logger) => [logger, []]));
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
    answers.set(logger, all);
  }
  print(results, answers);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function print(results: ReadonlyMap<Logger, readonly LogRun[]>, answers: ReadonlyMap<Logger, readonly number[]>): void {
  console.log(
    `\n${describeMachine()}\n${megabytes} MB in ${options.directory}, the median of ${options.runs} runs, ${options.load} processes that compete for the CPU\n`,
  );
  const rows = [...results].map(([logger, runs]) => {
    if (runs.length === 0) return [logger.name, logger.missing ?? "missing"];
    const median = (of: (run: LogRun) => number): number => runs.map(of).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)]!;
    const lost = Math.max(...runs.map((run) => Math.abs((megabytes * 1e6) / LINE_BYTES - run.lines)));
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
  const at = (all: readonly number[], fraction: number): string => quantile(all, fraction).toFixed(1);
  if (answers.size > 0)
    console.log(
      table(
        ["", "n", "median", "p99", "longest"],
        [...answers].map(([{ name }, all]) => [name, `${all.length}`, at(all, 0.5), at(all, 0.99), at(all, 1)]),
      ),
    );
}
