import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LogOptions } from "../../../src/adapters/logs/options.ts";
import type { DeletedLogs } from "../../../src/ports/logs.ts";
import { LogKit, logSpec, parseStrictly, until } from "./kit.ts";

const DAY = 86_400_000;

class AgeKit extends LogKit {
  readonly deleted: DeletedLogs[];

  constructor(more: Partial<LogOptions> = {}) {
    const deleted: DeletedLogs[] = [];
    super({ onDeleted: (one) => deleted.push(one), ...more });
    this.deleted = deleted;
  }

  get names(): string[] {
    return readdirSync(this.logDir).toSorted();
  }

  /** Writes a file of one record, or of that many bytes, last modified that many days ago. */
  put(name: string, daysAgo: number, bytes = 0): void {
    const at = Date.now() - daysAgo * DAY;
    const text = `${new Date(at).toISOString().slice(0, 23)}000000Z stdout F x\n`;
    writeFileSync(join(this.logDir, name), bytes > 0 ? Buffer.alloc(bytes, text) : text);
    utimesSync(join(this.logDir, name), at / 1000, at / 1000);
  }
}

test("a file whose first record exceeds the age is rotated, even if it is written to all the time", async () => {
  let now = Date.now();
  await using kit = new AgeKit({ clock: { wallMs: () => now, monotonicMs: () => now } });
  const spec = logSpec({ maxAgeMs: 7 * DAY });
  kit.logs.open("web", spec);
  for (let day = 0; day <= 7; day++) {
    kit.logs.note("web", `day ${day}`);
    kit.logs.tidy(() => spec);
    expect(kit.names).toEqual(day < 7 ? ["web.log"] : ["web.log.1"]);
    now += DAY;
  }
  kit.logs.note("web", "day 8");
  kit.logs.tidy(() => spec);
  expect(readFileSync(join(kit.logDir, "web.log"), "latin1")).toEndWith("[sup] day 8\n");
  expect(kit.logs.read("web", {}).length).toBe(9);
});

test("age also applies to files of a unit that does not run and was never opened; young files stay", async () => {
  await using kit = new AgeKit();
  kit.put("idle.log", 8);
  kit.put("idle.log.1", 6);
  kit.put("idle.log.2.zst", 9);
  kit.put("young.log", 6);
  kit.logs.tidy(() => logSpec({ maxAgeMs: 7 * DAY }));
  // Last written 8 days ago: it is rotated, and then deleted for its age.
  expect(kit.names).toEqual(["idle.log.2", "young.log"]);
  kit.logs.tidy(() => logSpec({ maxAgeMs: null }));
  expect(kit.names).toEqual(["idle.log.2", "young.log"]);
});

test("the age of a raw log is the age of its file", async () => {
  let now = Date.now();
  await using kit = new AgeKit({ clock: { wallMs: () => now, monotonicMs: () => now } });
  writeFileSync(join(kit.logDir, "web.log"), "no stamp\n");
  const spec = logSpec({ format: "raw", maxAgeMs: 2 * DAY });
  now += DAY;
  kit.logs.tidy(() => spec);
  expect(kit.names).toEqual(["web.log"]);
  now += 1.1 * DAY;
  utimesSync(join(kit.logDir, "web.log"), now / 1000, now / 1000); // last modified just now
  kit.logs.tidy(() => spec);
  expect(kit.names).toEqual(["web.log.1"]);
});

test("rotation by age loses no line", async () => {
  let now = Date.now();
  await using kit = new AgeKit({ clock: { wallMs: () => now, monotonicMs: () => now } });
  const spec = logSpec({ maxAgeMs: 3 * DAY, keep: 100 });
  kit.logs.open("web", spec);
  const child = kit.run("web", ["sh", "-c", "while read n; do echo $n; done"], { stdin: "pipe" });
  for (let n = 1; n <= 20; n++) {
    void (child.stdin as Bun.FileSink).write(`${n}\n`);
    await (child.stdin as Bun.FileSink).flush();
    await until(`line ${n}`, () => kit.logs.tail("web", 1)[0]?.text === String(n));
    now += n < 19 ? DAY / 4 : 0;
    kit.logs.tidy(() => spec);
  }
  void (child.stdin as Bun.FileSink).end();
  await child.exited;
  expect(kit.names.length).toBeGreaterThan(1);
  expect(parseStrictly(kit.bytes("web")).stdout.toString()).toBe(Array.from({ length: 20 }, (_, i) => `${i + 1}\n`).join(""));
});

test("logs of removed units are deleted after their retention, and reported; other files are left alone", async () => {
  await using kit = new AgeKit({ retention: { maxTotalBytes: null, goneMs: 30 * DAY } });
  for (const name of ["run-1.log", "run-1.log.1.zst", "run-2.log.1.gz", "web.log", "broken.log", "sup.log", "notes.txt", "web.log.old", "run-3.log-20250101"]) kit.put(name, 31); // prettier-ignore
  kit.put("run-3.log", 29);
  mkdirSync(join(kit.logDir, "dir.log"));
  const specOf = (unit: string): ReturnType<typeof logSpec> | null | undefined =>
    unit === "web" ? logSpec() : unit === "broken" ? null : undefined;
  kit.logs.tidy(specOf);
  expect(kit.names).toEqual(["broken.log", "dir.log", "notes.txt", "run-3.log", "run-3.log-20250101", "sup.log", "web.log", "web.log.old"]);
  expect(kit.deleted).toMatchObject([{ why: "gone", files: 3, units: ["run-1", "run-2"] }]);
  kit.logs.tidy(specOf);
  expect(kit.deleted.length).toBe(1);
});

