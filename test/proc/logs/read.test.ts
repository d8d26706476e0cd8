import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipMember } from "../../../src/adapters/logs/files/gzip.ts";
import { readLog, searchLog } from "../../../src/adapters/logs/read/search.ts";
import { SearchMemory, Turns } from "../../../src/adapters/logs/read/turns.ts";
import type { LogQuery } from "../../../src/ports/logs.ts";
import { tempDir } from "../../harness/temp.ts";
import { grep } from "./kit.ts";

class Files {
  readonly #temp = tempDir();
  readonly path = this.#temp.path;
  write(name: string, bytes: string | Uint8Array): void {
    writeFileSync(join(this.path, name), bytes);
  }
  texts(query: LogQuery = {}): string[] {
    return readLog(this.path, "web.log", query).map((line) => line.text);
  }
  [Symbol.dispose](): void {
    this.#temp[Symbol.dispose]();
  }
}

const record = (second: number, text: string, stream = "stdout", tag = "F"): string =>
  `2026-11-22T20:00:${String(second).padStart(2, "0")}.500000000Z ${stream} ${tag} ${text}\n`;
const at = (second: number, ms = 500): number => Date.UTC(2026, 10, 22, 20, 0, second, ms);

test("lines, since, until, stream and grep", () => {
  using files = new Files();
  files.write("web.log.1", [0, 1, 2].map((n) => record(n, `old ${n}`)).join(""));
  files.write("web.log", [3, 4, 5].map((n) => record(n, `new ${n}`, n === 4 ? "stderr" : "stdout")).join(""));
  expect(files.texts()).toEqual(["old 0", "old 1", "old 2", "new 3", "new 4", "new 5"]);
  expect(files.texts({ lines: 4 })).toEqual(["old 2", "new 3", "new 4", "new 5"]);
  expect(files.texts({ lines: 0 })).toEqual([]);
  expect(files.texts({ sinceMs: at(2) })).toEqual(["old 2", "new 3", "new 4", "new 5"]);
  expect(files.texts({ sinceMs: at(2) + 1, untilMs: at(4) })).toEqual(["new 3", "new 4"]);
  expect(files.texts({ untilMs: at(4) - 1, lines: 2 })).toEqual(["old 2", "new 3"]);
  expect(files.texts({ stream: "stderr" })).toEqual(["new 4"]);
  expect(files.texts({ grep: grep("[15]$") })).toEqual(["old 1", "new 5"]);
  expect(files.texts({ grep: grep("o"), lines: 1 })).toEqual(["old 2"]);
  expect(files.texts({ sinceMs: Number.POSITIVE_INFINITY })).toEqual([]);
});

test("a missing log has no lines", () => {
  using files = new Files();
  expect(files.texts()).toEqual([]);
  expect(readLog(join(files.path, "none"), "web.log", {})).toEqual([]);
});

test("lines are returned whole wherever blocks and frames cut them", () => {
  using files = new Files();
  const wanted = Array.from({ length: 3000 }, (_, i) => `${i} ${"é".repeat((i * 7919) % 400)}`);
  const bytes = Buffer.from(wanted.map((text) => record(1, text)).join(""));
  expect(bytes.length).toBeGreaterThan(4 * 256 * 1024);
  const half = bytes.indexOf(10, bytes.length / 2) + 1;
  const frames: Uint8Array[] = [];
  for (let from = 0; from < half; from += 77_777) frames.push(Bun.zstdCompressSync(bytes.subarray(from, Math.min(half, from + 77_777))));
  files.write("web.log.1.zst", Buffer.concat(frames));
  files.write("web.log", bytes.subarray(half));
  expect(files.texts()).toEqual(wanted);
  expect(files.texts({ lines: 2 })).toEqual(wanted.slice(-2));
});

