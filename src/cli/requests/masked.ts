import type { Status } from "../../api/contract/shapes.ts";
import { globToRegExp, isGlob, stripSuffix } from "../../base/names.ts";

/** A unit that cannot be started because its file is a link to /dev/null. It is not among the services. */
export type MaskedUnit = NonNullable<Status["masked"]>[number];

export interface Split {
  /** The masked units that the patterns name; all for no pattern. */
  readonly masked: readonly MaskedUnit[];
  /** The patterns that are left for the services, and whether any service is meant at all. */
  readonly rest: readonly string[];
  readonly onlyMasked: boolean;
}

/** Separates the names of masked units from other names and patterns. `masked` is absent in the answer of an older daemon. */
export function splitMasked({ masked = [] }: Pick<Status, "masked">, patterns: readonly string[]): Split {
  if (patterns.length === 0) return { masked, rest: [], onlyMasked: false };
  const expressions = patterns.filter(isGlob).map((pattern) => globToRegExp(stripSuffix(pattern)));
  const names = new Set(patterns.map(stripSuffix));
  const rest = patterns.filter((pattern) => !masked.some(({ id }) => id === stripSuffix(pattern)));
  return {
    masked: masked.filter(({ id }) => names.has(id) || expressions.some((expression) => expression.test(id))),
    rest,
    onlyMasked: rest.length === 0,
  };
}
