import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../harness/temp.ts";
import { canMount, smallDisk } from "./small-disk.ts";
import { metricRow, mustOpen, newEvent, serviceRow, turn } from "./rows.ts";

test("after a SIGKILL during writes, every turn is stored completely or not at all", async () => {
  for (let round = 0; round < 3; round++) {
    using dir = tempDir();
    const path = join(dir.path, "sup.db");
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "writer-child.ts"), path], { stdout: "pipe", stderr: "inherit" });
    const first = await child.stdout.getReader().read();
    expect(first.done).toBe(false);
    child.kill("SIGKILL");
    await child.exited;
    const store = mustOpen(path);
    expect(store.condition).toMatchObject({ ok: true, notes: [] });
    const turns = Number(store.memories()[0]!.memory);
    expect(turns).toBeGreaterThanOrEqual(20);
    const events = store.events({ limit: 1e9 });
    expect(events.length).toBe(turns * 50);
    expect(events.at(-1)!.details).toEqual({ n: turns, i: 49 });
    store.close();
  }
});

const damages: Array<[name: string, damage: (path: string) => void]> = [
  ["garbage", (path) => writeFileSync(path, "this is no database ".repeat(500))],
  ["cut short", (path) => truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096 + 100)],
  ["smashed pages", (path) => smash(path, 2, 6)],
];

function smash(path: string, fromPage: number, toPage: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc((toPage - fromPage) * 4096, 0xa5), 0, (toPage - fromPage) * 4096, fromPage * 4096);
  closeSync(fd);
}

test.each(damages)("a damaged database (%s) is set aside and replaced by a fresh one", (_, damage) => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const before = mustOpen(path);
  before.record(turn({ events: Array.from({ length: 2000 }, () => newEvent("web")), services: [serviceRow("web")] }));
  before.close();
  damage(path);
  const store = mustOpen(path, { clock: { wallMs: () => Date.UTC(2026, 10, 22, 20, 1, 2), monotonicMs: () => 0 } });
  const aside = "sup.db.damaged-20261122T200102Z";
  expect(store.condition.ok).toBe(false);
  expect(store.condition.notes[0]).toContain(join(dir.path, aside));
  expect(readdirSync(dir.path)).toContain(aside);
  store.record(turn({ events: [newEvent("web")] }));
  expect(store.events({ limit: 9, types: ["started"] }).length).toBe(1);
  store.close();
  const again = mustOpen(path);
  expect(again.condition.ok).toBe(true);
  again.close();
});

test("only the newest three damaged files are kept", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  for (let day = 1; day <= 5; day++) {
    writeFileSync(path, "garbage ".repeat(1000));
    mustOpen(path, { clock: { wallMs: () => Date.UTC(2026, 0, day), monotonicMs: () => 0 } }).close();
  }
  const names = readdirSync(dir.path).filter((name) => name.includes("damaged"));
  expect(names.sort().map((name) => name.slice("sup.db.damaged-".length))).toEqual([
    "20260103T000000Z",
    "20260104T000000Z",
    "20260105T000000Z",
  ]);
});

test("a database that is damaged while open: the daemon's own rows are carried over and nothing throws", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  const store = mustOpen(path);
  const memory = "m".repeat(300);
  store.record(turn({ memories: [{ kind: "unit", id: "web", memory }], services: [serviceRow("web")] }));
  store.set("key", "value");
  const last = store.record(turn({ events: Array.from({ length: 3000 }, () => newEvent("web", { message: "x".repeat(200) })) })).at(-1)!.id;
  // Checkpoint, then overwrite the pages of the event table only, without the store noticing.
  const db = new Database(path);
  db.query("PRAGMA wal_checkpoint(TRUNCATE)").all();
  const pages = db
    .query<{ pageno: number }, []>("SELECT pageno FROM dbstat WHERE name LIKE 'supervisor_events%'")
    .all()
    .map((row) => row.pageno);
  db.close();
  expect(pages.length).toBeGreaterThan(50);
  for (const page of pages) smash(path, page - 1, page);
  const evict = new Database(path); // another connection's write makes the store's page cache stale
  evict.run("INSERT INTO supervisor_kv VALUES ('other', 'x')");
  evict.close();

  const row = store.record(turn({ events: [newEvent("web", { message: "after" })] }))[0]!;
  expect(row.id).toBe(last + 1);
  expect(store.condition.notes.join()).toContain("set aside as");
  expect(store.memories()).toEqual([{ kind: "unit", id: "web", memory }]);
  expect(store.get("key")).toBe("value");
  expect(store.events({ limit: 9 }).map((event) => event.message)).toEqual(["after"]);
  store.close();
});

test("a directory at the path of the database is set aside like a damaged file", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  mkdirSync(join(path, "within"), { recursive: true });
  const store = mustOpen(path, { clock: { wallMs: () => Date.UTC(2026, 0, 1), monotonicMs: () => 0 } });
  expect(store.condition.notes.join()).toContain("damaged database (not a file) set aside as");
  expect(readdirSync(join(dir.path, "sup.db.damaged-20260101T000000Z"))).toEqual(["within"]);
  store.close();
});

