import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { tempDir } from "../../harness/temp.ts";
import { metricRow, mustOpen, turn, newEvent } from "./rows.ts";

const START = Date.UTC(2026, 0, 1);
const at = (ms: number): string => new Date(START + ms).toISOString();
const HOUR = 3_600_000;

test("old samples become minutes and quarters of an hour; what is asked for comes oldest first over all of them", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  for (const name of ["a", "b"]) store.addMetrics(Array.from({ length: (6 * HOUR) / 5000 }, (_, i) => metricRow(name, at(i * 5000))));
  const plan = { samplesBeforeMs: START + 5 * HOUR, minutesBeforeMs: START + 2 * HOUR, services: 1 };
  for (let round = 0; round < 6; round++) store.rollUp(plan);
  for (const name of ["a", "b"]) {
    const rows = store.metrics(name, at(0), 100_000);
    const count = (step: number): number => rows.filter((row) => (row.step ?? 0) === step).length;
    expect([count(900), count(60), count(0)]).toEqual([8, 180, 720]);
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

test("a bucket that is not over is left alone, and nothing is rolled up twice", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  store.addMetrics(Array.from({ length: 720 }, (_, i) => metricRow("a", at(i * 5000))));
  const plan = { samplesBeforeMs: START + HOUR / 2 + 31_000, minutesBeforeMs: START, services: 5 };
  for (let round = 0; round < 3; round++) store.rollUp(plan);
  const rows = store.metrics("a", at(0), 10_000);
  expect(rows.filter(({ step }) => step === 60).length).toBe(30);
  expect(rows[30]!.timestamp).toBe(at(HOUR / 2));
  store.close();
});

test("a database of the first version is brought forward with its rows", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  store.addMetrics([metricRow("a", at(0))]);
  store.record(turn({ events: [newEvent("a")] }));
  store.close();
  const db = new Database(path);
  db.run("DROP INDEX supervisor_metrics_by_step");
  for (const column of ["step", "cpu_max", "memory_max", "tasks", "open_files"])
    db.run(`ALTER TABLE supervisor_metrics DROP COLUMN ${column}`);
  db.run("CREATE INDEX supervisor_metrics_by_service ON supervisor_metrics (service_id, timestamp)");
  db.run("PRAGMA user_version = 1");
  db.close();
  const next = mustOpen(path);
  expect(next.metrics("a", at(0), 10)).toEqual([{ ...metricRow("a", at(0)), tasks: null, openFiles: null }]);
  expect(next.size()).toBeGreaterThan(0);
  next.close();
});

test("the course of a unit: means of equal stretches over all steps, nothing outside, nothing for what was not measured", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  const rows = Array.from({ length: (2 * HOUR) / 5000 }, (_, i) => ({
    ...metricRow("a", at(i * 5000)),
    memoryMb: i / 720,
    cpuPercent: null,
  }));
  store.addMetrics([...rows, metricRow("b", at(0))]);
  for (let round = 0; round < 3; round++) store.rollUp({ samplesBeforeMs: START + HOUR, minutesBeforeMs: START + HOUR / 2, services: 5 });
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
