import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { Timeline } from "../../../src/core/world/timeline.ts";

const pushOrPop = fc.oneof(fc.record({ push: fc.integer({ min: 0, max: 50 }) }), fc.record({ pop: fc.integer({ min: 0, max: 60 }) }));

test("it gives keys in the order of time, as a sorted list would, and none before its time", () => {
  fc.assert(
    fc.property(fc.array(pushOrPop, { maxLength: 120 }), (commands) => {
      const timeline = new Timeline();
      let model: Array<{ atMs: number; key: string }> = [];
      for (const [i, command] of commands.entries()) {
        if ("push" in command) {
          timeline.push(command.push, `k${i}`);
          model.push({ atMs: command.push, key: `k${i}` });
        } else {
          const earliest = Math.min(...model.map((entry) => entry.atMs));
          const key = timeline.pop(command.pop);
          if (earliest > command.pop) expect(key).toBeUndefined();
          else {
            expect(model.find((entry) => entry.key === key)?.atMs).toBe(earliest);
            model = model.filter((entry) => entry.key !== key);
          }
        }
        expect(timeline.size).toBe(model.length);
        expect(timeline.top()?.atMs ?? null).toBe(model.length === 0 ? null : Math.min(...model.map((entry) => entry.atMs)));
      }
      const rest: number[] = [];
      for (let next = timeline.top(); next !== null; next = timeline.top()) {
        timeline.pop(next.atMs);
        rest.push(next.atMs);
      }
      expect(rest).toEqual(model.map((entry) => entry.atMs).sort((a, b) => a - b));
    }),
    { numRuns: 300 },
  );
});

test("an entry whose time is exactly now has come", () => {
  const timeline = new Timeline();
  timeline.push(10, "a");
  expect(timeline.pop(9.999)).toBeUndefined();
  expect(timeline.pop(10)).toBe("a");
  expect(timeline.pop(10)).toBeUndefined();
});

test("the same key may be in it more than once", () => {
  const timeline = new Timeline();
  timeline.push(2, "a");
  timeline.push(1, "a");
  expect(timeline.pop(5)).toBe("a");
  expect(timeline.pop(5)).toBe("a");
  expect(timeline.pop(5)).toBeUndefined();
});

test("clear empties it", () => {
  const timeline = new Timeline();
  timeline.push(1, "a");
  timeline.clear();
  expect(timeline.size).toBe(0);
  expect(timeline.top()).toBe(null);
  expect(timeline.pop(9)).toBeUndefined();
});
