/** Retention of logs, and what sup reports about lost output. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { flood, sleeper } from "../../harness/services.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

const DAY = 86_400_000;
const OFTEN = { metrics: { interval: 0.5 } };

/** Writes an old log file with one record. */
function leave(home: string, name: string, daysAgo: number, bytes = 0): void {
  const directory = join(home, "logs");
  mkdirSync(directory, { recursive: true });
  const at = Date.now() - daysAgo * DAY;
  const record = `${new Date(at).toISOString().slice(0, 23)}000000Z stdout F old\n`;
  writeFileSync(join(directory, name), bytes === 0 ? record : Buffer.alloc(bytes, record));
  utimesSync(join(directory, name), at / 1000, at / 1000);
}

test("age applies to logs of a unit that does not run, and of removed units", async () => {
  using home = tempDir();
  leave(home.path, "idle.log", 5);
  leave(home.path, "idle.log.1", 8);
  leave(home.path, "gone.log", 31);
  leave(home.path, "gone.log.1.zst", 32);
  leave(home.path, "run-12345678.log", 29);
  leave(home.path, "broken.log", 99);
  const log = { max_age_days: 4, compress: false };
  const units = { idle: sleeper({ log: { ...log, max_age_days: 7 } }), older: sleeper({ log }), broken: "{" };
  leave(home.path, "older.log", 4.5);
  utimesSync(join(home.path, "logs/older.log"), Date.now() / 1000, Date.now() / 1000); // old first record, modified just now
  await using daemon = await startDaemon({ home: home.path, units, settings: { ...OFTEN, logs: { retention_days: 30 } } });
  const names = (): string[] => readdirSync(join(home.path, "logs")).filter((name) => !name.startsWith("sup.log")).toSorted(); // prettier-ignore
  const expected = ["broken.log", "idle.log", "older.log.1", "run-12345678.log"];
  await until(() => Bun.deepEquals(names(), expected), { what: "what is old to be gone", explain: () => names().join(" ") });
  const [event] = await eventsOf(daemon, "", "logs-deleted");
  expect(event).toMatchObject({ service_id: null, details: { why: "gone", files: 2, units: ["gone"] } });
  expect(event!.message).toStartWith("2 log files were deleted (");
  expect((await daemon.sup("logs", "older", "--bare")).stdout).toBe("old\n");
});

test("logs.max_total_mb limits all logs together, rotated files included", async () => {
  using home = tempDir();
  const settings = { ...OFTEN, logs: { max_total_mb: 3 } };
  leave(home.path, "gone.log", 1, 1 << 20);
  const log = { max_size_mb: 0.5, keep: 20, compress: false };
  await using daemon = await startDaemon({ home: home.path, settings, units: { flood: flood(200_000, { log }) } });
  const total = (): number => readdirSync(join(home.path, "logs")).reduce((sum, name) => sum + (statSync(join(home.path, "logs", name), { throwIfNoEntry: false })?.size ?? 0), 0); // prettier-ignore
  expect(existsSync(join(home.path, "logs/gone.log"))).toBe(true);
  await daemon.sup("start", "flood");
  await until(() => daemon.log("flood").includes(" F 200000\n"), { what: "all lines to be written" }); // 9 MB
  await until(() => total() < 3.2 * (1 << 20), { what: "the bound to hold", explain: () => String(total()) });
  expect(existsSync(join(home.path, "logs/gone.log"))).toBe(false);
  const events = await until(async () => (await eventsOf(daemon, "", "logs-deleted")).length > 0 && eventsOf(daemon, "", "logs-deleted"), { what: "the event" }); // prettier-ignore
  expect(events[0]!.details).toMatchObject({ why: "bound" });
  expect((await daemon.sup("logs", "flood", "-n", "1", "--bare")).stdout).toBe("200000\n");
});

test("an endless flood over log.rate_limit is reported in the log, in the events and by the status, without an alert", async () => {
  const endless = { command: "seq", args: ["1", "inf"], enabled: true, log: { rate_limit: 20_000 } };
  await using daemon = await startDaemon({ units: { endless }, settings: OFTEN });
  await daemon.reaches("endless", "running");
  const [event] = await until(async () => [await eventsOf(daemon, "endless", "log-limited")].find(({ length }) => length > 0), { what: "the event" }); // prettier-ignore
  expect(event!.message).toMatch(/^dropping output, \d+ lines \(\d+ bytes\) so far: log\.rate_limit is 20000 bytes a second$/);
  expect(event!.details).toMatchObject({ why: "limit", over: false });
  await until(() => / stderr F \[sup\] \d+ lines \(\d+ bytes\) of stdout were dropped by log\.rate_limit\n/.test(daemon.log("endless")), { what: "the line in the log" }); // prettier-ignore
  const { stdout } = await daemon.sup("status", "endless");
  expect(stdout).toMatch(
    /Not logged: \d+ lines \(\d+ bytes\) dropped since .*: log\.rate_limit is 20000 bytes a second; still losing lines/,
  );
  expect(await daemon.json("alerts")).toEqual([]);
  const metrics = await (await daemon.api("/metrics")).text();
  expect(metrics).toMatch(/^sup_unit_log_missing_lines_total\{unit="endless",why="limit"\} [1-9]\d*$/m);
});

test("a log that another program deletes or moves is created again by the next line a second later", async () => {
  const ticks = { command: "/bin/sh", args: ["-c", "while :; do echo tick; sleep 0.1; done"], enabled: true };
  await using daemon = await startDaemon({ units: { ticks } });
  const path = join(daemon.home, "logs/ticks.log");
  await until(() => existsSync(path) && daemon.log("ticks").includes(" F tick\n"), { what: "the log" });
  rmSync(path);
  await until(() => existsSync(path) && daemon.log("ticks").includes("[sup] another program deleted or moved the file of this log; this is a new one\n"), { what: "a new one" }); // prettier-ignore
  await until(() => daemon.log("ticks").includes(" F tick\n"), { what: "the service to go on in it" });
});
