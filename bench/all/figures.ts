import type { Measured, Sizes } from "../comparison/measure.ts";
import type { LogRun } from "../logs/measure.ts";
import type { Peer } from "../peers/peer.ts";
import { median } from "../stats.ts";

/** What was measured of one peer in all runs. */
export interface Results {
  readonly peer: Peer;
  readonly runs: Measured[];
  readonly logs: LogRun[];
  /** Failed measurements, and reasons why a figure is missing. */
  readonly notes: string[];
}

export interface Figure {
  /** The name of the chart's file, without its extension. */
  readonly file: string;
  readonly title: string;
  readonly unit: string;
  readonly digits: number;
  readonly isMoreBetter?: true;
  values(results: Results): number[];
}

/** Returns the figures in the order of the tables. */
export function figuresOf({ launch, steady }: Sizes): readonly Figure[] {
  const from =
    (of: (run: Measured) => number | undefined) =>
    ({ runs }: Results): number[] =>
      runs.map(of).filter((value): value is number => value !== undefined && Number.isFinite(value));
  return [
    {
      file: "restart",
      title: "Restart after SIGKILL, until the first instruction of the next run",
      unit: "ms",
      digits: 1,
      values: from(({ restart }) => restart?.medianMs),
    },
    {
      file: "start",
      title: `Start of ${launch} units, until the last one runs`,
      unit: "ms",
      digits: 0,
      values: from(({ launchMs }) => launchMs),
    },
    { file: "stop", title: `Stop of ${steady} units`, unit: "ms", digits: 0, values: from(({ stopMs }) => stopMs) },
    {
      file: "idle",
      title: `CPU time with ${steady} idle units`,
      unit: "s/min",
      digits: 3,
      values: from(({ idle }) => idle?.cpuSecondsPerMinute),
    },
    {
      file: "memory",
      title: `Memory with ${steady} units (shared pages count once)`,
      unit: "MB",
      digits: 1,
      values: from(({ idle }) => idle?.pssMb),
    },
    {
      file: "is-active",
      title: "Command that asks for the state of one unit",
      unit: "ms",
      digits: 1,
      values: from(({ cli }) => cli?.isActiveMs),
    },
    {
      file: "status",
      title: `Command that lists ${steady} units`,
      unit: "ms",
      digits: 1,
      values: from(({ cli }) => cli?.statusMs),
    },
    {
      file: "logs",
      title: "Output of one unit that reaches its log",
      unit: "MB/s",
      digits: 0,
      isMoreBetter: true,
      values: ({ logs }) => logs.map(({ mbPerSecond }) => mbPerSecond),
    },
  ];
}

/** Returns the median of the figure over the runs, or null if it was not measured. */
export function valueOf(figure: Figure, results: Results): number | null {
  const values = figure.values(results);
  return values.length === 0 ? null : median(values);
}

/** Returns the peers that are better than `own`, the best first. The loop is not a peer, because it does nothing else. */
export function peersAhead(figure: Figure, own: Results, others: readonly Results[]): Results[] {
  const mine = valueOf(figure, own);
  const rank = (results: Results): number => (figure.isMoreBetter ? -1 : 1) * valueOf(figure, results)!;
  if (mine === null) return [];
  return others
    .filter((one) => valueOf(figure, one) !== null && rank(one) < (figure.isMoreBetter ? -mine : mine))
    .toSorted((a, b) => rank(a) - rank(b));
}

/**
 * Returns the median and the range of the ratios between the figures of two peers. The ratio is that of the values in the same
 * turn, so a machine that is slow for both does not change it.
 */
export function ratioOf(figure: Figure, own: Results, base: Results): { median: number; least: number; most: number } | null {
  const [mine, theirs] = [figure.values(own), figure.values(base)];
  const ratios = mine.slice(0, theirs.length).map((value, n) => value / theirs[n]!);
  if (ratios.length === 0) return null;
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}
