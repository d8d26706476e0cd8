import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { FingerprintRow } from "../../../src/ports/store/fingerprints.ts";
import { tempDir } from "../../harness/temp.ts";
import { metricRow, mustOpen, oldDatabase, turn } from "./rows.ts";

const row = (serviceId: string, n: number, fingerprint = `{"n":${n}}`): FingerprintRow => ({
  ...{ serviceId, invocation: `${serviceId}-${n}`, at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(), fingerprint },
});
const FAR = "2020-01-01";

test("fingerprints are kept per unit, oldest first; a second write for a run replaces the first", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  store.setFingerprints([row("a", 1), row("b", 1), row("a", 2), row("a", 2, '{"hash":1}')]);
  store.close();
  const next = mustOpen(path);
  expect(next.fingerprints("a", 10)).toEqual([row("a", 1), row("a", 2, '{"hash":1}')]);
  expect(next.fingerprints("a", 1)).toEqual([row("a", 2, '{"hash":1}')]);
  expect(next.fingerprints("c", 1)).toEqual([]);
  next.close();
});

test("a unit keeps its newest 200 fingerprints", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  for (let n = 0; n < 205; n++) store.setFingerprints([row("a", n)]);
  const kept = store.fingerprints("a", 1000);
  expect(kept).toHaveLength(200);
  expect(kept[0]).toEqual(row("a", 5));
  store.close();
});

test("old fingerprints are deleted with the events, except the one that still applies to a unit that exists", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  store.record(turn({ memories: [{ kind: "unit", id: "a", memory: "{}" }] }));
  store.setFingerprints([row("a", 1), row("a", 2), row("a", 9), row("gone", 1)]);
  store.prune(FAR, row("a", 5).at);
  expect(store.fingerprints("a", 10)).toEqual([row("a", 2), row("a", 9)]);
  expect(store.fingerprints("gone", 10)).toEqual([]);
  store.close();
});

test("a database of an older version gets the table", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  oldDatabase(path, 8);
  const store = mustOpen(path);
  store.setFingerprints([row("a", 1)]);
  expect(store.fingerprints("a", 1)).toEqual([row("a", 1)]);
  store.close();
});

test("metrics can be read up to a time, from plain rows and from packed ones", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  const at = (second: number): string => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
  store.addMetrics(Array.from({ length: 720 }, (_, n) => metricRow("a", at(n))));
  const read = (): string[] => store.metrics("a", at(10), 3, at(50)).map(({ timestamp }) => timestamp);
  expect(read()).toEqual([at(47), at(48), at(49)]);
  const ages = { plainMs: 0, keptMs: 1e12 };
  store.rollUp({ nowMs: Date.UTC(2026, 0, 2), windows: { 0: ages, 60: ages, 900: ages }, services: 10 });
  const db = new Database(path, { readonly: true });
  expect(db.query("SELECT count(*) AS blocks FROM supervisor_metrics_packed").get()).toEqual({ blocks: 1 });
  db.close();
  expect(read()).toEqual([at(47), at(48), at(49)]);
  store.close();
});
