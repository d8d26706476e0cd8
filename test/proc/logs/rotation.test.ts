import { expect, test } from "bun:test";
import { readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { grep, LogKit, logSpec, parseStrictly, until } from "./kit.ts";

const numbers = (bytes: Buffer): number[] => parseStrictly(bytes).stdout.toString().trim().split("\n").map(Number);
const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

test("rotation during full-speed writes loses no line, and no file exceeds its size", async () => {
  await using kit = new LogKit();
  const maxSizeBytes = 300_000;
  kit.logs.open("web", logSpec({ maxSizeBytes, keep: 1000 }));
  await kit.run("web", ["seq", "1", "200000"]).exited;
  kit.logs.endRun("web");
  const names = readdirSync(kit.logDir);
  expect(names.length).toBeGreaterThan(25);
  for (const name of names) expect(statSync(join(kit.logDir, name)).size).toBeLessThanOrEqual(maxSizeBytes);
  expect(numbers(kit.bytes("web"))).toEqual(counting(200_000));
  expect(kit.problems).toEqual([]);
});

test("manual rotation: the old file keeps its lines, new lines go to a new file; an empty file is not rotated", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({}));
  expect(kit.logs.rotate("web")).toBe(false);
  await kit.run("web", ["seq", "1", "5"]).exited;
  expect(kit.logs.rotate("web")).toBe(true);
  expect(kit.logs.rotate("web")).toBe(false);
  await kit.run("web", ["seq", "6", "9"]).exited;
  kit.logs.endRun("web");
  expect(numbers(readFileSync(join(kit.logDir, "web.log.1")))).toEqual(counting(5));
  expect(numbers(kit.bytes("web"))).toEqual(counting(9));
  expect(kit.problems).toEqual([]);
});

test("only `keep` rotated files are kept, the newest ones", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ maxSizeBytes: 10_000, keep: 2 }));
  await kit.run("web", ["seq", "1", "5000"]).exited;
  kit.logs.endRun("web");
  expect(readdirSync(kit.logDir).sort()).toEqual(["web.log", "web.log.1", "web.log.2"]);
  const kept = numbers(kit.bytes("web"));
  expect(kept).toEqual(counting(5000).slice(-kept.length));
  expect(kept.length).toBeGreaterThan(200);
});

test("with keep 0 there is only the current file", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ maxSizeBytes: 10_000, keep: 0 }));
  await kit.run("web", ["seq", "1", "5000"]).exited;
  kit.logs.endRun("web");
  expect(readdirSync(kit.logDir)).toEqual(["web.log"]);
  expect(numbers(kit.bytes("web")).at(-1)).toBe(5000);
});

test.each([
  ["zstd", "zst", ["zstd", "-qt"]],
  ["gzip", "gz", ["gzip", "-t"]],
] as const)(
  "rotated files are compressed by %s in the background, its tool can read them, and reading goes through them",
  async (compress, ending, tool) => {
    await using kit = new LogKit();
    kit.logs.open("web", logSpec({ maxSizeBytes: 3_000_000, keep: 9, compress }));
    await kit.run("web", ["seq", "1", "150000"]).exited;
    kit.logs.endRun("web");
    await until("all rotated files to be compressed", () =>
      readdirSync(kit.logDir).every((name) => name === "web.log" || new RegExp(String.raw`\.\d\.${ending}$`).test(name)),
    );
    const newest = join(kit.logDir, `web.log.1.${ending}`);
    expect(readdirSync(kit.logDir)).toContain(`web.log.2.${ending}`);
    expect(statSync(newest).mode & 0o777).toBe(0o600);
    if (Bun.which(tool[0])) expect(Bun.spawnSync([...tool, newest]).exitCode).toBe(0);
    expect(numbers(kit.bytes("web"))).toEqual(counting(150_000));
    const some = kit.logs.read("web", { lines: 100_000 });
    expect(some.map((line) => Number(line.text))).toEqual(counting(150_000).slice(-100_000));
    expect(kit.logs.read("web", { grep: grep("^7$") }).map((line) => line.text)).toEqual(["7"]);
    expect(kit.problems).toEqual([]);
  },
);

test("a changed compression applies to the next rotation; compressed files stay as they are", async () => {
  await using kit = new LogKit();
  const names = (): string[] => readdirSync(kit.logDir).sort();
  const turn = async (compress: "zstd" | "gzip" | false, wanted: string[]): Promise<void> => {
    kit.logs.open("web", logSpec({ compress }));
    kit.logs.note("web", String(compress));
    kit.logs.rotate("web");
    await until(`${wanted.join(" ")} to be there`, () => names().join() === wanted.join());
  };
  await turn("zstd", ["web.log", "web.log.1.zst"]);
  await turn("gzip", ["web.log", "web.log.1.gz", "web.log.2.zst"]);
  await turn(false, ["web.log", "web.log.1", "web.log.2.gz", "web.log.3.zst"]);
  expect(kit.logs.read("web", {}).map((line) => line.text)).toEqual(["[sup] zstd", "[sup] gzip", "[sup] false"]);
  kit.logs.tidy(() => logSpec({ keep: 1 }));
  expect(names()).toEqual(["web.log", "web.log.1"]);
});

