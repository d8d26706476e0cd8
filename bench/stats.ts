/** Returns the quantile `fraction` (0.5 is the median) by nearest rank, or NaN for an empty list. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * fraction) - 1))] ?? NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