test("until finds its position in a big file without reading newer lines", () => {
  using files = new Files();
  const stamp = (n: number): string => new Date(at(0) + n).toISOString().replace("Z", "000000Z");
  const lines = Array.from({ length: 60_000 }, (_, n) => `${stamp(n)} stdout F ${n} ${"x".repeat((n * 7919) % 300)}\n`);
  files.write("web.log", lines.join(""));
  for (const n of [0, 1, 17, 29_999, 30_000, 45_678, 59_998, 59_999]) {
    const got = files.texts({ untilMs: at(0) + n, lines: 2 }).map((text) => parseInt(text, 10));
    expect(got).toEqual([n - 1, n].filter((one) => one >= 0));
  }
  expect(files.texts({ untilMs: at(0) - 1 })).toEqual([]);
  const fewest = (untilMs: number): number => {
    const before = bytesRead();
    files.texts({ untilMs, lines: 1 });
    return bytesRead() - before;
  };
  expect(fewest(at(0) + 10)).toBeLessThan(3_000_000); // of 12 MB
});

test.each(["zstd", "gzip"] as const)(
  "until in files compressed by %s: skips newer files, and reads only some blocks of the file that holds the time",
  async (kind) => {
    using files = new Files();
    const stamp = (n: number): string => new Date(at(0) + n).toISOString().replace("Z", "000000Z");
    const noise = new Bun.CryptoHasher("sha256");
    const line = (n: number): string =>
      `${stamp(n)} stdout F ${n} ${noise
        .update("x")
        .copy()
        .digest("hex")
        .repeat(1 + ((n * 7919) % 4))}\n`;
    const perFile = 20_000;
    for (let file = 0; file < 3; file++) {
      const bytes = Buffer.from(Array.from({ length: perFile }, (_, i) => line(file * perFile + i)).join(""));
      const blocks: Uint8Array[] = [];
      for (let from = 0; from < bytes.length; from += 300_000) {
        const text = bytes.subarray(from, from + 300_000);
        blocks.push(kind === "zstd" ? Bun.zstdCompressSync(text) : await gzipMember(text));
      }
      files.write(`web.log.${3 - file}.${kind === "zstd" ? "zst" : "gz"}`, Buffer.concat(blocks));
    }
    files.write("web.log", "");
    for (const n of [0, 1, 1500, 19_998, 19_999, 20_000, 20_001, 33_333, 59_998, 59_999]) {
      const got = files.texts({ untilMs: at(0) + n, lines: 2 }).map((text) => parseInt(text, 10));
      expect(got).toEqual([n - 1, n].filter((one) => one >= 0));
      const between = files.texts({ sinceMs: at(0) + n - 1, untilMs: at(0) + n }).map((text) => parseInt(text, 10));
      expect(between).toEqual([n - 1, n].filter((one) => one >= 0));
    }
    expect(files.texts({ untilMs: at(0) - 1 })).toEqual([]);
    const all = bytesRead();
    expect(files.texts({ grep: grep("^0 ") }).length).toBe(1);
    const before = bytesRead();
    files.texts({ untilMs: at(0) + 10, lines: 1 });
    expect(bytesRead() - before).toBeLessThan((before - all) / 4);
  },
);

/** Bytes that this process has read so far: proc(5), /proc/PID/io. */
const bytesRead = (): number => Number(/^rchar: (\d+)/m.exec(readFileSync("/proc/self/io", "latin1"))![1]);

test("a single-frame zstd file of another tool is readable, and a broken one has no lines", () => {
  using files = new Files();
  files.write("web.log.2.zst", Bun.zstdCompressSync(Buffer.from(record(0, "x".repeat(300)).repeat(5000)), { level: 19 }));
  files.write("web.log.1.zst", "no zstd file at all");
  files.write("web.log", record(5, "new"));
  expect(files.texts().length).toBe(5001);
});

