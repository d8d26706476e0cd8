import { expect, test } from "bun:test";
import { LogKit, logSpec, until } from "./kit.ts";

test("live lines arrive in order, across rotations, and lines that a flood skips are counted", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ maxSizeBytes: 500_000, keep: 2 }));
  let expected = 1;
  let gaps = 0;
  const wrong: string[] = [];
  const stop = kit.logs.follow("web", {
    line: ({ text }) => {
      if (Number(text) !== expected && wrong.length < 5) wrong.push(`${text} instead of ${expected}`);
      expected = Number(text) + 1;
    },
    gap: (lines) => {
      gaps += lines;
      expected += lines;
    },
  });
  await kit.run("web", ["seq", "1", "300000"]).exited;
  kit.logs.endRun("web");
  await until("the last line to be accounted for", () => expected === 300_001);
  expect(wrong).toEqual([]);
  expect(gaps).toBeGreaterThan(0);
  stop();
  kit.logs.note("web", "nobody listens");
  await new Promise((resolve) => setImmediate(resolve));
  expect(expected).toBe(300_001);
});

test("slow lines are never skipped, and never delivered during a call of the store", async () => {
  await using kit = new LogKit();
  const received: string[] = [];
  kit.logs.follow("web", { line: (line) => received.push(line.text), gap: (lines) => received.push(`gap ${lines}`) }); // before the log is open
  kit.logs.open("web", logSpec());
  for (let i = 0; i < 1000; i++) kit.logs.note("web", String(i));
  expect(received).toEqual([]);
  await until("the lines", () => received.length > 0);
  expect(received).toEqual(Array.from({ length: 1000 }, (_, i) => `[sup] ${i}`));
});

test("a subscriber that throws is removed, and the others continue", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  const received: string[] = [];
  const bad = {
    line: () => {
      throw new Error("bad subscriber");
    },
    gap: () => {},
  };
  kit.logs.follow("web", bad);
  kit.logs.follow("web", { line: (line) => received.push(line.text), gap: () => {} });
  kit.logs.note("web", "one");
  await until("the first line", () => received.length === 1);
  kit.logs.note("web", "two");
  await until("the second line", () => received.length === 2);
  expect(kit.problems.length).toBe(1);
  expect(kit.problems[0]).toContain("bad subscriber");
});

test("a flood from one unit does not delay another", async () => {
  await using kit = new LogKit();
  kit.logs.open("flood", logSpec({ keep: 1 }));
  kit.logs.open("calm", logSpec());
  const flood = kit.run("flood", ["yes", "a line of a service that has lost its mind"]);
  try {
    await until("the flood", () => kit.logs.tail("flood", 20).length === 20);
    const delays: number[] = [];
    let received = 0;
    kit.logs.follow("calm", { line: ({ text }) => void (delays.push(Date.now() - Number(text)), received++), gap: () => {} });
    const script = "for i in 1 2 3 4 5 6 7 8 9 10; do date +%s%3N; sleep 0.02; done";
    await kit.run("calm", ["sh", "-c", script]).exited;
    await until("all lines of the calm unit", () => received === 10);
    delays.sort((a, b) => a - b);
    expect(delays[5]!).toBeLessThan(500);
  } finally {
    flood.kill("SIGKILL");
    await flood.exited;
  }
});

test("a line in parts arrives as one line, and one that has begun before is joined from there on", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  const received: string[] = [];
  const script = `head -c 40000 /dev/zero | tr '\\0' a; read x; echo; head -c 40000 /dev/zero | tr '\\0' b; echo end; echo err >&2`;
  const early = kit.logs.follow("web", {
    line: ({ text, full }) => received.push(`${text.length} ${full}`),
    gap: () => received.push("gap"),
  });
  const child = kit.run("web", ["sh", "-c", script], { stdin: "pipe" });
  await until("the first parts", () => kit.bytes("web").length > 2 * 16_384);
  void (child.stdin as Bun.FileSink).write("\n");
  void (child.stdin as Bun.FileSink).end();
  await child.exited;
  kit.logs.endRun("web");
  await until("all lines", () => received.length >= 3);
  expect(received.sort()).toEqual(["3 true", "40000 true", "40003 true"]);
  early();
});