test("a run of the same name between two scans makes a log young again", async () => {
  let now = Date.now();
  await using kit = new AgeKit({
    retention: { maxTotalBytes: null, goneMs: 30 * DAY },
    clock: { wallMs: () => now, monotonicMs: () => now },
  });
  kit.put("job.log", 29);
  kit.put("other.log", 29);
  kit.logs.tidy(() => undefined);
  kit.put("job.log", 0);
  now += 2 * DAY;
  kit.logs.tidy(() => undefined);
  expect(kit.names).toEqual(["job.log"]);
  now += 29 * DAY;
  kit.logs.tidy(() => undefined);
  expect(kit.names).toEqual([]);
});

test("without a setting no log of a removed unit is deleted", async () => {
  await using kit = new AgeKit();
  kit.put("run-1.log", 10_000);
  kit.logs.tidy(() => undefined);
  expect(kit.names).toEqual(["run-1.log"]);
});

test("all logs together stay within their limit: logs of removed units are deleted first, then rotated files, oldest first", async () => {
  const maxTotalBytes = 1_000_000;
  await using kit = new AgeKit({ retention: { maxTotalBytes, goneMs: Infinity } });
  const spec = logSpec({ keep: 9 });
  kit.put("gone.log", 1, 100_000);
  kit.put("web.log", 0, 200_000);
  for (let n = 1; n <= 4; n++) kit.put(`web.log.${n}`, n, 200_000);
  kit.put("db.log", 0, 100_000);
  kit.put("db.log.1", 3.5, 100_000);
  const total = (): number => kit.names.reduce((sum, name) => sum + statSync(join(kit.logDir, name)).blocks * 512, 0);
  kit.logs.tidy((unit) => (unit === "gone" ? undefined : spec));
  expect(total()).toBeLessThanOrEqual(maxTotalBytes);
  expect(kit.names).toEqual(["db.log", "web.log", "web.log.1", "web.log.2", "web.log.3"].filter((name) => kit.names.includes(name)));
  expect(kit.names).not.toContain("gone.log");
  expect(kit.names).not.toContain("web.log.4");
  expect(kit.names).toContain("web.log.1");
  expect(kit.deleted).toMatchObject([{ why: "bound", units: ["gone", "web", "db"] }]);
  // The next rotation copes with the gap.
  kit.logs.open("web", spec);
  kit.logs.note("web", "more");
  expect(kit.logs.rotate("web")).toBe(true);
  expect(kit.problems).toEqual([]);
});

test("files in use are never deleted; exceeding the limit is reported once", async () => {
  await using kit = new AgeKit({ retention: { maxTotalBytes: 100_000, goneMs: Infinity } });
  kit.put("web.log", 0, 300_000);
  for (let i = 0; i < 3; i++) kit.logs.tidy(() => logSpec());
  expect(kit.names).toEqual(["web.log"]);
  expect(kit.problems).toEqual([expect.stringMatching(/the logs take \d+ bytes, more than logs.max_total_mb/)]);
});

test("a log has at most keep + 1 files of its size, even when much arrives at once or a line is longer than a file", async () => {
  await using kit = new AgeKit();
  for (const [format, command] of [
    ["cri", "seq 1 200000"],
    ["cri", "head -c 3000000 /dev/zero | tr '\\0' x"],
    ["raw", "seq 1 200000"],
  ] as const) {
    const unit = `u${kit.names.length}`;
    const maxSizeBytes = 100_000;
    kit.logs.open(unit, logSpec({ format, maxSizeBytes, keep: 2 }));
    await kit.run(unit, ["sh", "-c", command]).exited;
    kit.logs.endRun(unit);
    const files = kit.names.filter((name) => name.startsWith(`${unit}.`));
    expect(files.length).toBe(3);
    for (const name of files) expect(statSync(join(kit.logDir, name)).size).toBeLessThanOrEqual(maxSizeBytes);
    for (const name of files) rmSync(join(kit.logDir, name));
  }
});

test("a log that cannot be rotated is reported once, continues, and is rotated when possible", async () => {
  await using kit = new AgeKit();
  const spec = logSpec({ maxSizeBytes: 10_000, keep: 1 });
  kit.logs.open("web", spec);
  mkdirSync(join(kit.logDir, "web.log.1/full"), { recursive: true }); // cannot be replaced by a file
  for (let i = 0; i < 5; i++) await kit.run("web", ["seq", "1", "500"]).exited;
  kit.logs.endRun("web");
  expect(kit.problems.length).toBe(1);
  expect(kit.logs.condition("web").trouble).toContain("cannot rotate");
  rmSync(join(kit.logDir, "web.log.1"), { recursive: true });
  expect(kit.logs.rotate("web")).toBe(true);
  expect(kit.logs.condition("web").trouble).toBeNull();
  expect(parseStrictly(kit.bytes("web")).records).toBe(2500);
});
