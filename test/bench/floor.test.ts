import { expect, test } from "bun:test";
import { type Figure, judge } from "../../bench/floor/limits.ts";

/** Milliseconds of CPU time; the C loop uses 0.04. */
const HIGHEST = { "one restart": 5.5, "one of many restarts": 0.96, "one of many stops": 0.36, "one unit at rest, in a minute": 1.45 };
const LOWEST = { "one restart": 4, "one of many restarts": 0.61, "one of many stops": 0.3, "one unit at rest, in a minute": 1.16 };
const names = Object.keys(LOWEST) as Figure[];

const above = (figures: Readonly<Record<Figure, number>>): Figure[] =>
  judge(figures, 0.04).flatMap(({ name, isAbove }) => (isAbove ? [name] : []));

test("the highest figures that noise has caused are within the limits", () => expect(above(HIGHEST)).toEqual([]));

test.each(names)("twice the lowest figure is above the limit: %s", (name) => {
  expect(above({ ...LOWEST, [name]: 2 * LOWEST[name] })).toEqual([name]);
});

test("a figure that could not be measured is above the limit", () => {
  expect(above({ ...LOWEST, "one of many stops": NaN })).toEqual(["one of many stops"]);
});
