import type { Status } from "../../api/contract/shapes.ts";
import { globMatcher, isGlob, stripSuffix } from "../../base/names.ts";

/** A unit that is not among the services, because its file is a link to /dev/null or has errors. */
export interface Unloaded {
  readonly id: string;
  readonly file: string;
  readonly state: "masked" | "broken";
  /** The errors in its file. */
  readonly problems: readonly string[];
}

export interface Split {
  /** The units of this kind that the patterns name; all for no pattern. */
  readonly unloaded: readonly Unloaded[];
  /** The patterns that are left for the services, and whether any service is meant at all. */
  readonly rest: readonly string[];
  readonly noneLeft: boolean;
}

/** Separates the names of units that are not loaded from other names and patterns. An older daemon does not list them. */
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
