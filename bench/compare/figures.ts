import { median, quantile } from "../stats.ts";

/** The figures by name that one run of the comparison measured for sup alone. Smaller is better for all of them. */
export type Figures = Readonly<Record<string, number>>;

export interface Verdict {
  readonly name: string;
  /** The medians over the runs. */
  readonly before: number;
  readonly after: number;
  /** The value after divided by the value before, for each pair of consecutive runs. */
  readonly ratios: readonly number[];
  readonly ratio: number;
  /** Half the distance between the quartiles of the ratios. */
  readonly noise: number;
  readonly isWorse: boolean;
}

/** The factor by which a figure may become worse without a failure. */
const TOLERANCE = 1.1;

/**
 * Compares the figures of two programs that were measured in turns. A figure is worse if the median of the ratios, minus the
 * noise, is above the tolerance. So neither one bad pair nor a machine that is slow for both programs changes the result.
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
