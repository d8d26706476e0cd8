import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SCHEMA_VERSION } from "../../../src/adapters/sqlite/migrations.ts";
import { openStore } from "../../../src/adapters/sqlite/store.ts";
import { tempDir } from "../../harness/temp.ts";
import { metricRow, mustOpen, newEvent, serviceRow, turn, oldDatabase } from "./rows.ts";

test("the four public tables have their columns in the agreed order", () => {
  using dir = tempDir();
  mustOpen(join(dir.path, "sup.db")).close();
  const db = new Database(join(dir.path, "sup.db"), { readonly: true });
  const columns = (table: string): string =>
    db
      .query<{ name: string }, []>(`PRAGMA table_info(${table})`)
      .all()
      .map((column) => column.name)
      .join(", ");
  expect(columns("supervisor_services")).toBe(
    "id, name, description, state, pid, port, start_time, uptime_seconds, restart_count, last_restart, priority, critical, auto_restart",
  );
  expect(columns("supervisor_metrics")).toStartWith("id, service_id, timestamp, cpu_percent, memory_mb, health_status, response_time_ms");
  expect(columns("supervisor_events")).toBe("id, service_id, event_type, timestamp, message, details");
  expect(columns("health_alerts")).toBe("id, service_id, severity, alert_type, message, created_at, resolved_at, acknowledged");
  expect(db.query("PRAGMA auto_vacuum").get()).toEqual({ auto_vacuum: 2 });
  expect(db.query("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  db.close();
});

test("the file is 0600 in a directory 0700, and a clean close leaves no -wal behind", () => {
  using dir = tempDir();
  const path = join(dir.path, "state", "sup.db");
  const store = mustOpen(path);
  store.record(turn({ events: [newEvent("web")] }));
  for (const name of readdirSync(join(dir.path, "state"))) {
    expect(statSync(join(dir.path, "state", name)).mode & 0o777).toBe(0o600);
  }
  expect(statSync(join(dir.path, "state")).mode & 0o777).toBe(0o700);
  store.prune("2020", "2020");
  store.close();
  expect(readdirSync(join(dir.path, "state"))).toEqual(["sup.db"]);
});

test("late writes do not reopen a closed store", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  store.close();
  store.addMetrics([metricRow("a", "2026-01-01T00:00:00.000Z")]);
  store.record(turn({ events: [newEvent("a")] }));
  expect(readdirSync(dir.path)).toEqual(["sup.db"]);
});

test("the next daemon reads what was recorded", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const first = mustOpen(path);
  const rows = first.record(
    turn({
      services: [serviceRow("web", { critical: true, port: 80 })],
      memories: [
        { kind: "unit", id: "web", memory: '{"run":1}' },
        { kind: "unit", id: "db", memory: "{}" },
      ],
      events: [newEvent("web", { details: { pid: 7 } }), newEvent(null)],
    }),
  );
  expect(rows.map((row) => row.id)).toEqual([1, 2]);
  first.record(turn({ memories: [{ kind: "unit", id: "db", memory: null }], services: [serviceRow("web", { state: "stopped" })] }));
  first.setEnabled("web", true);
  first.setEnabled("db", false);
  first.setEnabled("old", true);
  first.setEnabled("old", null);
  first.set("boot", "x");
  first.close();

  const next = mustOpen(path);
  expect(next.memories()).toEqual([{ kind: "unit", id: "web", memory: '{"run":1}' }]);
  expect(next.enablements()).toEqual(
    new Map([
      ["db", false],
      ["web", true],
    ]),
  );
  expect(next.get("boot")).toBe("x");
  expect(next.get("nothing")).toBeNull();
  expect(next.events({ limit: 10 })).toEqual([...rows]);
  expect(next.record(turn({ events: [newEvent("web")] }))[0]!.id).toBe(3);
  expect(next.condition).toMatchObject({ ok: true, notes: [] });
  next.close();
  const db = new Database(path, { readonly: true });
  expect(db.query("SELECT state, critical, auto_restart FROM supervisor_services").all()).toEqual([
    { state: "stopped", critical: 0, auto_restart: 1 },
  ]);
  db.close();
});

test("events: the newest matches, oldest first", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  for (let i = 0; i < 6; i++) {
    const timestamp = `2026-11-22T20:00:0${i}.000Z`;
    store.record(turn({ events: [newEvent(i % 2 ? "a" : "b", { type: i < 3 ? "started" : "exited", timestamp })] }));
  }
  store.record(turn({ events: [newEvent(null, { timestamp: "2026-11-22T20:00:09.000Z" })] }));
  const ids = (query: Parameters<typeof store.events>[0]): number[] => store.events(query).map((row) => row.id);
  expect(ids({ limit: 2 })).toEqual([6, 7]);
  expect(ids({ limit: 9, serviceIds: ["a"] })).toEqual([2, 4, 6]);
  expect(ids({ limit: 9, serviceIds: ["a", "b"] })).toEqual([1, 2, 3, 4, 5, 6]);
  expect(ids({ limit: 9, serviceIds: [] })).toEqual([]);
  expect(ids({ limit: 9, types: ["exited"], serviceIds: ["b"] })).toEqual([5]);
  expect(ids({ limit: 9, since: "2026-11-22T20:00:04.000Z" })).toEqual([5, 6, 7]);
  expect(ids({ limit: 9, afterId: 5 })).toEqual([6, 7]);
  expect(ids({ limit: 0 })).toEqual([]);
  store.close();
});

test("event ids are never reused, even when all rows were pruned", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  store.record(turn({ events: [newEvent("a"), newEvent("a")] }));
  while (store.prune("2099", "2099"));
  store.close();
  const next = mustOpen(path);
  expect(next.events({ limit: 9 })).toEqual([]);
  expect(next.record(turn({ events: [newEvent("a")] }))[0]!.id).toBe(3);
  next.close();
});

