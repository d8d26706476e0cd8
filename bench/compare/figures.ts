import { median, quantile } from "../stats.ts";

/** One run of the comparison, of sup alone: names and values of its figures. Smaller is better in all of them. */
export type Figures = Readonly<Record<string, number>>;

export interface Verdict {
  readonly name: string;
  /** Medians over the runs. */
  readonly before: number;
  readonly after: number;
  /** After divided by before, for each pair of runs that followed each other. */
  readonly ratios: readonly number[];
  readonly ratio: number;
  /** Half the distance between the quartiles of the ratios. */
  readonly noise: number;
  readonly isWorse: boolean;
}

/** What may become worse without a failure. */
const TOLERANCE = 1.1;

/**
 * Compares the figures of two programs that were measured in turns. A figure is worse if the median of the ratios, less the noise,
 * is above the tolerance: one bad pair does not decide, and neither does a machine that is slow for both.
 */
export function compareFigures(pairs: ReadonlyArray<readonly [before: Figures, after: Figures]>): Verdict[] {
  const names = Object.keys(pairs[0]?.[0] ?? {});
  return names.flatMap((name) => {
    const known = pairs.filter(([before, after]) => before[name]! > 0 && Number.isFinite(after[name]));
    if (known.length === 0) return [];
    const ratios = known.map(([before, after]) => after[name]! / before[name]!);
    const ratio = median(ratios);
    const noise = (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2;
    return {
      name,
      before: median(known.map(([before]) => before[name]!)),
      after: median(known.map(([, after]) => after[name]!)),
      ratios,
      ratio,
      noise,
      isWorse: ratio - noise > TOLERANCE,
    };
  });
}
