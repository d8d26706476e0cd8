import { expect, test } from "bun:test";
import { compareFigures, type Figures } from "../../bench/compare/figures.ts";

const pairs = (...ratios: readonly number[]): Array<readonly [Figures, Figures]> =>
  ratios.map((ratio, n) => [{ restart: 2 + n }, { restart: (2 + n) * ratio }]);

test.each([
  ["the same", [1, 1.02, 0.98, 1, 1.01], false],
  ["better", [0.5, 0.6, 0.55, 0.5, 0.52], false],
  ["worse by 9 %", [1.09, 1.09, 1.09, 1.09, 1.09], false],
  ["worse by 12 % in every pair", [1.12, 1.13, 1.12, 1.11, 1.12], true],
  ["one bad pair", [1, 1.01, 3, 0.99, 1], false],
  ["worse, but within the noise", [0.8, 1.15, 1.5, 0.9, 1.4], false],
  ["twice as slow on a noisy machine", [1.8, 2.2, 2, 1.7, 2.4], true],
] as const)("%s", (_, ratios, isWorse) => {
  const [verdict] = compareFigures(pairs(...ratios));
  expect(verdict!.isWorse).toBe(isWorse);
});

test("a slow machine is no difference: the ratio is of runs that followed each other", () => {
  const [verdict] = compareFigures([
    [{ restart: 1 }, { restart: 1 }],
    [{ restart: 10 }, { restart: 10 }],
    [{ restart: 100 }, { restart: 100 }],
  ]);
  expect(verdict).toMatchObject({ name: "restart", before: 10, after: 10, ratio: 1, noise: 0, isWorse: false });
});

test("a figure that was not measured is left out", () => {
  expect(
    compareFigures([
      [
        { idle: 0, stop: 1 },
        { idle: 1, stop: 1 },
      ],
    ]).map(({ name }) => name),
  ).toEqual(["stop"]);
});
