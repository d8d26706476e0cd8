/**
 * `npm run bench` runs the comparison with other supervisors, and `npm run bench -- NAME [options]` another benchmark. Each
 * benchmark is a script that runs when it is imported and reads its own options, so only the chosen one is loaded.
 */
import { resolve } from "node:path";

interface Benchmark {
  readonly summary: string;
  readonly options: string;
  /** True if the benchmark measures dist/sup. The others measure the source. */
  readonly needsBuild: boolean;
  readonly run: () => Promise<unknown>;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  comparison: {
    summary: "restart, launch, stop, command line and idle cost beside a bare C loop and other supervisors",
    options: "--quick --only=sup,loop --install",
    needsBuild: true,
    run: () => import("./comparison/main.ts"),
  },
  all: {
    summary: "the same beside all other supervisors, in several runs and with logs; writes charts for the documents",
    options: "--quick --only=sup,loop --runs=5 --peer-runs=2 --write",
    needsBuild: true,
    run: () => import("./all/main.ts"),
  },
  units: {
    summary: "what one more unit costs: CPU time to start, CPU time at rest and memory, for 100 to 2,000 units",
    options: "--sizes=100,500,1000,2000 --runs=3 --seconds=30 --write",
    needsBuild: true,
    run: () => import("./units/main.ts"),
  },
  compare: {
    summary: "this checkout beside another revision of sup, in turns; fails if a figure is worse by more than 10 % beyond the noise",
    options: "REV --pairs=5 --full",
    needsBuild: true,
    run: () => import("./compare/main.ts"),
  },
  floor: {
    summary: "a short check for CI: the CPU time of restarts, stops and rest as multiples of what the bare C loop uses for a restart",
    options: "",
    needsBuild: true,
    run: () => import("./floor/main.ts"),
  },
  loss: {
    summary: "which processes and log lines supervisors lose when services fork and supervisors are killed",
    options: "--only=sup,runit",
    needsBuild: true,
    run: () => import("./loss/main.ts"),
  },
  rolling: {
    summary: "failed requests while sup, PM2, supervisord and systemd restart a server that drains",
    options: "--restarts=10 --only=sup,pm2 --write",
    needsBuild: true,
    run: () => import("./rolling/main.ts"),
  },
  logs: {
    summary: "how fast a flood of output reaches rotated log files, beside other loggers",
    options: "--only=sup,supervisord --mb=512 --runs=3 --directory=DIR --load=10",
    needsBuild: true,
    run: () => import("./logs/main.ts"),
  },
  many: {
    summary: "what the daemon pays for many units that write a little, and for one that writes many short lines",
    options: "--units=1000 --seconds=30",
    needsBuild: true,
    run: () => import("./logs/many.ts"),
  },
  checks: {
    summary: "cost and punctuality of health checks, and the start time of units that wait for each other",
    options: "--checks=1000 --seconds=30 --waves=50 --width=10",
    needsBuild: true,
    run: () => import("./checks.ts"),
  },
  metrics: {
    summary: "write time, read time and file size of days of metrics of many units",
    options: "--units=1000 --days=1 --as=1000 --together=1 --dir=DIR",
    needsBuild: false,
    run: () => import("./metrics.ts"),
  },
  forecast: {
    summary: "hits, false alarms and errors of the forecast, beside a naive one",
    options: "--seeds=40 --seed=1 --shape=leak",
    needsBuild: false,
    run: () => import("./forecast.ts"),
  },
  page: {
    summary: "size and load time of the page, and what open pages cost the daemon",
    options: "--units=20 --pages=100 --seconds=30",
    needsBuild: true,
    run: () => import("./page.ts"),
  },
};

const usage = (): string =>
  [
    "usage: npm run bench -- [NAME] [options]; without a name: comparison",
    ...Object.entries(BENCHMARKS).map(([name, { summary, options }]) => `\n  ${name}: ${summary}\n      ${options}`),
  ].join("\n");

const [first = "comparison"] = process.argv.slice(2);
if (process.argv.includes("--help") || first === "-h") {
  console.log(usage());
  process.exit(0);
}
const name = first.startsWith("-") ? "comparison" : first;
const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name]! : null;
if (benchmark === null) {
  console.error(`there is no benchmark "${name}"\n\n${usage()}`);
  process.exit(2);
}
if (name === first) process.argv.splice(2, 1); // the benchmark reads only the options
if (benchmark.needsBuild) build();
await benchmark.run();

function build(): void {
  const script = resolve(import.meta.dir, "../scripts/build.sh");
  const { exitCode } = Bun.spawnSync(["sh", script, "--if-changed"], { stdio: ["ignore", "inherit", "inherit"] });
  if (exitCode !== 0) process.exit(exitCode);
}
