/** Tests of lines as they are captured. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseTextPattern } from "../../../src/base/pattern.ts";
import type { LineTest } from "../../../src/ports/logs.ts";
import { LogKit, logSpec, until } from "./kit.ts";

/** Tests of these patterns, and the lines that they found. */
function patterns(...written: string[]): { readonly tests: LineTest[]; readonly found: string[] } {
  const found: string[] = [];
  const tests = written.map((one) => ({ pattern: parseTextPattern(one), onMatch: (line: string) => void found.push(`${one}: ${line}`) }));
  return { tests, found };
}

async function printed(kit: LogKit, bytes: string | Buffer, stream: "out" | "err" = "out"): Promise<void> {
  writeFileSync(join(kit.dir, "bytes"), bytes);
  await kit.run("web", ["sh", "-c", `cat "$0/bytes" ${stream === "err" ? ">&2" : ""}`, kit.dir]).exited;
  kit.logs.drain("web");
}

for (const format of ["cri", "raw"] as const) {
  describe(`in a ${format} log`, () => {
    async function found(bytes: string | Buffer, ...written: string[]): Promise<string[]> {
      await using kit = new LogKit();
      const { tests, found } = patterns(...written);
      kit.logs.open("web", logSpec({ format }));
      kit.logs.matchLines("web", tests);
      await printed(kit, bytes);
      kit.logs.endRun("web");
      await Promise.resolve();
      return found;
    }

    test.each<[string, string | Buffer, string[], string[]]>([
      ["each test finds its first line", "a up 1\nb up 2\nERROR\n", ["up", "/^ERROR$/", "none"], ["up: a up 1", "/^ERROR$/: ERROR"]],
      ["a line may match several tests, in their order", "up ERROR\n", ["ERROR", "up"], ["ERROR: up ERROR", "up: up ERROR"]],
      ["a line at the very beginning and an empty one", "\nup\n", ["/^up$/", "/^$/"], ["/^$/: ", "/^up$/: up"]],
      ["the prefix of a record is not compared", "x\n", ["stdout", "stdout F x"], []],
      ["a carriage return at the end is left out", "up\r\n", ["/up$/"], ["/up$/: up"]],
      ["bytes that are no UTF-8 do not matter", Buffer.from([0xff, 0x75, 0x70, 10]), ["up"], ["up: \ufffdup"]],
      ["a last line without a newline counts when the run ends", "one\nup", ["up"], ["up: up"]],
      ["a match across two lines is none", "u\np\n", ["/u.?p/s", "/u[^x]p/"], []],
      ["the beginning of a long line counts", `up ${"x".repeat(50_000)}\n`, ["/^up x+$/"], [`/^up x+$/: up ${"x".repeat(16_381)}`]],
      ["the rest of a long line does not", `${"x".repeat(50_000)} up\nthen up\n`, ["up"], ["up: then up"]],
    ])("%s", async (_, bytes, written, wanted) => {
      expect(await found(bytes, ...written)).toEqual(wanted);
    });
  });
}

test("both streams are tested, each with its own lines", async () => {
  await using kit = new LogKit();
  const { tests, found } = patterns("/^up$/", "/^ERROR$/");
  kit.logs.open("web", logSpec());
  kit.logs.matchLines("web", tests);
  await printed(kit, "x".repeat(20_000));
  await printed(kit, "ERROR\n", "err");
  await printed(kit, "up\nup\n");
  expect(found).toEqual(["/^ERROR$/: ERROR", "/^up$/: up"]);
});

test("matches are reported before `drain` returns, and otherwise from the event loop", async () => {
  await using kit = new LogKit();
  const { tests, found } = patterns("up");
  kit.logs.open("web", logSpec());
  kit.logs.matchLines("web", tests);
  const child = kit.run("web", ["echo", "up"]);
  await until("the line", () => found.length > 0);
  await child.exited;
  expect(found).toEqual(["up: up"]);
});

test("lines that the rate limit drops are tested too", async () => {
  await using kit = new LogKit();
  const { tests, found } = patterns("up");
  kit.logs.open("web", logSpec({ rateLimit: { bytesPerSecond: 100 } }));
  kit.logs.matchLines("web", tests);
  await printed(kit, `${"x".repeat(40)}\n`.repeat(200) + "up\n");
  expect(found).toEqual(["up: up"]);
  expect(kit.logs.read("web", {}).some(({ text }) => text === "up")).toBe(false);
});

test("new tests replace the old ones, none end it, and a line that is under way is not taken for a new one", async () => {
  await using kit = new LogKit();
  const [first, second] = [patterns("up"), patterns("down", "rest")];
  kit.logs.open("web", logSpec());
  kit.logs.matchLines("web", first.tests);
  kit.logs.matchLines("web", []);
  await printed(kit, `up\n${"x".repeat(20_000)}`);
  kit.logs.matchLines("web", second.tests);
  await printed(kit, "rest\ndown\n");
  expect([first.found, second.found]).toEqual([[], ["down: down"]]);
});
