/**
 * The limited figures of sup. All of them are multiples of the CPU time that the bare C loop uses for one restart in the same
 * run.
 *
 * The limits were chosen from ten runs on a machine with two cores at a load of 7 to 20. The figures were 101 to 138, 15 to
 * 24, 7.5 to 9 and 29 to 36. Each limit is just below twice the lowest figure, so that a regression to half the speed fails
 * in any run. Each limit is also at least 1.2 times the highest figure, so that noise does not fail. Lower a limit when sup
 * gets faster.
 */
export const LIMITS = {
  "one restart": 195,
  "one of many restarts": 30,
  "one of many stops": 14.5,
  "one unit at rest, in a minute": 57,
} as const satisfies Readonly<Record<string, number>>;

export type Figure = keyof typeof LIMITS;

export interface Verdict {
  readonly name: Figure;
  readonly ratio: number;
  readonly limit: number;
  readonly isAbove: boolean;
}

/** Compares the figures (CPU time in milliseconds) with the limits. `baseMs` is the figure of the C loop. */
export const judge = (figures: Readonly<Record<Figure, number>>, baseMs: number): Verdict[] =>
  (Object.keys(LIMITS) as Figure[]).map((name) => {
    const ratio = figures[name] / baseMs;
    return { name, ratio, limit: LIMITS[name], isAbove: !(ratio <= LIMITS[name]) };
  });
