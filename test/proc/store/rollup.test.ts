import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { unpackRows } from "../../../src/adapters/sqlite/block.ts";
import { SCHEMA_VERSION } from "../../../src/adapters/sqlite/migrations.ts";
import { tempDir } from "../../harness/temp.ts";
import type { MetricRow } from "../../../src/ports/store/metrics.ts";
import type { RollUp } from "../../../src/ports/store/upkeep.ts";
import { metricRow, mustOpen, oldDatabase } from "./rows.ts";

const START = Date.UTC(2026, 0, 1);
const at = (ms: number): string => new Date(START + ms).toISOString();
const HOUR = 3_600_000;

/** Ages in milliseconds at `nowMs`; without `plain` nothing is packed. */
const plan = (
  nowMs: number,
  samplesMs: number,
  minutesMs: number,
  plainMs: readonly [number, number] = [samplesMs, minutesMs],
): RollUp => ({
  nowMs,
  windows: {
    0: { keptMs: samplesMs, plainMs: plainMs[0] },
    60: { keptMs: minutesMs, plainMs: plainMs[1] },
    900: { keptMs: 24 * HOUR, plainMs: 24 * HOUR },
  },
  services: 2,
});

test("old samples become rows of one and 15 minutes; a query returns all of them, oldest first", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  for (const name of ["a", "b"]) store.addMetrics(Array.from({ length: (6 * HOUR) / 5000 }, (_, i) => metricRow(name, at(i * 5000))));
  for (let round = 0; round < 6; round++) store.rollUp({ ...plan(START + 6 * HOUR, HOUR, 4 * HOUR), services: 1 });
  for (const name of ["a", "b"]) {
    const rows = store.metrics(name, at(0), 100_000);
    const count = (step: number): number => rows.filter((row) => (row.step ?? 0) === step).length;
    expect(count(900)).toBe(8);
    expect(count(60)).toBe(180);
    expect(count(0)).toBe(720);
    expect(rows.map(({ timestamp }) => timestamp)).toEqual(rows.map(({ timestamp }) => timestamp).toSorted());
    expect(rows.every(({ memoryMb }) => memoryMb === 20)).toBe(true);
    expect(rows[0]).toMatchObject({ timestamp: at(0), step: 900, cpuMax: 1.5, memoryMax: 20 });
  }
  expect(
    store
      .metrics("a", at(5.9 * HOUR), 10)
      .map(({ timestamp }) => timestamp)
      .at(-1),
  ).toBe(at(6 * HOUR - 5000));
  expect(store.metrics("a", at(0), 725).length).toBe(725);
  while (store.prune(at(4 * HOUR), at(0)));
  expect(store.metrics("a", at(0), 100_000)[0]!.timestamp).toBe(at(4 * HOUR));
  store.close();
});

test("an unfinished bucket is left alone, and no row is rolled up twice", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  store.addMetrics(Array.from({ length: 720 }, (_, i) => metricRow("a", at(i * 5000))));
  for (let round = 0; round < 3; round++) store.rollUp(plan(START + HOUR, HOUR / 2 - 31_000, HOUR));
  const rows = store.metrics("a", at(0), 10_000);
  expect(rows.filter(({ step }) => step === 60).length).toBe(30);
  expect(rows[30]!.timestamp).toBe(at(HOUR / 2));
  store.close();
});

