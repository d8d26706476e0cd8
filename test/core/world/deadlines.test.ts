import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { Deadlines } from "../../../src/core/world/deadlines.ts";
import type { Entry } from "../../../src/core/world/types.ts";
import { freshUnit } from "../../../src/core/unit/record.ts";
import { makeSpec } from "../fixtures.ts";

interface Due {
  readonly unit: number | null;
  readonly watchdog: number | null;
}

class Units {
  readonly entries = new Map<string, Entry>();
  readonly deadlines = new Deadlines(this.entries);

  put(id: string, { unit, watchdog }: Due): void {
    const before = this.entries.get(id);
    const due = unit === null ? null : ({ atMs: unit, why: "start-timeout" } as const);
    const alive = watchdog === null ? null : { run: 1, everyMs: 10, dueMs: watchdog, overdue: false };
    const entry: Entry = {
      spec: before?.spec ?? makeSpec(id, {}),
      unit: { ...freshUnit(id), due },
      check: null,
      watchdog: alive,
      retired: false,
    };
    this.entries.set(id, entry);
    this.deadlines.put(before, entry);
  }

  popAll(nowMs: number): Set<string> {
    const popped = new Set<string>();
    for (let id = this.deadlines.pop(nowMs); id !== undefined; id = this.deadlines.pop(nowMs)) popped.add(id);
    return popped;
  }
}

test("a deadline that is put off all the time takes no more and more memory", () => {
  const units = new Units();
  for (let n = 0; n < 100_000; n++) units.put("web", { unit: n, watchdog: 60_000 + n });
  expect(units.deadlines.size).toBeLessThan(1000);
  expect(units.popAll(159_999)).toEqual(new Set(["web"]));
});

const times = fc.option(fc.integer({ min: 0, max: 200 }));
const change = fc.record({ id: fc.constantFrom("a", "b", "c"), unit: times, watchdog: times });

test("whatever was thrown out, each deadline that is true is told at its time", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.integer({ min: 0, max: 200 }), (changes, nowMs) => {
      const units = new Units();
      // Often enough for the crowd to be thrown out in between.
      for (let round = 0; round < 30; round++) for (const { id, ...due } of changes) units.put(id, due);
      const isDue = ({ unit, watchdog }: Entry): boolean => Math.min(unit.due?.atMs ?? 999, watchdog?.dueMs ?? 999) <= nowMs;
      const popped = units.popAll(nowMs);
      for (const [id, entry] of units.entries) if (isDue(entry)) expect(popped).toContain(id);
    }),
    { numRuns: 100 },
  );
});

test("the times of a unit that is gone are let go", () => {
  const units = new Units();
  for (let n = 0; n < 10_000; n++) {
    units.put(`job-${n}`, { unit: 1_000_000, watchdog: null });
    units.entries.delete(`job-${n}`);
  }
  expect(units.deadlines.size).toBeLessThan(1000);
});
