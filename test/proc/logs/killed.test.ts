import { expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memoryDir, tempDir } from "../../harness/temp.ts";
import { canMount, smallDisk } from "../store/small-disk.ts";
import { LogKit, logSpec, parseStrictly, until } from "./kit.ts";

/** Starts a process that captures the output, waits until it does and until `meanwhile` is done, and kills it a moment later. */
async function takeForAMoment(directory: string, momentMs: number, ...args: string[]): Promise<void> {
  return takeMeanwhile(async () => {}, directory, momentMs, ...args);
}

async function takeMeanwhile(meanwhile: () => Promise<void>, directory: string, momentMs: number, ...args: string[]): Promise<void> {
  const taker = Bun.spawn([process.execPath, join(import.meta.dir, "taker.ts"), directory, ...args], { stdout: "pipe", stderr: "inherit" });
  const reader = taker.stdout.getReader();
  await reader.read();
  await meanwhile();
  await Bun.sleep(momentMs); // not synchronisation: a random moment for the kill
  taker.kill("SIGKILL");
  await taker.exited;
}

/**
 * Blocks fill the pages of the pipe; single lines leave each page partly empty. If the files are in memory, large amounts are read with
 * read(2) instead of splice(2).
 */
const MANNERS = [
  { format: "cri", manner: "by blocks", where: "on a disk", lines: 2_000_000, command: ["seq"] },
  { format: "cri", manner: "by blocks", where: "in memory", lines: 2_000_000, command: ["seq"] },
  { format: "raw", manner: "by blocks", where: "on a disk", lines: 2_000_000, command: ["seq"] },
  { format: "raw", manner: "by blocks", where: "in memory", lines: 2_000_000, command: ["seq"] },
  { format: "cri", manner: "line by line", where: "on a disk", lines: 500_000, command: ["stdbuf", "-oL", "seq"] },
  { format: "cri", manner: "line by line", where: "in memory", lines: 500_000, command: ["stdbuf", "-oL", "seq"] },
] as const;

test.each(MANNERS)("killed at a random moment while a service writes $manner, $format, $where: every line once", async ({ format, where, lines, command }) => {
  await using kit = new LogKit({}, where === "in memory" ? memoryDir() : tempDir());
  kit.logs.open("web", logSpec({ format }));
  const writers = kit.logs.writers("web");
  const child = Bun.spawn([...command, "1", String(lines)], { stdin: "ignore", stdout: writers.stdout, stderr: writers.stderr });
  kit.logs.shutdown();
  for (let kill = 0; kill < 8 && child.exitCode === null; kill++) await takeForAMoment(kit.dir, Math.random() * 12, format);
  kit.restart();
  kit.logs.open("web", logSpec({ format, maxSizeBytes: 5_000_000, keep: 1000 }));
  await child.exited;
  writers.close();
  kit.logs.endRun("web");
  const bytes = kit.bytes("web");
  const text = (format === "cri" ? parseStrictly(bytes).stdout : bytes).toString("latin1");
  let expected = 1;
  for (let at = 0; at < text.length; expected++) {
    const end = text.indexOf("\n", at);
    if (text.slice(at, end) !== String(expected)) throw new Error(`after ${expected - 1} comes ${text.slice(at, Math.min(end, at + 40))}`);
    at = end + 1;
  }
  expect(expected - 1).toBe(lines);
}, 30_000); // prettier-ignore

test.each([
  ["the whole journal", ["table", "gates", "lines", "spool", "region"]],
  ["its table", ["table"]],
  ["its lines", ["lines"]],
  ["its spool and region", ["spool", "region"]],
])(
  "killed at a random moment after somebody deleted %s: every line once",
  async (_, names) => {
    const lines = 3_000_000;
    await using kit = new LogKit();
    kit.logs.open("web", logSpec());
    const writers = kit.logs.writers("web");
    // The second half is written only after the first deletion, so that there is always a second one.
    const second = join(kit.dir, "second");
    const halves = `seq 1 ${lines / 2}; until [ -e ${second} ]; do sleep 0.01; done; seq ${lines / 2 + 1} ${lines}`;
    const child = Bun.spawn(["sh", "-c", halves], { stdin: "ignore", stdout: writers.stdout, stderr: writers.stderr });
    kit.logs.shutdown();
    let deletions = 0;
    const meanwhile = async (): Promise<void> => {
      if (deletions > 0) writeFileSync(second, "");
      const paths = names.map((name) => join(kit.dir, "run", `capture.${name}`));
      for (const path of paths) rmSync(path);
      await until("the journal", () => paths.every((path) => existsSync(path)));
      deletions++;
    };
    for (let kill = 0; kill < 6 && child.exitCode === null; kill++) await takeMeanwhile(meanwhile, kit.dir, Math.random() * 12, "cri");
    kit.restart();
    kit.logs.open("web", logSpec({ maxSizeBytes: 5_000_000, keep: 1000 }));
    await child.exited;
    writers.close();
    kit.logs.endRun("web");
    const text = parseStrictly(kit.bytes("web")).stdout.toString("latin1");
    expect(text === Array.from({ length: lines }, (_, i) => `${i + 1}\n`).join("")).toBe(true);
    expect(deletions).toBeGreaterThan(1);
  },
  60_000,
);

