import { expect, test } from "bun:test";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { descriptors } from "../linux/support.ts";
import { LogKit, logSpec, parseStrictly, until } from "./kit.ts";

test("random binary lines of 0 bytes to 100 KB come back byte for byte, on both streams", async () => {
  await using kit = new LogKit();
  const random = (lines: number): Buffer =>
    Buffer.concat(
      Array.from({ length: lines }, () => {
        const line = Buffer.from(crypto.getRandomValues(new Uint8Array(Math.floor(Math.random() ** 6 * 60_000))));
        for (let i = 0; i < line.length; i++) if (line[i] === 10) line[i] = 0;
        return Buffer.concat([line, Buffer.alloc(Math.random() < 0.02 ? 40_000 : 0, 0), Buffer.from("\n")]);
      }),
    );
  const [out, err] = [random(400), random(400)];
  writeFileSync(join(kit.dir, "out"), out);
  writeFileSync(join(kit.dir, "err"), err);
  kit.logs.open("web", logSpec());
  const child = kit.run("web", ["sh", "-c", 'cat "$0/out" & cat "$0/err" >&2; wait', kit.dir]);
  await child.exited;
  kit.logs.endRun("web");
  const got = parseStrictly(kit.bytes("web"));
  expect(got.stdout.equals(out)).toBe(true);
  expect(got.stderr.equals(err)).toBe(true);
});

test("raw keeps the bytes unchanged", async () => {
  await using kit = new LogKit();
  const bytes = Buffer.concat([Buffer.from("one\n\n\0two"), Buffer.alloc(50_000, 0xff), Buffer.from("\nno end")]);
  writeFileSync(join(kit.dir, "out"), bytes);
  kit.logs.open("web", logSpec({ format: "raw" }));
  await kit.run("web", ["cat", join(kit.dir, "out")]).exited;
  kit.logs.endRun("web");
  expect(kit.bytes("web").equals(bytes)).toBe(true);
  expect(kit.logs.tail("web", 9).at(-1)).toMatchObject({ stream: "stdout", text: "no end" });
});

test("a line without a newline waits, and becomes a whole line when the run ends", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  await kit.run("web", ["printf", "one\ntwo"]).exited;
  kit.logs.drain("web");
  expect(kit.logs.read("web", {}).map((line) => line.text)).toEqual(["one"]);
  kit.logs.endRun("web");
  expect(kit.logs.read("web", {}).map(({ text, full }) => [text, full])).toEqual([
    ["one", true],
    ["two", true],
  ]);
});

test("when the daemon exits, an unfinished line becomes a part, and the next daemon continues with the same FIFO", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  const wrote = join(kit.dir, "wrote");
  const script = "printf 'one\nabc'; read x; printf 'def\nmore\n'; : > \"$0\"; read x; echo last";
  const child = kit.run("web", ["sh", "-c", script, wrote], { stdin: "pipe" });
  const stdin = child.stdin as Bun.FileSink;
  await until("the first line, and with it the unfinished one", () => kit.logs.tail("web", 20).length === 2);
  expect(kit.logs.tail("web", 1)).toMatchObject([{ text: "abc", full: false }]);
  kit.logs.shutdown();
  expect(parseStrictly(kit.bytes("web")).stdout.toString()).toBe("one\nabc");
  void stdin.write("\n");
  await stdin.flush();
  await until("the child to write while nobody reads", () => existsSync(wrote));
  kit.restart();
  kit.logs.open("web", logSpec());
  await until("what waited in the FIFO", () => kit.logs.tail("web", 20).length === 2);
  void stdin.write("\n");
  await stdin.flush();
  expect(await child.exited).toBe(0);
  kit.logs.endRun("web");
  expect(parseStrictly(kit.bytes("web")).stdout.toString()).toBe("one\nabcdef\nmore\nlast\n");
  expect(kit.logs.read("web", {}).map((line) => line.text)).toEqual(["one", "abcdef", "more", "last"]);
});

test("a second run writes to the same FIFO after the first has closed it", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  for (let run = 1; run <= 3; run++) {
    kit.logs.markRun("web");
    await kit.run("web", ["echo", `run ${run}`]).exited;
    await until(`run ${run}`, () => kit.logs.tail("web", 20).length === 1);
    expect(kit.logs.tail("web", 20)[0]!.text).toBe(`run ${run}`);
  }
});

test("only the owner can access FIFOs and log; close removes the FIFOs and keeps the log", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  kit.logs.note("web", "hello");
  const fifos = join(kit.dir, "run", "fifo");
  expect(readdirSync(fifos).sort()).toEqual(["web.err", "web.out"]);
  for (const name of readdirSync(fifos)) expect(statSync(join(fifos, name)).mode & 0o777).toBe(0o600);
  expect(statSync(join(kit.logDir, "web.log")).mode & 0o777).toBe(0o600);
  kit.logs.close("web");
  expect(readdirSync(fifos)).toEqual([]);
  expect(kit.logs.read("web", {}).map((line) => line.text)).toEqual(["[sup] hello"]);
});

