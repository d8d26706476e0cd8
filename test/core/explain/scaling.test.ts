import { expect, test } from "bun:test";
import { scalingWords } from "../../../src/core/explain/scaling.ts";
import { decide, FRESH_SCALING, type ScaledUnit } from "../../../src/core/service/scaler.ts";
import type { ScalingOutlook } from "../../../src/core/world/scalings.ts";
import type { ScalingSpec } from "../../../src/spec/spec.ts";

const SPEC: ScalingSpec = {
  ...{ min: 1, max: 8, tolerance: 0.1, upAfterMs: 0, downAfterMs: 300_000, idleAfterMs: 300_000 },
  metrics: [{ metric: "queue", target: 10 }],
  ...{ maxStepUp: { count: 1, percent: 0 }, maxStepDown: { count: 0, percent: 50 } },
};

const outlook = (values: ReadonlyArray<number | null>, spec = SPEC): ScalingOutlook => {
  const units = values.map((value): ScaledUnit => ({ isReady: true, valueOf: () => value }));
  return { spec, current: values.length, blockedBy: null, onDemand: null, decision: decide(spec, FRESH_SCALING, values.length, units, 0) };
};
const lines = (values: ReadonlyArray<number | null>, spec = SPEC): string[] => scalingWords(outlook(values, spec)).slice(2);

test("the rules", () => {
  expect(scalingWords(outlook([10, 10])).slice(0, 2)).toEqual([
    "It has 2 units, and can have 1 to 8. A deviation of up to 10 % from a target changes nothing.",
    "Units are added at once, and removed when fewer were enough for 5m; per 15s at most 1 unit up and 50 % down.",
  ]);
});

test("other windows and steps", () => {
  const spec = { ...SPEC, upAfterMs: 30_000, downAfterMs: 0, maxStepUp: { count: 4, percent: 100 } };
  expect(scalingWords(outlook([10], spec))[1]).toBe(
    "Units are added when they were needed for 30s, and removed at once; per 15s at most 4 units or 100 % up and 50 % down.",
  );
});

test.each<[string, ReadonlyArray<number | null>, string[]]>([
  ["on target", [10, 10], ["queue: 10 per unit, and the target is 10: this needs 2 units.", "Now: nothing."]],
  ["one more", [14], ["queue: 14 per unit, and the target is 10: this needs 2 units.", "Now: up to 2 units."]],
  [
    "a step that is limited",
    [50, null],
    [
      "queue: 50 per unit (1 without a value), and the target is 10: this needs 5 units.",
      "Now: up to 3 units; 5 units would be needed, but the step limit allows no more.",
    ],
  ],
  [
    "a window",
    [2, 2],
    ["queue: 2 per unit, and the target is 10: this needs 1 unit.", "Now: nothing; 1 unit would be needed, but not long enough yet."],
  ],
  [
    "a number that nobody posts",
    [null],
    [
      "queue: no ready unit has posted it in the last minute, so it decides nothing, and no unit is removed. The target is 10 per unit.",
      "Now: nothing.",
    ],
  ],
  [
    "too many units",
    Array(9).fill(10),
    ["queue: 10 per unit, and the target is 10: this needs 9 units.", "Now: down to 8 units, because of the bounds."],
  ],
])("%s", (_, values, words) => {
  expect(lines(values)).toEqual(words);
});

test("cpu that is not measured is not called posted", () => {
  const spec = { ...SPEC, metrics: [{ metric: "cpu", target: 70 }] };
  expect(lines([null], spec)[0]).toStartWith("cpu: no ready unit has a value, so");
});

test.each([
  ["stopped", "Now: nothing, because the service is stopped."],
  ["rollout", "Now: nothing, because a rolling restart is under way."],
  ["no sample", "Now: nothing, because no sample was taken yet."],
] as const)("%s", (blockedBy, words) => {
  expect(scalingWords({ spec: SPEC, current: 2, blockedBy, onDemand: null, decision: null }).slice(2)).toEqual([
    "queue: the target is 10 per unit.",
    words,
  ]);
});