test.each(Array.from({ length: SCHEMA_VERSION - 1 }, (_, i) => i + 1))(
  "a database of version %d is brought forward with its rows",
  (version) => {
    using dir = tempDir();
    const path = join(dir.path, "sup.db");
    oldDatabase(path, version);
    const next = mustOpen(path);
    const row = { ...metricRow("a", at(0)), tasks: null, openFiles: null, restarts: null };
    expect(next.metrics("a", at(0), 10)).toEqual([row]);
    expect(next.events({ limit: 9 }).length).toBe(1);
    next.addMetrics([metricRow("a", at(5000))]);
    next.close();
    const db = new Database(path, { readonly: true });
    expect(db.query("SELECT id, timestamp FROM supervisor_metrics ORDER BY id").all()).toEqual([
      { id: 1, timestamp: at(0) },
      { id: 2, timestamp: at(5000) },
    ]);
    expect(db.query("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    db.close();
  },
);

test("older samples are packed: a whole day stays available, the newest as plain rows, and each row unpacks unchanged", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  const rows = Array.from({ length: (6 * HOUR) / 5000 }, (_, i): MetricRow => ({
    ...metricRow("a", at(i * 5000 + (i % 3))),
    cpuPercent: i % 50 === 0 ? null : (i % 700) / 4,
    memoryMb: 20 + (i % 11) / 4,
    ...(i % 10 === 0 ? { reported: { queue: i / 7, "odd name": -1 - i } } : {}),
  }));
  store.addMetrics(rows);
  const before = store.course("a", START, START + 6 * HOUR, HOUR);
  for (let round = 0; round < 20; round++) store.rollUp(plan(START + 6 * HOUR, 24 * HOUR, 24 * HOUR, [HOUR, 24 * HOUR]));
  expect(store.metrics("a", at(0), 100_000)).toEqual(rows);
  expect(store.metrics("a", at(2 * HOUR + 1), 100_000)).toEqual(rows.filter(({ timestamp }) => timestamp >= at(2 * HOUR + 1)));
  expect(store.metrics("a", at(0), 1000)).toEqual(rows.slice(-1000));
  expect(store.metrics("a", at(0), 0)).toEqual([]);
  const course = store.course("a", START, START + 6 * HOUR, HOUR);
  expect(course.map(({ atMs, memory, cpu }) => [atMs, memory?.toFixed(6), cpu?.toFixed(6)])).toEqual(
    before.map(({ atMs, memory, cpu }) => [atMs, memory?.toFixed(6), cpu?.toFixed(6)]),
  );
  store.close();
  const db = new Database(path, { readonly: true });
  const count = (sql: string): number => db.query<{ n: number }, []>(sql).get()!.n;
  expect(count("SELECT count(*) AS n FROM supervisor_metrics")).toBeWithin(720, 720 + 360 + 12);
  expect(count("SELECT sum(length(rows)) AS n FROM supervisor_metrics_packed")).toBeLessThan(rows.length * 8);
  db.close();
});

test("packed rows are rolled up and deleted at their age like plain ones", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  store.addMetrics(Array.from({ length: (12 * HOUR) / 5000 }, (_, i) => ({ ...metricRow("a", at(i * 5000)), memoryMb: i % 2 })));
  const packed = (nowMs: number): RollUp => plan(nowMs, 2 * HOUR, 6 * HOUR, [HOUR / 2, HOUR]);
  for (let round = 0; round < 60; round++) store.rollUp(packed(START + 12 * HOUR));
  const rows = store.metrics("a", at(0), 100_000);
  const steps = rows.map(({ step }) => step ?? 0);
  expect(steps).toEqual(steps.toSorted((a, b) => b - a));
  expect(new Set(rows.map(({ timestamp, step }) => `${timestamp} ${step}`)).size).toBe(rows.length);
  // Every second is covered once: by rows of 15 minutes, of one minute, or by samples of 5 s.
  expect(steps.reduce((sum, step) => sum + (step === 0 ? 5 : step), 0)).toBe((12 * HOUR) / 1000);
  expect(rows.every(({ memoryMb, step }) => step === undefined || memoryMb === 0.5)).toBe(true);
  expect(rows.every(({ memoryMax, step }) => step === undefined || memoryMax === 1)).toBe(true);
  expect(steps.filter((step) => step === 0).length).toBeWithin(1440, 1440 + 720 + 120);
  while (store.prune(at(9 * HOUR), at(0)));
  const left = store.metrics("a", at(0), 100_000);
  // A block is deleted once all its rows are too old.
  expect(left.length).toBeWithin(1, rows.length);
  expect(left).toEqual(rows.slice(-left.length));
  while (store.prune(at(13 * HOUR), at(0)));
  expect(store.metrics("a", at(0), 100_000)).toEqual([]);
  store.close();
});

test("a block of version 1, which has no restarts, is still readable", () => {
  const hex = "28b52ffd202109010001020080a0d5edee66904e040001ad020101a11f010001d9040101f90a01000000";
  const rows = unpackRows("a", { id: 1, rows: Buffer.from(hex, "hex") });
  expect(rows).toEqual([0, 5000].map((ms) => ({ ...metricRow("a", at(ms)), restarts: null })));
});

test("a damaged block loses its rows and is reported; everything else stays", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  store.addMetrics(Array.from({ length: (2 * HOUR) / 5000 }, (_, i) => metricRow("a", at(i * 5000))));
  for (let round = 0; round < 20; round++) store.rollUp(plan(START + 2 * HOUR, 24 * HOUR, 24 * HOUR, [HOUR / 2, 24 * HOUR]));
  const db = new Database(path);
  const { n, lost } = db
    .query<{ n: number; lost: number }, []>("SELECT count(*) AS n, min(row_count) AS lost FROM supervisor_metrics_packed")
    .get()!;
  expect(n).toBeGreaterThan(1);
  db.run(
    "UPDATE supervisor_metrics_packed SET rows = x'0011223344' WHERE id = (SELECT id FROM supervisor_metrics_packed WHERE row_count = ? LIMIT 1)",
    [lost],
  );
  db.close();
  expect(store.metrics("a", at(0), 100_000).length).toBe(1440 - lost);
  expect(store.condition.notes.join()).toContain("was dropped");
  expect(store.course("a", START, START + 2 * HOUR, HOUR).length).toBe(2);
  store.close();
});

test("the course of a unit: means per bucket over all steps, nothing outside the range, no point where nothing was measured", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  const rows = Array.from({ length: (2 * HOUR) / 5000 }, (_, i) => ({
    ...metricRow("a", at(i * 5000)),
    memoryMb: i / 720,
    cpuPercent: null,
  }));
  store.addMetrics([...rows, metricRow("b", at(0))]);
  for (let round = 0; round < 3; round++) store.rollUp(plan(START + 2 * HOUR, HOUR, 1.5 * HOUR));
  const course = store.course("a", START, START + 2 * HOUR, HOUR / 2);
  expect(course.length).toBe(4);
  for (const [i, { atMs, memory, cpu }] of course.entries()) {
    expect(Math.abs(atMs - START - (i + 0.5) * (HOUR / 2))).toBeLessThan(5000);
    expect(memory!).toBeCloseTo((i + 0.5) / 2, 1);
    expect(cpu).toBeNull();
  }
  expect(store.course("a", START + HOUR, START + HOUR + 10_000, 5000).length).toBe(2);
  expect(store.course("c", START, START + HOUR, 1000)).toEqual([]);
  store.close();
});
