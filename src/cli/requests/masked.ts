import type { Status } from "../../api/contract/shapes.ts";
import { globMatcher, isGlob, stripSuffix } from "../../base/names.ts";

/** A unit that cannot be started because its file is a link to /dev/null. The list of services does not contain it. */
export type MaskedUnit = NonNullable<Status["masked"]>[number];

export interface Split {
  /** The masked units that match a pattern, or all masked units if there is no pattern. */
  readonly masked: readonly MaskedUnit[];
  /**
   * The patterns that do not name a masked unit. `onlyMasked` is true if all patterns name masked units, so no service is meant.
   */
  readonly rest: readonly string[];
  readonly onlyMasked: boolean;
}

/** Separates the names of masked units from other names and patterns. The answer of an older daemon lacks `masked`. */
export function splitMasked({ masked = [] }: Pick<Status, "masked">, patterns: readonly string[]): Split {
  if (patterns.length === 0) return { masked, rest: [], onlyMasked: false };
  const globs = patterns.filter(isGlob).map((pattern) => globMatcher(stripSuffix(pattern)));
  const names = new Set(patterns.map(stripSuffix));
  const rest = patterns.filter((pattern) => !masked.some(({ id }) => id === stripSuffix(pattern)));
  return {
    masked: masked.filter(({ id }) => names.has(id) || globs.some((isMatch) => isMatch(id))),
    rest,
    onlyMasked: rest.length === 0,
  };
}
