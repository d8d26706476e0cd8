import { describe, expect, test } from "bun:test";
import { decide, FRESH_SCALING, type ScaledUnit, type ScalingState } from "../../../src/core/service/scaler.ts";
import type { ScalingSpec } from "../../../src/spec/spec.ts";
import { Random } from "../../sim/random.ts";
import { Hpa, type HpaPolicy, type Pod } from "./hpa.ts";

const TARGET = 100;

const spec = (more: Partial<ScalingSpec> = {}): ScalingSpec => ({
  ...{ min: 1, max: 50, tolerance: 0.1, upAfterMs: 0, downAfterMs: 300_000, idleAfterMs: 0 },
  metrics: [{ metric: "queue", target: TARGET }],
  ...{ maxStepUp: { count: 4, percent: 100 }, maxStepDown: { count: 0, percent: 100 } },
  ...more,
});

const policyOf = ({ min, max, metrics, tolerance, upAfterMs, downAfterMs, maxStepUp, maxStepDown }: ScalingSpec): HpaPolicy => {
  const policies = ({ count, percent }: ScalingSpec["maxStepUp"]) => [
    { type: "Pods" as const, value: count },
    { type: "Percent" as const, value: percent },
  ];
  return {
    ...{ minReplicas: min, maxReplicas: max, targets: metrics.map(({ target }) => target), tolerance: Math.round(tolerance * 100) },
    scaleUp: { stabilizationWindowSeconds: upAfterMs / 1000, policies: policies(maxStepUp) },
    scaleDown: { stabilizationWindowSeconds: downAfterMs / 1000, policies: policies(maxStepDown) },
  };
};

const unitOf = ({ ready, metrics }: Pod, { metrics: names }: ScalingSpec): ScaledUnit => ({
  isReady: ready,
  valueOf: (metric) => metrics[names.findIndex((one) => one.metric === metric)] ?? null,
});

/** Drives sup's scaler and the transcription of HPA for `seconds`, and returns the numbers of units. They must be equal at each step. */
function drive(
  rules: ScalingSpec,
  start: number,
  seconds: number,
  every: number,
  podsAt: (second: number, count: number) => Pod[],
): number[] {
  const hpa = new Hpa(policyOf(rules), start);
  let [count, state]: [number, ScalingState] = [start, FRESH_SCALING];
  const counts: number[] = [];
  for (let second = 0; second < seconds; second += every) {
    const pods = podsAt(second, count);
    const decision = decide(rules, state, count, pods.map((pod) => unitOf(pod, rules)), second * 1000); // prettier-ignore
    expect(`${second} s: ${decision.count}`).toBe(`${second} s: ${hpa.sync(pods, second)}`);
    ({ count, state } = decision);
    counts.push(count);
  }
  return counts;
}

/** Units that share a load equally, and are all ready. */
const sharing =
  (load: (second: number) => number) =>
  (second: number, count: number): Pod[] =>
    Array.from({ length: count }, () => ({ ready: true, metrics: [Math.round(load(second) / count)] }));

/** How often the number changes from growing to shrinking or back. */
function turns(counts: readonly number[]): number {
  const directions = counts.slice(1).flatMap((count, index) => (count === counts[index] ? [] : [Math.sign(count - counts[index]!)]));
  return directions.slice(1).filter((direction, index) => direction !== directions[index]).length;
}

describe("the same numbers as HPA", () => {
  test("a sine: the number follows upwards, and downwards after the window; two turns per period", () => {
    const load = (second: number): number => 1000 + 800 * Math.sin((2 * Math.PI * second) / 3600);
    const counts = drive(spec(), 10, 4 * 3600, 15, sharing(load));
    expect([Math.min(...counts), Math.max(...counts)]).toEqual([3, 18]);
    expect(turns(counts)).toBeLessThanOrEqual(8);
  });

  test("a step up and down: at most 100 % or 4 units per 15 s up, and 300 s until it falls", () => {
    const counts = drive(
      spec(),
      1,
      1200,
      15,
      sharing((second) => (second < 300 ? 2000 : 100)),
    );
    expect(counts.slice(0, 4)).toEqual([5, 10, 20, 20]);
    const fall = counts.findIndex((count, index) => index > 0 && count < counts[index - 1]!);
    expect([fall * 15, counts[fall]]).toEqual([585, 1]); // the last sample of the load was at 285 s
    expect(turns(counts)).toBe(1);
  });

  test("a spike of one sample adds units once, and they leave after the window", () => {
    const counts = drive(
      spec(),
      2,
      900,
      15,
      sharing((second) => (second === 60 ? 1000 : 200)),
    );
    expect([Math.max(...counts), counts.at(-1), turns(counts)]).toEqual([6, 2, 1]);
    const patient = drive(
      spec({ upAfterMs: 60_000 }),
      2,
      900,
      15,
      sharing((second) => (second === 60 ? 1000 : 200)),
    );
    expect(new Set(patient)).toEqual(new Set([2]));
  });

  test("noise within the tolerance changes nothing", () => {
    const random = new Random(1);
    const counts = drive(
      spec(),
      10,
      7200,
      5,
      sharing(() => 910 + random.below(180)),
    );
    expect(new Set(counts)).toEqual(new Set([10]));
  });

  test("large noise does not make the number flap", () => {
    const random = new Random(2);
    const counts = drive(
      spec(),
      10,
      7200,
      15,
      sharing(() => 500 + random.below(1000)),
    );
    expect(turns(counts)).toBeLessThanOrEqual(24); // HPA's own number of turns is the same
  });

  test("a metric that stops coming keeps the number, and nothing is removed at once when it returns", () => {
    const load = sharing(() => 1000);
    const counts = drive(spec(), 10, 3600, 15, (second, count) => {
      if (second >= 600 && second < 1800) return load(second, count).map((pod) => ({ ...pod, metrics: [null] }));
      return second < 600 ? load(second, count) : sharing(() => 100)(second, count);
    });
    expect(new Set(counts.slice(0, 140))).toEqual(new Set([10])); // 1800 s and the 300 s after it
    expect(counts.at(-1)).toBe(1);
  });

  test("random histories: units without values, units that are not ready, several metrics, any policy", () => {
    const runs = Number(process.env.SUP_SCALER_RUNS ?? 300);
    for (let seed = 1; seed <= runs; seed++) randomHistory(new Random(seed));
  });
});

