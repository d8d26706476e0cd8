import type { Status } from "../../api/contract/shapes.ts";
import { globMatcher, isGlob, stripSuffix } from "../../base/names.ts";

/** A unit that the daemon does not load. It is masked if its file is a link to /dev/null, and broken if its file has errors. */
export interface Unloaded {
  readonly id: string;
  readonly file: string;
  readonly state: "masked" | "broken";
  /** The errors in the unit's file. */
  readonly problems: readonly string[];
}

export interface Split {
  /** The unloaded units that match the patterns, or all of them without patterns. */
  readonly unloaded: readonly Unloaded[];
  /**
   * The patterns that may match services. `noneLeft` is true if there were patterns, and each of them is the name of an unloaded
   * unit.
   */
  readonly rest: readonly string[];
  readonly noneLeft: boolean;
}

/**
 * Separates patterns that name units that are not loaded from other patterns. An older daemon's status has no `masked` and
 * `broken`.
 */
export function splitUnloaded({ masked = [], broken = [] }: Pick<Status, "masked" | "broken">, patterns: readonly string[]): Split {
  const all: readonly Unloaded[] = [
    ...broken.map((unit) => ({ ...unit, state: "broken" as const })),
    ...masked.map((unit) => ({ ...unit, state: "masked" as const, problems: [] })),
  ];
  if (patterns.length === 0) return { unloaded: all, rest: [], noneLeft: false };
  const globs = patterns.filter(isGlob).map((pattern) => globMatcher(stripSuffix(pattern)));
  const names = new Set(patterns.map(stripSuffix));
  const rest = patterns.filter((pattern) => !all.some(({ id }) => id === stripSuffix(pattern)));
  return {
    unloaded: all.filter(({ id }) => names.has(id) || globs.some((isMatch) => isMatch(id))),
    rest,
    noneLeft: rest.length === 0,
  };
}
