import { expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { Housekeeping } from "../../../src/daemon/background/housekeeping.ts";
import { memoryDir } from "../../harness/temp.ts";
import { metricRow, mustOpen, newEvent, turn } from "./rows.ts";

// Writes and deletes a gigabyte: some seconds on an idle machine.
setDefaultTimeout(120_000);

const MIB = 1024 * 1024;
const [TICK_MS, DAY_MS] = [5000, 86_400_000];
const START = Date.UTC(2026, 0, 1);

/** A store with the daemon's housekeeping and a simulated clock. */
function kept(maxSizeBytes: number) {
  const dir = memoryDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  const reported: string[] = [];
  const house = {
    now: START,
    store,
    reported,
    fileBytes: () => statSync(path).size,
    iso: () => new Date(house.now).toISOString(),
    pass(ms: number, each: () => void = () => undefined): void {
      for (const end = house.now + ms; house.now < end; house.now += TICK_MS) {
        each();
        keeping.tick();
      }
    },
    [Symbol.dispose]() {
      store.close();
      dir[Symbol.dispose]();
    },
  };
  const keeping = new Housekeeping({
    clock: { wallMs: () => house.now, monotonicMs: () => house.now - START },
    store,
    tidyLogs: () => undefined,
    countUnits: () => 2,
    settings: { metrics: { intervalMs: TICK_MS, retentionDays: 7 }, events: { retentionDays: 90 }, store: { maxSizeBytes } },
    onShortened: (words) => reported.push(words),
  });
  return house;
}

test("a flood of long events does not grow the store beyond its limit, keeps the newest events, and deletes no metrics", () => {
  using house = kept(16 * MIB);
  const { store } = house;
  house.pass(DAY_MS / 24, () => store.addMetrics([metricRow("web", house.iso())]));
  const began = house.iso();
  let id = 0;
  let most = 0;
  // 128 KiB every five seconds: in one hour five times the limit.
  house.pass(DAY_MS / 24, () => {
    store.addMetrics([metricRow("web", house.iso())]);
    const details = { last_lines: Array.from({ length: 30 }, () => "y".repeat(2000)) };
    const events = [newEvent("web", { timestamp: house.iso(), message: "x".repeat(64_000), details })];
    id = store.record(turn({ events })).at(-1)!.id;
    most = Math.max(most, house.fileBytes());
  });
  expect(store.size()).toBeLessThan(16.5 * MIB);
  expect(most).toBeLessThan(18 * MIB);
  expect(store.events({ limit: 1 })[0]!.id).toBe(id);
  expect(store.events({ limit: 1e6 }).length).toBeGreaterThan(30);
  expect(store.metrics("web", new Date(START).toISOString(), 1e6).length).toBe(1440);
  expect(store.metrics("web", began, 1e6).length).toBe(720);
  expect(house.reported).toEqual([
    "the database has reached its maximum of 16 MiB (store.max_size_mb): the oldest events are deleted before their retention time of 90d",
  ]);
  house.pass(DAY_MS / 6); // with room again, the retention grows back
  expect(store.size()).toBeLessThan(16 * MIB);
});

test("metrics that exceed the limit are deleted before their retention ends, oldest first; events stay", () => {
  using house = kept(8 * MIB);
  const { store } = house;
  store.record(turn({ events: [newEvent("web", { timestamp: house.iso() })] }));
  const reported = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`number_of_things_${i}`, Math.random()]));
  house.pass(DAY_MS / 4, () => store.addMetrics(["web", "api"].map((id) => ({ ...metricRow(id, house.iso()), reported }))));
  expect(store.size()).toBeLessThan(8.5 * MIB);
  expect(house.fileBytes()).toBeLessThan(12 * MIB);
  const rows = store.metrics("web", new Date(START).toISOString(), 1e6);
  expect(rows.at(-1)!.timestamp).toBe(new Date(house.now - TICK_MS).toISOString());
  expect(rows.length).toBeGreaterThan(100);
  expect(store.events({ limit: 9 }).length).toBe(1);
});

test("a store below its limit deletes nothing", () => {
  using house = kept(100 * MIB);
  const { store } = house;
  store.record(turn({ events: [newEvent("web", { timestamp: house.iso() })] }));
  house.pass(DAY_MS / 12, () => store.addMetrics([metricRow("web", house.iso())]));
  expect(store.metrics("web", new Date(START).toISOString(), 1e6).length).toBe(1440);
  expect(store.events({ limit: 9 }).length).toBe(1);
  expect(house.reported).toEqual([]);
});
