import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { windowsFor } from "../../../src/core/metrics/windows.ts";
import type { MetricRow } from "../../../src/ports/store/metrics.ts";
import type { Store } from "../../../src/ports/store/store.ts";
import { tempDir } from "../../harness/temp.ts";
import { metricRow, mustOpen } from "./rows.ts";

const BEGIN = Date.parse("2026-11-22T12:00:00.000Z");
const INTERVAL_MS = 5000;
const at = (round: number): string => new Date(BEGIN + round * INTERVAL_MS).toISOString();
const IDS = Array.from({ length: 100 }, (_, i) => `u${i}`);
const ALL = at(-1000);

/** The sample of a unit in a round; its values name both. */
const sample = (id: string, round: number): MetricRow => ({
  ...metricRow(id, at(round)),
  cpuPercent: round,
  memoryMb: Number(id.slice(1)),
  ...(round === 3 && { reported: { queue: round } }),
});

function addRounds(store: Store, from: number, to: number, ids = IDS): void {
  for (let round = from; round < to; round++) store.addMetrics(ids.map((id) => sample(id, round)));
}

const expected = (id: string, from: number, to: number): MetricRow[] => Array.from({ length: to - from }, (_, i) => sample(id, from + i));

function read<T>(path: string, sql: string): T[] {
  const db = new Database(path, { readonly: true });
  const rows = db.query<T, []>(sql).all();
  db.close();
  return rows;
}

const plainRows = (path: string): number => read<{ n: number }>(path, "SELECT count(*) AS n FROM supervisor_metrics")[0]!.n;
const rounds = (path: string): number => read<{ n: number }>(path, "SELECT count(*) AS n FROM supervisor_metrics_recent")[0]!.n;

test("rounds of many units are complete for queries at once, and reach the table a minute later, each unit in its turn", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  addRounds(store, 0, 5);
  expect(plainRows(path)).toBeLessThan(5 * IDS.length);
  expect(store.metrics("u7", ALL, 100)).toEqual(expected("u7", 0, 5));
  expect(store.metrics("u7", at(2), 100)).toEqual(expected("u7", 2, 5));
  expect(store.metrics("u7", ALL, 2)).toEqual(expected("u7", 3, 5));
  expect(store.course("u7", BEGIN, BEGIN + 2 * INTERVAL_MS, INTERVAL_MS)).toEqual([
    { atMs: BEGIN, memory: 7, cpu: 0 },
    { atMs: BEGIN + INTERVAL_MS, memory: 7, cpu: 1 },
  ]);
  const moved: number[] = [];
  for (let round = 5; round < 60; round++) {
    const before = plainRows(path);
    addRounds(store, round, round + 1);
    moved.push((plainRows(path) - before) / 12);
  }
  expect(Math.max(...moved.slice(24))).toBeLessThan(IDS.length / 6); // never all together
  expect(rounds(path)).toBeLessThanOrEqual(13);
  for (const id of IDS) expect(store.metrics(id, ALL, 100)).toEqual(expected(id, 0, 60));
  store.close();
});

test("after a crash the next daemon finds every sample once", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  addRounds(mustOpen(path), 0, 20); // never closed
  const store = mustOpen(path);
  expect(store.metrics("u42", ALL, 100)).toEqual(expected("u42", 0, 20));
  addRounds(store, 20, 45);
  for (const id of IDS) expect(store.metrics(id, ALL, 100)).toEqual(expected(id, 0, 45));
  const ids = read<{ id: number }>(path, "SELECT id FROM supervisor_metrics").map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  store.close();
});

test("the rows of units that have stopped move too, and their rounds go", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  addRounds(store, 0, 3);
  const [count, before] = [plainRows(path), rounds(path)];
  const rollUp = (ms: number): void => store.rollUp({ nowMs: BEGIN + ms, windows: windowsFor(100, INTERVAL_MS, 86_400_000), services: 10 });
  rollUp(60_000);
  expect([plainRows(path), rounds(path)]).toEqual([count, before]);
  rollUp(140_000);
  expect([plainRows(path), rounds(path)]).toEqual([3 * IDS.length, 0]);
  expect(store.metrics("u9", ALL, 100)).toEqual(expected("u9", 0, 3));
  store.close();
});

test("when only a few units are left, their samples are in the table at once and in order", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  addRounds(store, 0, 3);
  addRounds(store, 3, 5, ["u1", "u2"]);
  const sql = "SELECT cpu_percent AS round FROM supervisor_metrics WHERE service_id = 'u1' ORDER BY id";
  expect(read<{ round: number }>(path, sql).map(({ round }) => round)).toEqual([0, 1, 2, 3, 4]);
  expect(store.metrics("u1", ALL, 100)).toEqual(expected("u1", 0, 5));
  store.close();
});

test("a round that cannot be written waits, and nothing is lost or doubled", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  let nowMs = 0;
  const store = mustOpen(path, { clock: { wallMs: () => BEGIN, monotonicMs: () => nowMs } });
  addRounds(store, 0, 14);
  const other = new Database(path);
  other.run("BEGIN IMMEDIATE");
  addRounds(store, 14, 17);
  expect(store.condition.ok).toBe(true); // a short lock is normal
  expect(store.metrics("u5", ALL, 100)).toEqual(expected("u5", 0, 17));
  other.run("COMMIT");
  other.close();
  nowMs += 2000;
  addRounds(store, 17, 40);
  for (const id of IDS) expect(store.metrics(id, ALL, 100)).toEqual(expected(id, 0, 40));
  store.close();
});
