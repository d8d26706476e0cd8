/**
 * The log holds what a service writes, byte for byte, as an independent CRI reader reads it: random lines of all lengths and all
 * bytes, across rotations in the middle of lines, a crash of the daemon and a re-exec.
 */
import { expect, test } from "bun:test";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { criFiles, type CriRecord, parseCri, reassemble } from "../../harness/cri.ts";
import { type Daemon, startDaemon } from "../../harness/daemon.ts";
import { until } from "../../harness/until.ts";
import { randomOf } from "../../sim/random.ts";

const MB = 1 << 20;

/** Lines of 0 bytes to 1 MB, log-uniform in length; the last one has no newline. */
function randomLines(random: () => number, bytes: number): Buffer {
  const pieces: Buffer[] = [];
  const line = (length: number): void => {
    const text = Buffer.alloc(length);
    for (let i = 0; i < length; i++) text[i] = (random() * 256) | 0;
    for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) text[at] = 0x1b;
    pieces.push(text, Buffer.from("\n"));
  };
  // Edge cases for every seed: an empty line, one byte, sizes around that of a part, text that looks like a record.
  for (const length of [0, 0, 1, 16_383, 16_384, 16_385, 32_768, 65_536, MB]) line(length);
  for (const text of ["\r", "\0", "2026-11-22T20:01:02.123456789Z stdout F x", "a\rb\r", " ", "\xff\xfe", "\x1b[2J"])
    pieces.push(Buffer.from(`${text}\n`, "latin1"));
  let size = 0;
  while (size < bytes) {
    const length = random() < 0.05 ? 0 : Math.floor(MB ** random());
    line(length);
    size += length;
  }
  pieces.push(Buffer.from("the end, without its newline"));
  return Buffer.concat(pieces);
}

/** Pieces of both streams as files, cut anywhere, in the order in which they are to be written. */
function writeChunks(home: string, random: () => number, streams: { readonly stdout: Buffer; readonly stderr: Buffer }): number {
  const chunks = join(home, "chunks");
  mkdirSync(chunks);
  const at = { stdout: 0, stderr: 0 };
  let count = 0;
  while (at.stdout < streams.stdout.length || at.stderr < streams.stderr.length) {
    const stream = random() < 0.5 ? "stdout" : "stderr";
    const piece = streams[stream].subarray(at[stream], at[stream] + Math.floor((2 * MB) ** (0.5 + random() / 2)));
    if (piece.length === 0) continue;
    at[stream] += piece.length;
    writeFileSync(join(chunks, `${String(count++).padStart(5, "0")}.${stream}`), piece);
  }
  return count;
}

const WRITER = `
  for chunk in chunks/*; do
    case $chunk in *.stderr) cat "$chunk" >&2 ;; *) cat "$chunk" ;; esac
    echo x >>done
    sleep 0.01
  done`;

const partOf = (home: string): number => {
  try {
    return statSync(join(home, "done")).size / 2;
  } catch {
    return 0;
  }
};

const filesOf = (daemon: Daemon) => criFiles(join(daemon.home, "logs"), "writer");

test.each([
  ["zstd", 1],
  ["gzip", 2],
  [false, 3],
] as const)(
  "random bytes are in the log as they were written (compress: %p, seed %d)",
  async (compress, seed) => {
    await using daemon = await startDaemon();
    const random = randomOf(seed);
    const written = { stdout: randomLines(random, 10 * MB), stderr: randomLines(random, 6 * MB) };
    const count = writeChunks(daemon.home, random, written);
    const log = { max_size_mb: 0.7, keep: 1000, compress };
    daemon.writeUnit("writer", { command: "/bin/sh", args: ["-c", WRITER], working_directory: daemon.home, log, auto_restart: false });
    await daemon.sup("reload");
    await daemon.sup("start", "writer", "--no-wait");
    const reached = (part: number): Promise<unknown> =>
      until(() => partOf(daemon.home) >= count * part, { what: `${part} of the chunks`, timeoutMs: 30_000 });

    await reached(0.2);
    await daemon.crash();
    await daemon.start();
    await reached(0.45);
    expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    await reached(0.7);
    await daemon.crash();
    await daemon.start();
    await daemon.reaches("writer", "stopped", 60_000);
    await until(() => filesOf(daemon).slice(0, -1).every(({ name }) => !compress || /\.(zst|gz)$/.test(name)), { what: "all files to be compressed", timeoutMs: 30_000 }); // prettier-ignore

    const files = filesOf(daemon);
    expect(files.length).toBeGreaterThan(15);
    const records: CriRecord[] = [];
    let brokenOff = 0;
    for (const { bytes } of files) {
      const own = parseCri(bytes); // each file begins and ends with a whole record
      if (own.at(-1)?.partial) brokenOff++;
      records.push(...own);
    }
    expect(brokenOff).toBeGreaterThan(0); // a line continued in another file
    const read = reassemble(records);
    for (const stream of ["stdout", "stderr"] as const) {
      // The format cannot express that the last line had no newline.
      const wanted = Buffer.concat([written[stream], Buffer.from("\n")]);
      expect({ stream, at: firstDifference(read[stream], wanted) }).toEqual({ stream, at: null });
    }
    for (const [i, { time, content }] of records.entries()) {
      if (content.length > 16_384) throw new Error(`record ${i} has ${content.length} bytes`);
      if (i > 0 && time < records[i - 1]!.time) throw new Error(`record ${i} is older than the one before`);
    }
    // sup itself reads the same text, in lines.
    const bare = (await daemon.sup("logs", "writer", "--stderr", "-n", "100000", "-o", "json")).stdout;
    const texts = bare
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { text: string; full: boolean });
    expect(texts.filter(({ full }) => full).length).toBe(records.filter(({ stream, partial }) => stream === "stderr" && !partial).length);
    const text = texts.map((line) => line.text + (line.full ? "\n" : "")).join("");
    expect(text === read.stderr.toString("utf8")).toBe(true);
  },
  120_000,
);

/** Where two buffers differ; null when they are equal. */
function firstDifference(a: Buffer, b: Buffer): string | null {
  if (a.equals(b)) return null;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return `byte ${at} of ${a.length}, not ${b.length}: ${JSON.stringify(a.toString("latin1", at, at + 40))}, not ${JSON.stringify(b.toString("latin1", at, at + 40))}`;
}

test("the reader is strict", () => {
  const good = "2026-11-22T20:01:02.5Z stdout F text\n2026-11-22T21:01:02+01:00 stderr P:x  a\n";
  const [first, second] = parseCri(Buffer.from(good));
  expect(first!.content.toString()).toBe("text");
  expect(first!.partial).toBe(false);
  expect(second!.content.toString()).toBe(" a");
  expect(second!.partial).toBe(true);
  expect(first!.time - second!.time).toBe(500_000_000n);
  expect(() => reassemble(parseCri(Buffer.from(good)))).toThrow("no end");
  for (const bad of [
    "2026-11-22T20:01:02Z stdout F text",
    "2026-11-22T20:01:02Z stdout F\n",
    "2026-11-22T20:01:02Z stdin F x\n",
    "2026-11-22T20:01:02Z stdout X x\n",
    "2026-02-30T20:01:02Z stdout F x\n",
    "2026-11-22T24:01:02Z stdout F x\n",
    "2026-11-22 20:01:02Z stdout F x\n",
    "2026-11-22T20:01:02.1234567890Z stdout F x\n",
    "\n",
  ])
    expect(() => parseCri(Buffer.from(bad))).toThrow();
});
