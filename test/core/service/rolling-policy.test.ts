import { expect, test } from "bun:test";
import { DEFAULT_ROLLING, surgeOf, unavailableOf } from "../../../src/core/service/rolling-policy.ts";
import type { Amount } from "../../../src/spec/spec.ts";

const policy = (maxSurge: Amount, maxUnavailable: Amount) => ({ ...DEFAULT_ROLLING, maxSurge, maxUnavailable });
const count = (number: number): Amount => ({ count: number, percent: null });
const percent = (number: number): Amount => ({ count: 0, percent: number });

test.each<[members: number, surge: Amount, unavailable: Amount, wanted: [surge: number, unavailable: number]]>([
  [4, count(1), count(0), [1, 0]],
  [4, percent(25), percent(25), [1, 1]],
  [10, percent(25), percent(25), [3, 2]],
  [1, percent(10), percent(10), [1, 0]],
  [2, count(5), count(5), [2, 2]],
  [3, percent(0), percent(20), [0, 1]],
])("of %d members", (members, surge, unavailable, wanted) => {
  const rolling = policy(surge, unavailable);
  const added = surgeOf(rolling, members);
  expect([added, unavailableOf(rolling, members, added)]).toEqual(wanted);
});