/** Every line is either in the log, whole and in order, or counted by a notice. */
function account(bytes: Buffer, lines: number): { kept: number; missing: number } {
  const { stdout, stderr } = parseStrictly(bytes);
  const kept = stdout.toString("latin1").split("\n").slice(0, -1);
  for (let i = 1; i < kept.length; i++) {
    if (!(Number(kept[i]) > Number(kept[i - 1]))) throw new Error(`after ${kept[i - 1]} comes ${kept[i]}`);
  }
  const notices = [...stderr.toString().matchAll(/^\[sup\] (\d+) lines \((\d+) bytes\) of stdout were/gm)];
  const missing = notices.reduce((sum, [, count]) => sum + Number(count), 0);
  const ofAll = Array.from({ length: lines }, (_, i) => i + 1).reduce((sum, n) => sum + String(n).length + 1, 0);
  expect(stdout.length + notices.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(ofAll);
  return { kept: kept.length, missing };
}

test("killed at a random moment while a rate limit drops lines: each is logged once, or counted once", async () => {
  const [lines, rate] = [1_500_000, 2_000_000];
  await using kit = new LogKit();
  const spec = logSpec({ rateLimit: { bytesPerSecond: rate }, maxSizeBytes: 5_000_000, keep: 1000 });
  kit.logs.open("web", spec);
  const writers = kit.logs.writers("web");
  const child = Bun.spawn(["seq", "1", String(lines)], { stdin: "ignore", stdout: writers.stdout, stderr: writers.stderr });
  kit.logs.shutdown();
  for (let kill = 0; kill < 8 && child.exitCode === null; kill++) await takeForAMoment(kit.dir, Math.random() * 12, "cri", String(rate));
  kit.restart();
  kit.logs.open("web", spec);
  await child.exited;
  writers.close();
  kit.logs.endRun("web");
  const { kept, missing } = account(kit.bytes("web"), lines);
  expect(kept + missing).toBe(lines);
  expect(missing).toBeGreaterThan(lines / 10);
}, 30_000);

test.skipIf(!canMount())(
  "killed at any moment while the disk is full: each line is there once, or counted once",
  async () => {
    const lines = 1_500_000;
    using disk = smallDisk("3m");
    const logDir = join(disk.path, "logs");
    await using kit = new LogKit({ logDir });
    kit.logs.open("web", logSpec());
    const writers = kit.logs.writers("web");
    const child = Bun.spawn(["seq", "1", String(lines)], { stdin: "ignore", stdout: writers.stdout, stderr: writers.stderr });
    kit.logs.shutdown();
    for (let kill = 0; kill < 8 && child.exitCode === null; kill++) await takeForAMoment(kit.dir, Math.random() * 12, "cri", "", logDir);
    kit.restart();
    kit.logs.open("web", logSpec({ maxSizeBytes: 5_000_000, keep: 1000 }));
    await child.exited;
    writers.close();
    kit.logs.endRun("web");
    disk.grow("50m");
    kit.logs.tick(); // without further writes, the tick ends the loss
    const { kept, missing } = account(kit.bytes("web"), lines);
    expect(kept + missing).toBe(lines);
    expect(missing).toBeGreaterThan(lines / 10);
  },
  30_000,
);

test.each(["zstd", "gzip"] as const)("killed at a random moment while it compresses by %s: each file is complete, plain or compressed", async (compress) => {
  await using kit = new LogKit();
  const line = (n: number): string => `2026-11-22T20:01:02.000000000Z stdout F ${n} ${Bun.hash(String(n))}\n`;
  const FILES = 5;
  const PER_FILE = 20_000;
  for (let file = 0; file < FILES; file++) {
    const lines = Array.from({ length: PER_FILE }, (_, i) => line(file * PER_FILE + i));
    writeFileSync(join(kit.logDir, `web.log.${FILES - file}`), lines.join(""));
  }
  kit.logs.shutdown();
  const wanted = Buffer.from(Array.from({ length: FILES * PER_FILE }, (_, n) => line(n)).join(""));
  const whole = (): boolean => kit.bytes("web").subarray(0, wanted.length).equals(wanted);
  const plain = (): string[] => readdirSync(kit.logDir).filter((name) => /\.log\.\d+$/.test(name));
  for (let kill = 0; kill < 6 && plain().length > 0; kill++) {
    await takeForAMoment(kit.dir, 250 + Math.random() * 120, "cri", "", "", compress); // compression begins a moment after the last rotation
    expect(whole()).toBe(true);
  }
  kit.restart();
  kit.logs.open("web", logSpec({ keep: 1000, compress }));
  kit.logs.note("web", "the end");
  await until("the rest to be compressed", () => plain().length === 0 && !readdirSync(kit.logDir).some((name) => name.includes("unfinished")));
  expect(whole()).toBe(true);
  expect(readdirSync(kit.logDir).length).toBe(FILES + 1);
}, 60_000); // prettier-ignore