test("a unit that has written nothing has no log file and uses two descriptors", async () => {
  await using kit = new LogKit();
  const count = (): number => descriptors([kit.dir, "[eventpoll]", "[eventfd]"]).length;
  const before = count();
  for (let i = 0; i < 50; i++) kit.logs.open(`u${i}`, logSpec());
  expect(count() - before).toBe(100);
  expect(readdirSync(kit.logDir)).toEqual([]);
  for (let i = 0; i < 50; i++) kit.logs.close(`u${i}`);
  expect(count()).toBe(before);
});

test("a shutdown closes all files of the logs", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  await kit.run("web", ["seq", "1", "20000"]).exited;
  kit.logs.endRun("web");
  expect(descriptors([kit.dir]).length).toBeGreaterThan(4);
  kit.logs.shutdown();
  expect(descriptors([kit.dir])).toEqual([]);
});

test("each line of a note becomes a line of stderr marked [sup]", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  kit.logs.note("web", "one\ntwo\n");
  expect(kit.logs.read("web", {}).map(({ stream, text }) => [stream, text])).toEqual([
    ["stderr", "[sup] one"],
    ["stderr", "[sup] two"],
  ]);
});

test("the tail holds the last 20 lines since the run began; long ones are cut", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  await kit.run("web", ["seq", "1", "1000"]).exited;
  kit.logs.drain("web");
  expect(kit.logs.tail("web", 3).map((line) => line.text)).toEqual(["998", "999", "1000"]);
  expect(kit.logs.tail("web", 99).length).toBe(20);
  kit.logs.note("web", "x".repeat(5000));
  const last = kit.logs.tail("web", 20);
  expect(last.length).toBe(20);
  expect(last.at(-1)!.text.length).toBe(2048);
  expect(last.at(-2)!.text).toBe("1000");
  kit.logs.markRun("web");
  expect(kit.logs.tail("web", 20)).toEqual([]);
});

test("a rate limit drops whole lines, and the log reports how much", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ rateLimit: { bytesPerSecond: 10_000 } }));
  await kit.run("web", ["seq", "1", "5000"]).exited;
  kit.logs.endRun("web");
  const { stdout, stderr } = parseStrictly(kit.bytes("web"));
  const kept = stdout.toString().trim().split("\n");
  expect(kept.length).toBeGreaterThan(100);
  expect(kept.length).toBeLessThan(2000);
  const notices = [...stderr.toString().matchAll(/^\[sup\] (\d+) lines \(\d+ bytes\) of stdout were dropped by log\.rate_limit$/gm)];
  const dropped = notices.reduce((sum, [, lines]) => sum + Number(lines), 0);
  expect(kept.length + dropped).toBe(5000);
  expect(kit.logs.condition("web").losses).toMatchObject([{ why: "limit", lines: dropped }]);
});

test("another file at the path of a FIFO is left alone, and both calls report it", async () => {
  await using kit = new LogKit();
  writeFileSync(join(kit.dir, "run", "fifo", "web.out"), "in the way");
  kit.logs.open("web", logSpec());
  expect(kit.problems[0]).toContain("cannot read the output of web");
  expect(() => kit.logs.writers("web")).toThrow("EEXIST");
});

test("the last lines are lines, not parts, and no character of them is cut", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  const long = `x${"\u{20ac}".repeat(20_000)}`;
  await Bun.write(join(kit.dir, "text"), `first\n${long}\nlast\n${long}`);
  const child = kit.run("web", ["sh", "-c", `cat '${kit.dir}/text'; read x`], { stdin: "pipe" });
  await until("the parts of the last line", () => kit.bytes("web").includes("last") && kit.bytes("web").length > 6.5 * 16_384);
  const beginning = `x${"\u{20ac}".repeat(682)}`; // 2048 bytes
  const shown = kit.logs.tail("web", 20).map(({ text, full }) => [text, full]);
  expect(shown).toEqual([["first", true], [beginning, false], ["last", true], [beginning, false]]); // prettier-ignore
  void (child.stdin as Bun.FileSink).end();
  await child.exited;
  kit.logs.endRun("web");
  expect(kit.logs.tail("web", 20).map(({ text }) => text)).toEqual(["first", beginning, "last", beginning]);
  expect(kit.logs.read("web", { lines: 3 }).map(({ text, full }) => [text, full])).toEqual([[long, true], ["last", true], [long, true]]); // prettier-ignore
});
