/** Damage to the database, and its effects on services and their supervision. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Alert, DaemonInfo } from "../../../src/api/contract/shapes.ts";
import { SUP, startDaemon, type Daemon } from "../../harness/daemon.ts";
import { alive } from "../../harness/processes.ts";
import { run } from "../../harness/run.ts";
import { sleeper, worker } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const notesOf = async (daemon: Daemon): Promise<string> => ((await daemon.json("daemon", "status")) as DaemonInfo).notes.join("\n");

function smash(path: string, from: number, to: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(to - from, 0xa5), 0, to - from, from);
  closeSync(fd);
}

const clear = (state: string): void => {
  for (const name of readdirSync(state).filter((one) => one.startsWith("sup.db"))) rmSync(join(state, name), { recursive: true });
};

const losses: Array<[what: string, lose: (state: string, db: string) => void]> = [
  ["is empty", (state, db) => (clear(state), writeFileSync(db, ""))],
  ["is missing", (state) => clear(state)],
  ["was replaced by a directory", (state, db) => (clear(state), mkdirSync(db))],
  ["holds random bytes", (state, db) => (clear(state), writeFileSync(db, Buffer.alloc(20_000, 0x5a)))],
  ["has a damaged log", (_, db) => smash(`${db}-wal`, 4096, statSync(`${db}-wal`).size)],
  ["has a damaged index of its log", (_, db) => smash(`${db}-shm`, 0, 32_768)],
  ["is truncated", (_, db) => truncateSync(db, 2000)],
];

test.each(losses)(
  "after a crash of the daemon the database %s: running services continue, are adopted, and run only once",
  async (_, lose) => {
    const units = { web: worker({ enabled: true, health_check: { type: "process", interval: 1 } }), byhand: sleeper(), off: sleeper() };
    await using daemon = await startDaemon({ units: { ...units, "many@": sleeper() } });
    expect((await daemon.sup("start", "byhand", "many@7")).code).toBe(0);
    const ids = ["web", "byhand", "many@7"];
    const pids = await Promise.all(ids.map(async (id) => (await daemon.reaches(id, "running")).pid!));
    await daemon.crash();
    const state = join(daemon.home, "state");
    lose(state, join(state, "sup.db"));
    await daemon.start();
    for (const [i, id] of ids.entries()) expect(await daemon.reaches(id, "running")).toMatchObject({ pid: pids[i]! });
    expect((await daemon.service("off")).state).toBe("stopped");
    expect((await daemon.reaches("web", ({ health }) => health === "healthy")).uptime_seconds).toBeGreaterThan(0);
    process.kill(pids[0]!, "SIGKILL");
    await daemon.reaches("web", ({ state: now, restart_count }) => now === "running" && restart_count === 1);
    expect((await daemon.sup("stop", "byhand")).code).toBe(0);
    expect(alive(pids[1]!)).toBe(false);
  },
);

test("after a crash with an older database and without the secret of the runtime directory, later runs are still adopted", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }), byhand: sleeper() } });
  const first = (await daemon.reaches("web", "running")).pid;
  const state = join(daemon.home, "state");
  const copy = join(daemon.home, "copy.db");
  {
    using db = new Database(join(state, "sup.db"));
    db.run("VACUUM INTO ?", [copy]);
  }
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  expect((await daemon.sup("start", "byhand")).code).toBe(0);
  const pids = await Promise.all(["web", "byhand"].map(async (id) => (await daemon.reaches(id, "running")).pid!));
  expect(pids).not.toContain(first);
  await daemon.crash();
  clear(state);
  renameSync(copy, join(state, "sup.db"));
  rmSync(join(daemon.home, "run/invocations"));
  await daemon.start();
  expect((await daemon.reaches("web", "running")).pid).toBe(pids[0]!);
  expect((await daemon.reaches("byhand", "running")).pid).toBe(pids[1]!);
});

test("after an orderly shutdown, losing the database loses only history", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }) } });
  const { pid } = await daemon.reaches("web", "running");
  await daemon.stop();
  clear(join(daemon.home, "state"));
  await daemon.start();
  expect((await daemon.reaches("web", "running")).pid).not.toBe(pid);
  expect(await notesOf(daemon)).toBe("");
});

test("the database is overwritten while the daemon runs: services continue, even when the daemon then crashes", async () => {
  await using daemon = await startDaemon({
    units: { web: sleeper({ enabled: true }), other: sleeper() },
    settings: { metrics: { interval: 0.5 } },
  });
  const { pid } = await daemon.reaches("web", "running");
  const db = join(daemon.home, "state/sup.db");
  for (let i = 0; i < 60; i++) await daemon.api("/api/supervisor/services/other/restart", { method: "POST" });
  const other = new Database(db);
  other.run("PRAGMA wal_checkpoint(TRUNCATE)");
  smash(db, 4096, statSync(db).size);
  other.close();
  const restart = async (): Promise<boolean> => {
    expect((await daemon.sup("restart", "other")).code).toBe(0);
    return (await notesOf(daemon)).includes("set aside as");
  };
  await until(restart, { what: "the daemon to notice", timeoutMs: 20_000 });
  expect((await daemon.service("web")).pid).toBe(pid!);
  expect(readdirSync(join(daemon.home, "state")).join()).toMatch(/sup\.db\.damaged-\d{8}T\d{6}Z/);
  const seen = async (): Promise<Alert | undefined> =>
    ((await daemon.json("alerts")) as Alert[]).find(({ alert_type }) => alert_type === "store-loss");
  expect(await until(seen, { what: "the alert" })).toMatchObject({ service_id: null, severity: "warning" });
  await daemon.crash();
  await daemon.start();
  expect((await daemon.reaches("web", "running")).pid).toBe(pid!);
});

test("a database of a newer sup: the daemon does not start, says what to do, and changes nothing", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper() } });
  await daemon.stop();
  const path = join(daemon.home, "state/sup.db");
  const db = new Database(path);
  db.run("PRAGMA user_version = 99");
  db.close();
  const before = readFileSync(path);
  const { code, stderr } = await run([SUP, "daemon"], { env: daemon.env, cwd: daemon.home });
  expect(code).toBe(1);
  expect(stderr).toMatch(/its schema is version 99, and this sup supports up to \d+: use the newer sup, or move the file away/);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("processes that read and lock the database block nothing: units start and stop, and the API answers", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) }, settings: { metrics: { interval: 0.5 } } });
  await daemon.reaches("web", "running");
  const other = new Database(join(daemon.home, "state/sup.db"));
  const answers = async (): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < 60; i++) {
      const began = performance.now();
      await (await daemon.api("/api/supervisor/status")).json();
      times.push(performance.now() - began);
    }
    // Most of them: the machine itself may slow down the others.
    return times.toSorted((a, b) => a - b)[10]!;
  };
  other.run("BEGIN");
  other.query("SELECT count(*) FROM supervisor_metrics").get();
  expect(await answers()).toBeLessThan(50);
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  expect(await notesOf(daemon)).toBe("");
  other.run("COMMIT");

  other.run("BEGIN IMMEDIATE");
  expect((await daemon.sup("restart", "web")).code).toBe(0);
  await until(async () => (await notesOf(daemon)).includes("locked by another process"), { what: "the status to say so" });
  expect(await answers()).toBeLessThan(50);
  const { pid } = await daemon.service("web");
  other.run("COMMIT");
  other.close();
  await until(async () => (await notesOf(daemon)) === "", { what: "the store to be written again" });
  const events = (await daemon.json("events", "web", "-n", "100")) as Array<{ message: string }>;
  expect(events.some(({ message }) => message.includes(`pid ${pid}`))).toBe(true);
});

test("a database that is deleted while the daemon runs is written anew: enablement and states survive the next crash, and the status says so", async () => {
  await using daemon = await startDaemon({ units: { on: sleeper(), off: sleeper({ enabled: true }) } });
  expect((await daemon.sup("enable", "on", "--now")).code).toBe(0);
  expect((await daemon.sup("disable", "off", "--now")).code).toBe(0);
  const { pid } = await daemon.reaches("on", "running");
  for (const file of readdirSync(daemon.home, { recursive: true, encoding: "utf8" }))
    if (/(^|\/)sup\.db/.test(file)) rmSync(join(daemon.home, file));
  await until(async () => (await notesOf(daemon)).includes("was deleted by another program"), {
    what: "the note",
    explain: () => notesOf(daemon),
  });
  await daemon.crash();
  await daemon.start();
  expect(await daemon.service("on")).toMatchObject({ state: "running", pid, enabled: true });
  expect(await daemon.service("off")).toMatchObject({ state: "stopped", enabled: false });
});

test("the write-ahead log of the database is deleted while the daemon runs: the status says so, and states survive the next crash", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }), db: sleeper() } });
  await daemon.reaches("web", "running");
  rmSync(join(daemon.home, "state/sup.db-wal"));
  expect((await daemon.sup("start", "db")).code).toBe(0);
  expect((await daemon.sup("disable", "web")).code).toBe(0);
  await until(
    async () => {
      await daemon.sup("enable", "db"); // something to write
      return (await notesOf(daemon)).includes("sup.db-wal was deleted by another program");
    },
    { what: "the note" },
  );
  expect((await daemon.sup("stop", "web")).code).toBe(0);
  const { pid } = await daemon.service("db");
  await daemon.crash();
  await daemon.start();
  expect(await daemon.service("db")).toMatchObject({ state: "running", pid });
  expect(await daemon.service("web")).toMatchObject({ state: "stopped", enabled: false });
  expect((await daemon.sup("events", "db")).stdout).toContain("started");
});
