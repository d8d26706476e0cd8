import { expect, test } from "bun:test";
import type { Event } from "../../src/api/contract/shapes.ts";
import { markReplaced } from "../../src/web/replaced.ts";

const at = (ms: number): string => new Date(1_800_000_000_000 + ms).toISOString();
const anEvent = (id: number, unit: string | null, type: string, ms: number): Event => ({
  ...{ id, service_id: unit, event_type: type, timestamp: at(ms), message: type === "alert-resolved" ? "resolved: failing" : type },
  details: {},
});

test("an alert that ends because sup gave up the unit is replaced, and any other is resolved", () => {
  const events = [
    anEvent(6, "web", "alert-resolved", 90_000),
    anEvent(5, null, "alert-resolved", 10),
    anEvent(4, "db", "alert-resolved", 10),
    anEvent(3, "web", "alert-resolved", 10),
    anEvent(2, "web", "fatal", 0),
    anEvent(1, "web", "exited", 0),
  ];
  expect(markReplaced(events).map(({ message }) => message)).toEqual([
    ...["resolved: failing", "resolved: failing", "resolved: failing", "replaced by: fatal"],
    ...["fatal", "exited"],
  ]);
});