const STEPS: ReadonlyArray<ScalingSpec["maxStepUp"]> = [
  { count: 4, percent: 100 },
  { count: 1, percent: 0 },
  { count: 0, percent: 10 },
  { count: 3, percent: 50 },
];

function randomHistory(random: Random): void {
  const step = (): ScalingSpec["maxStepUp"] => STEPS[random.below(STEPS.length)]!;
  const min = 1 + random.below(3);
  const metrics = [
    { metric: "a", target: TARGET },
    { metric: "b", target: 7 },
  ].slice(0, 1 + random.below(2));
  const rules = spec({
    ...{ metrics, min, max: min + random.below(40), tolerance: random.pick([0, 0.1, 0.25]) },
    ...{ upAfterMs: random.pick([0, 0, 30_000, 120_000]), downAfterMs: random.pick([0, 60_000, 300_000]) },
    ...{ maxStepUp: step(), maxStepDown: step() },
  });
  const [gaps, unready] = [random.pick([0, 0, 0.1, 0.5, 1]), random.pick([0, 0, 0.2, 0.9])];
  let load = 500;
  drive(rules, 1 + random.below(45), 1800, random.pick([5, 15, 20]), (_, count) => {
    load = random.next() < 0.1 ? random.below(4000) : Math.max(0, load + random.below(200) - 100);
    const value = (target: number): number | null =>
      random.next() < gaps ? null : Math.round(((load / count) * target * (0.8 + 0.4 * random.next())) / TARGET);
    const failed = random.next() < 0.1 ? 1 : 0;
    return Array.from({ length: Math.max(0, count - failed) }, () => ({
      ready: random.next() >= unready,
      metrics: metrics.map(({ target }) => value(target)),
    }));
  });
}

describe("one decision", () => {
  const units = (...values: Array<number | null | "not ready">): ScaledUnit[] =>
    values.map((value) => ({ isReady: value !== "not ready", valueOf: () => (typeof value === "number" ? value : null) }));
  const countOf = (list: readonly ScaledUnit[], more: Partial<ScalingSpec> = {}, current = list.length): number =>
    decide(spec({ downAfterMs: 0, ...more }), FRESH_SCALING, current, list, 0).count;

  test.each<[string, ScaledUnit[], number]>([
    ["twice the target", units(200, 200), 4],
    ["half of it", units(50, 50, 50, 50), 2],
    ["exactly at the tolerance", units(110, 110), 2],
    ["past it", units(111, 111), 3],
    ["a missing value counts as on target on the way down", units(20, 20, null, null), 3],
    ["and as idle on the way up", units(200, 200, null), 4],
    ["units that are not ready count as idle on the way up", units(200, 200, "not ready"), 4],
    ["if this reverses the direction, nothing happens", units(150, "not ready", "not ready"), 3],
    ["they do not count on the way down", units(50, 50, "not ready"), 1],
    ["without any value nothing happens", units(null, null, "not ready"), 3],
    ["without any unit that takes part nothing happens", [], 3],
  ])("%s", (_, list, count) => {
    expect(countOf(list, {}, Math.max(list.length, list.length === 0 ? 3 : 0))).toBe(count);
  });

  test("reductions round up: 80, 72, 64", () => {
    const idle = (count: number) =>
      countOf(units(...Array.from({ length: count }, () => 0)), { max: 256, maxStepDown: { count: 0, percent: 10 } });
    expect([idle(80), idle(72)]).toEqual([72, 64]);
  });

  test("of several metrics the largest wins; if one says nothing, no unit is removed", () => {
    const metrics = [
      { metric: "a", target: 100 },
      { metric: "b", target: 10 },
    ];
    const both = (a: number, b: number | null): ScaledUnit[] =>
      Array.from({ length: 2 }, () => ({ isReady: true, valueOf: (metric: string) => (metric === "a" ? a : b) }));
    const result = decide(spec({ metrics }), FRESH_SCALING, 2, both(200, 30), 0);
    expect([result.count, result.decisive!.metric]).toEqual([6, "b"]);
    expect(countOf(both(10, null), { metrics })).toBe(2);
    expect(countOf(both(200, null), { metrics })).toBe(4);
  });

  test("a number outside of the bounds is corrected at once, without any value", () => {
    expect(countOf(units(null, null, null, null, null), { max: 3 })).toBe(3);
    expect(countOf(units(null), { min: 2 })).toBe(2);
  });

  test("the state stays small however long the windows are", () => {
    const random = new Random(3);
    let state = FRESH_SCALING;
    for (let at = 0; at < 20_000; at++) {
      const list = units(...Array.from({ length: 10 }, () => random.below(200)));
      ({ state } = decide(spec({ downAfterMs: 1e9, upAfterMs: 1e8, max: 20 }), state, 10, list, at * 5000));
    }
    expect(state.recommendations.length).toBeLessThan(30);
  });
});