test("prune deletes older rows of every service, in slices, and nothing else", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  const at = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
  const names = ["a", "b", "c"];
  store.addMetrics(names.flatMap((name) => Array.from({ length: 2000 }, (_, i) => metricRow(name, at(i)))));
  // A row from a clock that was years ahead must not prevent the others from being pruned.
  store.addMetrics(Array.from({ length: 10 }, () => metricRow("a", "2099-01-01T00:00:00.000Z")));
  store.record(turn({ events: [newEvent("a", { timestamp: at(0) }), newEvent("a", { timestamp: at(1999) })] }));
  let slices = 1;
  while (store.prune(at(1500), at(10))) slices++;
  expect(slices).toBeGreaterThan(2);
  for (const name of names) {
    const left = store.metrics(name, "2000", 10_000).filter((row) => row.timestamp < "2099");
    expect(left.length).toBe(500);
    expect(left[0]!.timestamp).toBe(at(1500));
  }
  expect(store.events({ limit: 9 }).map((row) => row.id)).toEqual([2]);
  store.close();
});

test("after a large deletion, free pages return to the file system slice by slice, until the file is mostly full", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  store.record(turn({ events: Array.from({ length: 5000 }, () => newEvent("a", { message: "x".repeat(4000) })) }));
  const db = new Database(path);
  db.run("DELETE FROM supervisor_events WHERE id > 100"); // as when a migration drops an old table
  db.query("PRAGMA wal_checkpoint(TRUNCATE)").all();
  db.close();
  const before = statSync(path).size;
  let slices = 0;
  while (store.prune("2000", "2000")) slices++;
  expect(slices).toBeGreaterThan(2);
  store.close();
  expect(before).toBeGreaterThan(15_000_000);
  expect(statSync(path).size).toBeLessThan(1_500_000);
});

test("metrics keep the numbers that a service reported", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  const rows = [metricRow("a", "2026-01-01T00:00:00.000Z"), { ...metricRow("a", "2026-01-01T00:00:05.000Z"), reported: { queue: 3 } }];
  store.addMetrics(rows);
  expect(store.metrics("a", "2026", 10)).toEqual(rows);
  expect(store.metrics("a", "2026", 1)).toEqual([rows[1]!]);
  store.close();
});

test("alerts are opened, resolved and acknowledged", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  const alert = {
    serviceId: "a",
    severity: "critical",
    alertType: "fatal",
    message: "gave up",
    createdAt: "2026-01-01T00:00:00.000Z",
  } as const;
  expect(store.lastAlertId).toBe(0);
  store.record({ alerts: [1, 2].map((id) => ({ kind: "opened", alert: { ...alert, id } }) as const) });
  store.acknowledgeAlert(2);
  store.record({ alerts: [{ kind: "resolved", id: 1, at: "2026-01-02T00:00:00.000Z" }] });
  expect(store.alerts(true)).toEqual([{ ...alert, id: 2, resolvedAt: null, acknowledged: true }]);
  expect(store.alerts(false).map((row) => row.id)).toEqual([2, 1]);
  expect(store.lastAlertId).toBe(2);
  store.close();
});

test("a huge message and huge details are cut, and the returned row equals the stored one", () => {
  using dir = tempDir();
  const store = mustOpen(join(dir.path, "sup.db"));
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const big = "ü".repeat(200_000);
  const rows = store.record(turn({ events: [newEvent("a", { message: big, details: { big } }), newEvent("a", { details: cycle })] }));
  expect(Buffer.byteLength(rows[0]!.message)).toBeLessThanOrEqual(65536);
  expect(rows[0]!.details).toMatchObject({ truncated: true, bytes: 400_010 });
  expect(Buffer.byteLength(JSON.stringify(rows[0]!.details))).toBeLessThanOrEqual(65536);
  expect(Object.keys(rows[1]!.details)).toEqual(["unstorable"]);
  expect(store.events({ limit: 9 })).toEqual(rows);
  store.close();
});

test("a database of a newer sup is refused and left unchanged", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  mustOpen(path).close();
  const db = new Database(path);
  db.run(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  db.close();
  const opened = openStore(path);
  expect(opened).toMatchObject({ ok: false, error: expect.stringContaining(`schema is version ${SCHEMA_VERSION + 1}`) });
  expect(readdirSync(dir.path)).toEqual(["sup.db"]);
});

test("a migration keeps one copy of the old file, and an older sup names it", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  oldDatabase(path, 1);
  writeFileSync(`${path}.v0`, "older");
  const migrated = mustOpen(path);
  expect(migrated.events({ limit: 9 })).toHaveLength(1);
  migrated.close();
  expect(readdirSync(dir.path).sort()).toEqual(["sup.db", "sup.db.v1"]);
  expect(statSync(`${path}.v1`).mode & 0o777).toBe(0o600);
  const kept = new Database(`${path}.v1`, { readonly: true });
  expect(kept.query("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  expect(kept.query("SELECT count(*) AS n FROM supervisor_events").get()).toEqual({ n: 1 });
  kept.close();
  const newer = new Database(path);
  newer.run(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  newer.close();
  expect(openStore(path)).toMatchObject({ ok: false, error: expect.stringContaining(`or restore ${path}.v1`) });
});

test("a database of another program is refused and left unchanged", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const db = new Database(path);
  db.run("CREATE TABLE health_alerts (mine TEXT)");
  db.close();
  expect(openStore(path).ok).toBe(false);
  const again = new Database(path);
  expect(again.query("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "health_alerts" }]);
  again.close();
});
