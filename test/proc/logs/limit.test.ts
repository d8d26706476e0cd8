import { expect, test } from "bun:test";
import { LogKit, logSpec, parseStrictly, until } from "./kit.ts";

const MINUTE = 60_000;
const limited = (bytesPerSecond: number): ReturnType<typeof logSpec> => logSpec({ rateLimit: { bytesPerSecond } });

/** The notices in a log about lost output: their number and their totals. */
function notices(kit: LogKit, stream = "stdout"): { times: number; lines: number; bytes: number } {
  const { stderr } = parseStrictly(kit.bytes("web"));
  const notes = [...stderr.toString().matchAll(new RegExp(`^\\[sup\\] (\\d+) lines \\((\\d+) bytes\\) of ${stream} were dropped by log.rate_limit$`, "gm"))]; // prettier-ignore
  const sum = (group: number): number => notes.reduce((total, note) => total + Number(note[group]), 0);
  return { times: notes.length, lines: sum(1), bytes: sum(2) };
}

test("a flood is reported while it lasts: in the log, by an event per minute, and at its end with all its lines", async () => {
  let now = 0;
  await using kit = new LogKit({ clock: { wallMs: () => Date.now(), monotonicMs: () => now } });
  kit.logs.open("web", limited(10_000));
  const script = "seq 1 100000; read x; seq 100001 200000; read x; seq 200001 300000; read x";
  const child = kit.run("web", ["sh", "-c", script], { stdin: "pipe" });
  const goOn = async (): Promise<void> => {
    void (child.stdin as Bun.FileSink).write("\n");
    await (child.stdin as Bun.FileSink).flush();
  };
  await until("its beginning to be reported", () => kit.losses.length === 1);
  expect(kit.losses[0]).toMatchObject({ why: "limit", over: false, cause: "log.rate_limit is 10000 bytes a second" });
  expect(notices(kit).lines).toBeGreaterThan(0); // although the first chunk after it is dropped as well
  for (let minute = 1; minute <= 2; minute++) {
    now += MINUTE;
    await goOn();
    await until("one more minute to be reported", () => kit.losses.length === 1 + minute);
    expect(kit.losses.at(-1)!.over).toBe(false);
    expect(kit.losses.at(-1)!.lines).toBeGreaterThan(kit.losses.at(-2)!.lines);
  }
  expect(kit.logs.condition("web").losses).toMatchObject([{ why: "limit", over: false }]);
  await goOn();
  await child.exited;
  kit.logs.endRun("web");
  now += MINUTE;
  await kit.overIs("limit");
  const { stdout } = parseStrictly(kit.bytes("web"));
  const [kept, missing] = [stdout.toString().split("\n").length - 1, notices(kit)];
  expect(kept + missing.lines).toBe(300_000);
  expect(kit.losses.at(-1)).toMatchObject({ over: true, lines: missing.lines, bytes: missing.bytes });
  expect(kit.logs.condition("web").losses).toMatchObject([{ why: "limit", over: true, lines: missing.lines }]);
  expect(missing.times).toBeLessThan(12);
});

test("output slightly over the limit does not fill the log with notices", async () => {
  let now = 0;
  await using kit = new LogKit({ clock: { wallMs: () => Date.now(), monotonicMs: () => now } });
  kit.logs.open("web", limited(200));
  const child = kit.run("web", ["sh", "-c", "while read n; do echo $n $n $n; done"], { stdin: "pipe" });
  const lines = 150;
  for (let n = 1; n <= lines; n++) {
    void (child.stdin as Bun.FileSink).write(`${n}\n`);
    await (child.stdin as Bun.FileSink).flush();
    const counted = (): number => kit.logs.condition("web").losses.reduce((sum, one) => sum + one.lines, 0) + parseStrictly(kit.bytes("web")).stdout.toString().split("\n").length - 1; // prettier-ignore
    await until(`line ${n}`, () => counted() === n);
    now += 100;
  }
  await (child.stdin as Bun.FileSink).end();
  await child.exited;
  kit.logs.endRun("web");
  const missing = notices(kit);
  expect(missing.times).toBeLessThanOrEqual(4); // in 15 seconds
  expect(parseStrictly(kit.bytes("web")).stdout.toString().split("\n").length - 1 + missing.lines).toBe(lines);
});

test("the tick reports what was dropped before a silence", async () => {
  let now = 0;
  await using kit = new LogKit({ clock: { wallMs: () => Date.now(), monotonicMs: () => now } });
  kit.logs.open("web", limited(1000));
  const child = kit.run("web", ["sh", "-c", "seq 1 50; read x; seq 51 1000; read x"], { stdin: "pipe" });
  await until("the first notice", () => notices(kit).times === 1);
  void (child.stdin as Bun.FileSink).write("\n");
  await (child.stdin as Bun.FileSink).flush();
  await until("the rest to be dropped", () => kit.logs.condition("web").losses[0]!.lines > 900);
  kit.logs.tick();
  expect(notices(kit).times).toBe(1); // the next notice is not due yet
  now += 10_000;
  kit.logs.tick();
  expect(notices(kit)).toMatchObject({ times: 2, lines: kit.logs.condition("web").losses[0]!.lines });
  void (child.stdin as Bun.FileSink).end();
  await child.exited;
});

test("each stream is accounted for separately", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", limited(2000));
  await kit.run("web", ["sh", "-c", "seq 1 3000; seq 1 2000 >&2"]).exited;
  kit.logs.endRun("web");
  const { stdout, stderr } = parseStrictly(kit.bytes("web"));
  const own = stderr.toString().split("\n").filter((line) => /^\d/.test(line)).length; // prettier-ignore
  expect(stdout.toString().split("\n").length - 1 + notices(kit).lines).toBe(3000);
  expect(own + notices(kit, "stderr").lines).toBe(2000);
});

test("a note never comes between the parts of a line", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  const child = kit.run("web", ["sh", "-c", "head -c 40000 /dev/zero | tr '\\0' x >&2; read x; echo end >&2"], { stdin: "pipe" });
  await until("two parts", () => kit.bytes("web").length > 2 * 16_384);
  kit.logs.note("web", "a word");
  void (child.stdin as Bun.FileSink).write("\n");
  void (child.stdin as Bun.FileSink).end();
  await child.exited;
  kit.logs.endRun("web");
  const { stdout, stderr } = parseStrictly(kit.bytes("web"));
  expect(stdout.toString()).toBe("[sup] a word\n");
  expect(stderr.toString()).toBe(`${"x".repeat(40_000)}end\n`);
});