test("a log keeps rotating while its older files are being compressed", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ maxSizeBytes: 400_000, keep: 1000, compress: "gzip" }));
  const script = "i=0; while [ $i -lt 12 ]; do seq $((i * 20000 + 1)) $((i * 20000 + 20000)); i=$((i + 1)); sleep 0.1; done";
  await kit.run("web", ["sh", "-c", script]).exited;
  kit.logs.endRun("web");
  expect(numbers(kit.bytes("web"))).toEqual(counting(240_000));
  await until("all rotated files to be compressed", () =>
    readdirSync(kit.logDir).every((name) => name === "web.log" || name.endsWith(".gz")),
  );
  expect(numbers(kit.bytes("web"))).toEqual(counting(240_000));
  expect(kit.problems).toEqual([]);
}, 20_000);

test.each(["zstd", "gzip"] as const)("compression by %s that a crash interrupted is cleaned up and repeated", async (compress) => {
  await using kit = new LogKit();
  const ending = compress === "zstd" ? "zst" : "gz";
  const pack = compress === "zstd" ? Bun.zstdCompressSync : Bun.gzipSync;
  const line = (n: number): string => `2026-11-22T20:01:02.000000000Z stdout F ${n}\n`;
  const path = (name: string): string => join(kit.logDir, name);
  writeFileSync(path("web.log.3"), line(1)); // its compressed copy is complete
  writeFileSync(path(`web.log.3.${ending}`), pack(Buffer.from(line(1))));
  writeFileSync(path("web.log.2"), line(2)); // was being compressed
  writeFileSync(path("web.log.zst.unfinished"), "half a file");
  writeFileSync(path("web.log.gz.unfinished"), pack(Buffer.from(line(2))).subarray(0, 15));
  writeFileSync(path("web.log"), `${line(3)}2026-11-22T20:01`); // as after a power failure
  kit.logs.open("web", logSpec({ compress }));
  kit.logs.note("web", "next");
  expect(readdirSync(kit.logDir).sort()).toEqual(["web.log", "web.log.2", `web.log.3.${ending}`]);
  await until("the rest to be compressed", () => readdirSync(kit.logDir).includes(`web.log.2.${ending}`));
  const texts = kit.logs.read("web", {}).map((one) => one.text);
  expect(texts).toEqual(["1", "2", "3", "2026-11-22T20:01", "[sup] next"]);
});

test("files beyond `keep` or their age are deleted", async () => {
  await using kit = new LogKit();
  for (let n = 1; n <= 6; n++) {
    const path = join(kit.logDir, `web.log.${n}`);
    writeFileSync(path, "2026-11-22T20:01:02.000000000Z stdout F x\n");
    utimesSync(path, Date.now() / 1000 - n * 86_400, Date.now() / 1000 - n * 86_400);
  }
  kit.logs.tidy(() => logSpec({ keep: 5, maxAgeMs: 3.5 * 86_400_000 }));
  expect(readdirSync(kit.logDir).sort()).toEqual(["web.log.1", "web.log.2", "web.log.3"]);
  kit.logs.tidy(() => logSpec({ keep: 2 }));
  expect(readdirSync(kit.logDir).sort()).toEqual(["web.log.1", "web.log.2"]);
});

test("a log that another program deleted or moved is created again within a second", async () => {
  let now = Date.now();
  await using kit = new LogKit({ clock: { wallMs: () => now, monotonicMs: () => now } });
  const path = join(kit.logDir, "web.log");
  kit.logs.open("web", logSpec());
  kit.logs.note("web", "one");
  rmSync(path);
  now += 1000;
  kit.logs.note("web", "two");
  expect(readFileSync(path, "latin1")).toContain("[sup] two");
  await until("the problem to be reported", () => kit.problems.length === 1);
  renameSync(path, join(kit.logDir, "elsewhere"));
  now += 1000;
  kit.logs.note("web", "three");
  await until("the new files to say so", () => kit.logs.read("web", {}).length === 2);
  const words = "[sup] another program deleted or moved the file of this log; this is a new one";
  expect(kit.logs.read("web", {}).map((line) => line.text)).toEqual(["[sup] three", words]);
  expect(kit.problems).toEqual([expect.stringContaining("web.log was deleted or moved"), expect.stringContaining("web.log was deleted or moved")]); // prettier-ignore
});

test("a log that another program truncates continues at its new end, and its new size counts", async () => {
  let now = Date.now();
  await using kit = new LogKit({ clock: { wallMs: () => now, monotonicMs: () => now } });
  const path = join(kit.logDir, "web.log");
  kit.logs.open("web", logSpec({ maxSizeBytes: 1000 }));
  for (let i = 0; i < 10; i++) kit.logs.note("web", `line ${i} ${"x".repeat(40)}`);
  truncateSync(path, 0);
  now += 1000;
  for (let i = 0; i < 5; i++) kit.logs.note("web", `more ${i}`);
  expect(readdirSync(kit.logDir)).toEqual(["web.log"]);
  expect(parseStrictly(readFileSync(path)).records).toBe(5);
});

test("timestamps never go back, even when the clock does", async () => {
  let now = Date.UTC(2026, 10, 22, 20, 1, 2, 345) + 0.25;
  await using kit = new LogKit({ clock: { wallMs: () => now, monotonicMs: () => 0 } });
  kit.logs.open("web", logSpec());
  kit.logs.note("web", "one");
  now -= 3_600_000;
  kit.logs.note("web", "two");
  const times = kit.logs.read("web", {}).map((line) => line.time);
  expect(times).toEqual(["2026-11-22T20:01:02.345250000Z", "2026-11-22T20:01:02.345250000Z"]);
});
