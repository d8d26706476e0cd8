import { table } from "../table.ts";
import type { Measured, Sizes } from "./measure.ts";

/** The targets for sup's figures, which the tables show. */
const TARGETS = {
  restart: "< 3 × loop",
  launch: "< 3 × loop",
  stop: "< 60 ms",
  isActive: "< 15 ms",
  status: "< 60 ms",
  cpu: "< 0.2",
  rss: "< 60 MB",
} as const;

export function printResults(machine: string, results: readonly Measured[], sizes: Sizes): void {
  console.log(`\n${machine}\n`);
  console.log(
    table(
      ["", "version"],
      results.map(({ peer }) => [peer.name, peer.version ?? peer.missing ?? "missing"]),
    ),
  );
  const rows = (cells: (measured: Measured) => readonly string[], target: readonly string[]): string[][] => [
    ...results.filter(({ peer }) => peer.version !== null).map((measured) => [measured.peer.name, ...cells(measured)]),
    ["target of sup", ...target],
  ];

  console.log(
    `\nRestart: from SIGKILL to the first instruction of the next run (ms). ${sizes.launch} units: from launch to the first instruction of the last unit (ms)\n`,
  );
  console.log(
    table(
      ["", "restart median", "restart p95", "n", `${sizes.launch} units up`],
      rows(
        ({ restart, launchMs }) => [number(restart?.medianMs), number(restart?.p95Ms), `${restart?.count ?? "–"}`, number(launchMs, 0)],
        [TARGETS.restart, "", "", TARGETS.launch],
      ),
    ),
  );

  console.log(
    `\n${sizes.steady} units: stop all, \`is-active\` of one, \`status\` of all (wall time of the command in ms); idle over ${sizes.idleMs / 1000} s\n`,
  );
  console.log(
    table(
      ["", "stop all", "is-active", "status", "CPU s/min", "RSS MB", "processes"],
      rows(
        ({ stopMs, cli, idle }) => [
          number(stopMs),
          number(cli?.isActiveMs),
          number(cli?.statusMs),
          number(idle?.cpuSecondsPerMinute, 3),
          number(idle?.rssMb),
          `${idle?.processes ?? "–"}`,
        ],
        [TARGETS.stop, TARGETS.isActive, TARGETS.status, TARGETS.cpu, TARGETS.rss, ""],
      ),
    ),
  );
  console.log("\nRSS includes pages of the program's own file, and counts shared libraries once for every process.");
  for (const { peer, troubles } of results) for (const trouble of troubles) console.log(`\n${peer.name}, ${trouble}`);
}

/**
 * Prints the figures by name if only one peer was measured. Throws if one of the measurements failed, because a comparison needs
 * all figures.
 */
export function printFigures(results: readonly Measured[]): void {
  const [one] = results;
  if (one === undefined || results.length > 1) throw new Error("--json prints the figures of one peer: use --only=sup");
  if (one.troubles.length > 0) throw new Error(`${one.peer.name}, ${one.troubles.join("; ")}`);
  const figures = {
    "restart, median ms": one.restart?.medianMs,
    "units up, ms": one.launchMs,
    "stop all, ms": one.stopMs,
    "is-active, ms": one.cli?.isActiveMs,
    "status, ms": one.cli?.statusMs,
    "idle, CPU s/min": one.idle?.cpuSecondsPerMinute,
    "memory, RSS MB": one.idle?.rssMb,
  };
  console.log(JSON.stringify(figures));
}

const number = (value: number | undefined, digits = 1): string =>
  value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits);