test("a lock held by another process delays a write by a few milliseconds, a reader by nothing", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  let now = 0;
  const store = mustOpen(path, { clock: { wallMs: () => 0, monotonicMs: () => now } });
  store.record(turn({ events: [newEvent("a")] }));
  const other = new Database(path);
  const took = (): number => {
    const began = performance.now();
    now += 1001;
    store.record(turn({ events: [newEvent("a")] }));
    return performance.now() - began;
  };
  other.run("BEGIN");
  other.query("SELECT count(*) FROM supervisor_events").get();
  for (let i = 0; i < 20; i++) took();
  expect(store.condition.ok).toBe(true);
  expect(store.events({ limit: 99 }).length).toBe(21);
  other.run("COMMIT");
  other.run("BEGIN IMMEDIATE");
  const waits = Array.from({ length: 10 }, took).toSorted((a, b) => a - b);
  expect(waits[2]).toBeLessThan(50); // the slower ones may have lost the CPU to other processes
  other.run("COMMIT");
  other.close();
  took();
  expect(store.condition.ok).toBe(true);
  store.close();
});

test("while another process holds the lock, events get their ids, are visible to readers, and are written later", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  let now = 0;
  const store = mustOpen(path, { clock: { wallMs: () => Date.UTC(2026, 0, 1), monotonicMs: () => now } });
  store.record(turn({ events: [newEvent("a")] }));
  const other = new Database(path);
  other.run("BEGIN IMMEDIATE");
  const rows = store.record(turn({ events: [newEvent("a"), newEvent("b")], memories: [{ kind: "unit", id: "a", memory: "1" }] }));
  expect(rows.map((row) => row.id)).toEqual([2, 3]);
  store.setEnabled("a", true);
  store.addMetrics([metricRow("a", "2026-01-01T00:00:00.000Z")]);
  const alert = { id: 1, serviceId: "a", severity: "info", alertType: "x", message: "m", createdAt: "2026-01-01T00:00:00.000Z" } as const;
  store.record({ alerts: [{ kind: "opened", alert }] });
  expect(store.condition.ok).toBe(true); // it may last only a moment
  now = 3000;
  expect(store.condition).toMatchObject({
    ok: false,
    notes: [`cannot write the database ${path}: locked by another process since 2026-01-01T00:00:00.000Z`],
  });
  expect(store.events({ limit: 9 }).map((row) => row.id)).toEqual([1, 2, 3]);
  expect(store.events({ limit: 9, serviceIds: ["b"] }).map((row) => row.id)).toEqual([3]);
  expect(store.memories()).toEqual([{ kind: "unit", id: "a", memory: "1" }]);
  expect(store.enablements().get("a")).toBe(true);
  expect(store.alerts(true).map((row) => row.id)).toEqual([1]);
  expect(store.metrics("a", "2026", 9).length).toBe(1);
  other.run("ROLLBACK");
  other.close();
  now = 4001;
  expect(store.record(turn({ events: [newEvent("c")] }))[0]!.id).toBe(4);
  expect(store.condition).toMatchObject({ ok: true, notes: [] });
  store.close();
  const next = mustOpen(path);
  expect(next.events({ limit: 9 }).map((row) => row.id)).toEqual([1, 2, 3, 4]);
  expect(next.enablements().get("a")).toBe(true);
  expect(next.alerts(true).map((row) => row.id)).toEqual([1]);
  next.close();
});

