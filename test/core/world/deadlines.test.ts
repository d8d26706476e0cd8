import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { Deadlines } from "../../../src/core/world/deadlines.ts";

function takeAll(deadlines: Deadlines, nowMs: number): string[] {
  const taken: string[] = [];
  for (let key = deadlines.take(nowMs); key !== undefined; key = deadlines.take(nowMs)) taken.push(key);
  return taken;
}

test("a deadline that is postponed all the time does not make the heap grow", () => {
  const deadlines = new Deadlines();
  for (let n = 0; n < 100_000; n++) deadlines.put("web", n);
  expect(deadlines.size).toBeLessThan(1000);
  expect(takeAll(deadlines, 99_998)).toEqual([]);
  expect(takeAll(deadlines, 99_999)).toEqual(["web"]);
});

test("the deadlines of keys that are gone do not make the heap grow", () => {
  const deadlines = new Deadlines();
  for (let n = 0; n < 10_000; n++) {
    deadlines.put(`job-${n}`, 1_000_000);
    deadlines.put(`job-${n}`, null);
  }
  deadlines.put("web", 1_000_000);
  expect(deadlines.size).toBeLessThan(1000);
});

test("a deadline that was taken can be set again for the same moment", () => {
  const deadlines = new Deadlines();
  deadlines.put("web", 5);
  expect(deadlines.take(5)).toBe("web");
  expect(deadlines.take(5)).toBeUndefined();
  expect(deadlines.has("web")).toBeFalse();
  deadlines.put("web", 5);
  expect(deadlines.has("web")).toBeTrue();
  expect(deadlines.take(5)).toBe("web");
});

const dueMs = fc.option(fc.integer({ min: 0, max: 200 }));
const change = fc.record({ key: fc.constantFrom("a", "b", "c"), dueMs });

test("each key has the deadline that was set last, however often the heap was tidied", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.integer({ min: 0, max: 200 }), (changes, nowMs) => {
      const deadlines = new Deadlines();
      const model = new Map<string, number>();
      for (let round = 0; round < 30; round++) {
        for (const { key, dueMs: due } of changes) {
          deadlines.put(key, due);
          if (due === null) model.delete(key);
          else model.set(key, due);
        }
      }
      const earliest = model.size === 0 ? null : Math.min(...model.values());
      expect(deadlines.next()).toBe(earliest);
      const due = [...model].filter(([, atMs]) => atMs <= nowMs).map(([key]) => key);
      expect(takeAll(deadlines, nowMs).toSorted()).toEqual(due.toSorted());
    }),
    { numRuns: 100 },
  );
});