test("gzip files of another tool, truncated ones, and files that are not gzip", () => {
  using files = new Files();
  const bytes = Bun.gzipSync(Buffer.from(Array.from({ length: 50_000 }, (_, n) => record(0, `${n} ${(n * 7919) % 1009}`)).join("")));
  files.write("web.log.4.gz", bytes);
  files.write("web.log.3.gz", Buffer.concat([Bun.gzipSync(record(1, "one")), Bun.gzipSync(record(2, "two"))]));
  files.write("web.log.2.gz", bytes.subarray(0, bytes.length / 2));
  files.write("web.log.1.gz", "no gzip file at all");
  files.write("web.log", record(5, "new"));
  const texts = files.texts();
  expect(texts.slice(49_999, 50_002).map((text) => text.split(" ")[0])).toEqual(["49999", "one", "two"]);
  expect(texts.length).toBeGreaterThan(60_000); // the lines in front of the cut are there
  expect(texts.length).toBeLessThan(90_000);
  expect(texts.at(-1)).toBe("new");
});

test("raw lines, empty lines, bad UTF-8 and a line without a newline", () => {
  using files = new Files();
  files.write("web.log.1", "first\n\n");
  files.write(
    "web.log",
    Buffer.concat([Buffer.from("\nbad \xff"), Buffer.from([0xff, 10]), Buffer.from(record(3, "", "stderr", "P")), Buffer.from("end")]),
  );
  const lines = readLog(files.path, "web.log", {});
  expect(lines.map((line) => line.text)).toEqual(["first", "", "", "bad ÿ\uFFFD", "", "end"]);
  expect(lines[0]).toEqual({ time: "", stream: "stdout", full: true, text: "first" });
  expect(lines[4]).toMatchObject({ stream: "stderr", full: false });
  expect(files.texts({ sinceMs: at(4) })).toEqual(["end"]);
});

test("an endless line is returned in pieces, and none of it is lost", () => {
  using files = new Files();
  const endless = Buffer.alloc(5 << 20, "x");
  files.write("web.log", Buffer.concat([Buffer.from("start\n"), endless, Buffer.from("\nend\n")]));
  const texts = files.texts();
  expect(texts[0]).toBe("start");
  expect(texts.at(-1)).toBe("end");
  expect(texts.slice(1, -1).join("")).toBe(endless.toString());
  for (const text of texts) expect(text.length).toBeLessThan(2 << 20);
});

test("lines, grep and since work on lines, not on their parts", () => {
  using files = new Files();
  const part = "x".repeat(16_384);
  files.write("web.log.1", record(1, "before") + record(2, `{${part}`, "stdout", "P"));
  files.write(
    "web.log",
    record(3, "between", "stderr") + record(4, part, "stdout", "P") + record(5, "end}") + record(6, "after", "stderr"),
  );
  const line = `{${part}${part}end}`;
  expect(files.texts()).toEqual(["before", "between", line, "after"]);
  expect(files.texts({ lines: 2 })).toEqual([line, "after"]);
  expect(files.texts({ grep: grep("^\\{.*\\}$"), lines: 1 })).toEqual([line]);
  expect(files.texts({ sinceMs: at(4) })).toEqual([line, "after"]);
  expect(files.texts({ sinceMs: at(6) })).toEqual(["after"]);
  expect(files.texts({ stream: "stdout", untilMs: at(5) })).toEqual(["before", line]);
});

test("a search with an expensive expression leaves the event loop to others, as do many searches", async () => {
  using files = new Files();
  files.write("web.log", Array.from({ length: 300 }, (_, i) => record(1, `${"ab".repeat(100)}${i}`)).join(""));
  const searches = { turns: new Turns(), memory: new SearchMemory(() => {}) };
  const query: LogQuery = { grep: grep("(?:[ab]?){400}c") };
  let ticks = 0;
  let longestMs = 0;
  let searching = true;
  const beside = async (): Promise<void> => {
    while (searching) {
      const before = process.cpuUsage();
      await new Promise((resolve) => setImmediate(resolve));
      const { user, system } = process.cpuUsage(before);
      longestMs = Math.max(longestMs, (user + system) / 1000);
      ticks++;
    }
  };
  const others = beside();
  await Promise.all(Array.from({ length: 20 }, () => searchLog(files.path, "web.log", query, searches)));
  searching = false;
  await others;
  expect(ticks).toBeGreaterThan(50);
  expect(longestMs).toBeLessThan(200); // 20 searches that took no turns would hold it up for seconds
});