test.skipIf(!canMount())("on a full disk nothing throws, and pending rows are written once there is room", () => {
  using dir = smallDisk();
  const path = join(dir.path, "sup.db");
  let now = 0;
  const store = mustOpen(path, { clock: { wallMs: () => Date.UTC(2026, 0, 1), monotonicMs: () => now } });
  expect(() => writeFileSync(join(dir.path, "ballast"), Buffer.alloc(1 << 20))).toThrow("ENOSPC");
  for (let i = 1; i <= 50; i++) {
    now += 600;
    const rows = store.record(
      turn({ events: [newEvent("a", { message: "x".repeat(1000) })], memories: [{ kind: "unit", id: "a", memory: String(i) }] }),
    );
    expect(rows[0]!.id).toBe(i);
  }
  expect(store.condition.notes).toEqual([`cannot write the database ${path}: disk full since 2026-01-01T00:00:00.000Z`]);
  truncateSync(join(dir.path, "ballast"), 0);
  now += 1001;
  store.set("room", "again");
  expect(store.condition).toMatchObject({ ok: true, notes: [] });
  store.close();
  const next = mustOpen(path);
  expect(next.events({ limit: 100 }).map((row) => row.id)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  expect(next.memories()).toEqual([{ kind: "unit", id: "a", memory: "50" }]);
  next.close();
});

test("the backlog of an outage is bounded: the oldest rows are dropped first, and their number is reported", () => {
  using dir = tempDir();
  const path = join(dir.path, "sup.db");
  let now = 0;
  const store = mustOpen(path, { clock: { wallMs: () => 0, monotonicMs: () => now } });
  const other = new Database(path);
  other.run("BEGIN IMMEDIATE");
  for (let i = 0; i < 250; i++) store.record(turn({ events: Array.from({ length: 50 }, () => newEvent("a")) }));
  other.run("ROLLBACK");
  other.close();
  now = 1001;
  store.set("go", "on");
  const ids = store.events({ limit: 1e6 }).map((row) => row.id);
  expect(ids.at(-1)).toBe(12_500);
  expect(ids.length).toBeGreaterThanOrEqual(10_000);
  expect(ids.length).toBeLessThanOrEqual(11_000);
  expect(store.condition.notes).toEqual([`${12_500 - ids.length} rows of history were lost while the database could not be written`]);
  store.close();
});

test.skipIf(!canMount())("a daemon that restarts while the disk is full still reads its state", () => {
  using dir = smallDisk();
  const path = join(dir.path, "sup.db");
  const first = mustOpen(path);
  first.record(turn({ memories: [{ kind: "unit", id: "web", memory: "1" }] }));
  first.close();
  expect(() => writeFileSync(join(dir.path, "ballast"), Buffer.alloc(1 << 20))).toThrow("ENOSPC");
  expect(readFileSync(path).length).toBeGreaterThan(0);
  let now = 0;
  const store = mustOpen(path, { clock: { wallMs: () => 0, monotonicMs: () => now } });
  expect(store.memories()).toEqual([{ kind: "unit", id: "web", memory: "1" }]);
  expect(store.record(turn({ events: [newEvent("web")] })).length).toBe(1);
  expect(store.condition.ok).toBe(false);
  truncateSync(join(dir.path, "ballast"), 0);
  now = 2000;
  store.record(turn({ events: [newEvent("web")] }));
  expect(store.condition).toMatchObject({ ok: true, notes: [] });
  const other = new Database(path, { readonly: true });
  expect(other.query("SELECT count(*) AS n FROM supervisor_events").get()).toEqual({ n: 2 });
  other.close();
  store.close();
});

for (const [what, ruin, note] of [
  ["deleted", (path: string) => rmSync(path), "was deleted by another program"],
  ["deleted with its log", (path: string) => ["", "-wal", "-shm"].forEach((end) => rmSync(path + end)), "was deleted by another program"],
  ["replaced", (path: string) => (rmSync(path), writeFileSync(path, "no database")), "replaced by another program"],
] as const) {
  test(`a database that is ${what} while it is open is written anew from what is known, and that is reported`, () => {
    using dir = tempDir();
    const path = join(dir.path, "sup.db");
    let nowMs = 0;
    const store = mustOpen(path, { clock: { wallMs: () => Date.UTC(2026, 10, 22), monotonicMs: () => nowMs } });
    store.setEnabled("on", true);
    store.setEnabled("off", false);
    store.set("key", "value");
    store.record({ memories: [{ kind: "unit", id: "on", memory: "restarts: 7" }] });
    ruin(path);
    nowMs = 2000; // the file is looked at once a second
    store.record(turn({ events: [newEvent("on")] }));
    expect(store.condition.notes.join()).toContain(note);
    store.close();
    const next = mustOpen(path);
    expect(next.enablements()).toEqual(new Map([["on", true], ["off", false]])); // prettier-ignore
    expect(next.get("key")).toBe("value");
    expect(next.memories()).toEqual([{ kind: "unit", id: "on", memory: "restarts: 7" }]);
    expect(next.events({ limit: 10 }).length).toBe(1);
    next.close();
  });
}

for (const [what, suffixes] of [
  ["the write-ahead log", ["-wal"]],
  ["its index", ["-shm"]],
  ["the write-ahead log and its index", ["-wal", "-shm"]],
] as const)
  test(`${what} of the database was deleted while it was open: noticed, made again, and nothing is lost`, () => {
    using dir = tempDir();
    const path = join(dir.path, "sup.db");
    let now = 0;
    const store = mustOpen(path, { clock: { wallMs: () => 0, monotonicMs: () => now } });
    const record = (memory: string): void => {
      store.record(turn({ events: [newEvent("web")], memories: [{ kind: "unit", id: "web", memory }] }));
      now += 1000;
    };
    record("1");
    record("2");
    expect(store.condition.notes).toEqual([]);
    for (const suffix of suffixes) rmSync(path + suffix);
    if (suffixes.length === 1) writeFileSync(path + suffixes[0], "not a log"); // by the program that deleted it
    record("3");
    expect(store.condition.notes).toEqual([expect.stringMatching(/sup\.db-(wal|shm).* was deleted by another program.*nothing is lost/)]);
    record("4");
    // Another process sees everything, in the files that are there now.
    const other = new Database(path, { readonly: true });
    expect(other.query("SELECT memory FROM supervisor_memory").all()).toEqual([{ memory: "4" }]);
    expect(other.query("SELECT count(*) AS n FROM supervisor_events").get()).toEqual({ n: 4 });
    other.close();
    expect(store.condition.notes.length).toBe(1);
    store.close();
  });
