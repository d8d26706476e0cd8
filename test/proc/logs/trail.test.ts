/** Following a log through its files: every line once, in order, whatever happens to the files and however slow the reader is. */
import { expect, test } from "bun:test";
import { readdirSync, renameSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { LogQuery, LogTrail } from "../../../src/ports/logs.ts";
import { grep, LogKit, logSpec, until } from "./kit.ts";

/** All lines available now; "gap" where lines are missing. */
function take(trail: LogTrail): string[] {
  const texts: string[] = [];
  for (let read = trail.next(); read; read = trail.next()) texts.push(...(read.gap ? ["gap"] : []), ...read.lines.map(({ text }) => text));
  return texts;
}

const counting = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

async function write(kit: LogKit, from: number, to: number): Promise<void> {
  await kit.run("web", ["seq", String(from), String(to)]).exited;
  kit.logs.endRun("web");
}

test.each(["zstd", "gzip", false] as const)(
  "a slow reader continues in the files that were rotated meanwhile (compress: %p)",
  async (compress) => {
    await using kit = new LogKit();
    kit.logs.open("web", logSpec({ maxSizeBytes: 300_000, keep: 1000, compress }));
    const trail = kit.logs.trail("web", {}); // there is no file yet
    await write(kit, 1, 3);
    expect(take(trail)).toEqual(["1", "2", "3"]);
    await write(kit, 4, 30_000); // more than a file
    const some = trail.next()!.lines.map(({ text }) => text);
    expect(some).toEqual(counting(4, 3 + some.length));
    await write(kit, 30_001, 60_000);
    await until("all to be compressed", () =>
      readdirSync(kit.logDir).every((name) => name === "web.log" || !compress || /\.(zst|gz)$/.test(name)),
    );
    expect([...some, ...take(trail)]).toEqual(counting(4, 60_000));
    expect(take(trail)).toEqual([]);
    await write(kit, 60_001, 60_002);
    expect(take(trail)).toEqual(["60001", "60002"]);
    trail.close();
    expect(kit.problems).toEqual([]);
  },
);

test("lines deleted before they were read are reported as a gap, once", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ maxSizeBytes: 10_000, keep: 2 }));
  await write(kit, 1, 3);
  const trail = kit.logs.trail("web", {});
  await write(kit, 4, 5000);
  const taken = take(trail);
  const at = taken.indexOf("gap");
  const kept = taken.slice(at + 1);
  expect(taken.slice(0, at)).toEqual(counting(4, 3 + at)); // from the file that it had open
  expect(kept).toEqual(counting(5001 - kept.length, 5000));
  expect(kept.length).toBeGreaterThan(200);
  trail.close();
});

test("a file that another program moved, deleted or truncated does not stop a trail", async () => {
  let now = Date.now();
  await using kit = new LogKit({ clock: { wallMs: () => now, monotonicMs: () => now } });
  const path = join(kit.logDir, "web.log");
  kit.logs.open("web", logSpec());
  const trail = kit.logs.trail("web", {});
  const note = (text: string): void => {
    now += 1000; // the file is checked once a second
    kit.logs.note("web", text);
  };
  note("one");
  expect(take(trail)).toEqual(["[sup] one"]);
  renameSync(path, join(kit.logDir, "elsewhere"));
  note("two");
  expect(take(trail)).toEqual(["[sup] two"]);
  rmSync(path);
  note("three");
  expect(take(trail)).toEqual(["[sup] three"]);
  truncateSync(path);
  note("four");
  expect(take(trail)).toEqual(["[sup] four"]);
  trail.close();
});

test("a trail resumes where another stopped, even after a rotation and with the next daemon", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ format: "raw" }));
  const first = kit.logs.trail("web", {});
  await write(kit, 1, 10);
  expect(take(first)).toEqual(counting(1, 10));
  const place = first.place()!;
  first.close();
  await write(kit, 11, 20);
  kit.logs.rotate("web");
  await write(kit, 21, 30);
  kit.restart();
  kit.logs.open("web", logSpec({ format: "raw" }));
  const second = kit.logs.trail("web", {});
  expect(second.resume(place)).toBe(true);
  expect(take(second)).toEqual(counting(11, 30));
  for (const none of ["", "x", "1:2:3", `${place}0`, place.replace(/^\d+/, "1")]) expect(second.resume(none)).toBe(false);
  second.close();
});

test("a position does not resume in another file with the same inode", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ keep: 0 }));
  const trail = kit.logs.trail("web", {});
  await write(kit, 1, 10);
  take(trail);
  const [inode, offset] = trail.place()!.split(":");
  trail.close();
  expect(kit.logs.trail("web", {}).resume(`${inode}:${offset}:abc`)).toBe(false);
});

test.each(["zstd", "gzip", false] as const)("a trail starts at a time, in whichever file that is (compress: %p)", async (compress) => {
  let now = Date.UTC(2026, 10, 22, 20, 0, 0);
  await using kit = new LogKit({ clock: { wallMs: () => now, monotonicMs: () => now } });
  kit.logs.open("web", logSpec({ maxSizeBytes: 3_000_000, keep: 9, compress }));
  for (let i = 1; i <= 12; i++) {
    now += 1000;
    await write(kit, i * 10_000, i * 10_000 + 9999);
  }
  await until("all to be compressed", () =>
    readdirSync(kit.logDir).every((name) => name === "web.log" || !compress || /\.(zst|gz)$/.test(name)),
  );
  for (let i = 1; i <= 12; i++) {
    const trail = kit.logs.trail("web", { sinceMs: Date.UTC(2026, 10, 22, 20, 0, i) });
    trail.seek();
    const taken = take(trail);
    expect(taken[0]).toBe(String(i * 10_000));
    expect(taken.length).toBe((13 - i) * 10_000);
    expect(taken.at(-1)).toBe("129999");
    trail.close();
  }
  const all = kit.logs.trail("web", { sinceMs: 0, grep: grep("^10000$") });
  all.seek();
  expect(take(all)).toEqual(["10000"]);
  all.close();
});

test("a write to the log wakes a watcher", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  const trail = kit.logs.trail("web", {});
  const texts: string[] = [];
  const stop = trail.watch(() => texts.push(...take(trail)));
  await kit.run("web", ["seq", "1", "20000"]).exited;
  await until("all lines", () => texts.length === 20_000);
  expect(texts).toEqual(counting(1, 20_000));
  stop();
  trail.close();
  await write(kit, 1, 2);
  expect(texts.length).toBe(20_000);
});

test("a mark separates earlier from later lines, even when the clock goes back", async () => {
  let now = Date.UTC(2026, 10, 22, 20, 1, 2, 345);
  await using kit = new LogKit({ clock: { wallMs: () => now, monotonicMs: () => 0 } });
  kit.logs.open("web", logSpec());
  kit.logs.note("web", "one");
  const first = kit.logs.mark();
  kit.logs.note("web", "two");
  now -= 3_600_000;
  const second = kit.logs.mark();
  kit.logs.note("web", "three");
  const texts = (query: { from?: string; before?: string }): string[] => kit.logs.read("web", query).map(({ text }) => text);
  expect(texts({ before: first })).toEqual(["[sup] one"]);
  expect(texts({ from: first, before: second })).toEqual(["[sup] two"]);
  expect(texts({ from: second })).toEqual(["[sup] three"]);
  kit.logs.open("web", logSpec({ format: "raw" }));
  kit.logs.note("web", "no time");
  expect(texts({ from: second })).toEqual(["[sup] three"]);
});

test("the mark of a run is kept from before its first line, so lines that precede the report of its start belong to it", async () => {
  await using kit = new LogKit();
  expect(kit.logs.runMark("web")).toBeNull();
  kit.logs.open("web", logSpec());
  expect(kit.logs.runMark("web")).toBeNull();
  kit.logs.note("web", "before");
  kit.logs.markRun("web");
  kit.logs.note("web", "first");
  const texts = kit.logs.read("web", { from: kit.logs.runMark("web")! }).map(({ text }) => text);
  expect(texts).toEqual(["[sup] first"]);
});

test("a search yields to the event loop, and finds the lines that existed when it began", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ maxSizeBytes: 2_000_000, keep: 50, compress: "zstd" }));
  await write(kit, 1, 300_000);
  let turns = 0;
  const watch = setInterval(() => turns++, 1);
  const searching = kit.logs.search("web", { grep: grep("^1?77777$") });
  kit.logs.note("web", "77777");
  for (let i = 0; i < 5; i++) kit.logs.rotate("web");
  expect((await searching).map(({ text }) => text)).toEqual(["77777", "177777"]);
  clearInterval(watch);
  expect(turns).toBeGreaterThan(5); // a synchronous search would yield no turn
  expect(kit.problems).toEqual([]);
});

test("a line in parts is one line: for the expression, across a rotation, and for a reader who goes on in its middle", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ maxSizeBytes: 20_000 }));
  const line = (letter: string): string => `{${letter.repeat(40_000)}}`;
  const printing = (letter: string): string => `printf '{'; head -c 40000 /dev/zero | tr '\\0' ${letter}; echo '}'`;
  const all = kit.logs.trail("web", { grep: grep("^\\{.*\\}$") });
  await kit.run("web", ["sh", "-c", `${printing("a")}; echo no; ${printing("b")}`]).exited;
  kit.logs.endRun("web");
  expect(take(all)).toEqual([line("a"), line("b")]);
  all.close();

  kit.logs.open("web", logSpec());
  const first = kit.logs.trail("web", {});
  const child = kit.run(
    "web",
    ["sh", "-c", `echo first; echo err >&2; read x; printf '{'; head -c 40000 /dev/zero | tr '\\0' c; read x; echo '}'`],
    { stdin: "pipe" },
  );
  const stdin = child.stdin as Bun.FileSink;
  const taken: string[] = [];
  await until("the first lines", () => (taken.push(...take(first)), taken.length === 2));
  void stdin.write("\n");
  await stdin.flush();
  const written = kit.bytes("web").length;
  await until("two parts", () => kit.bytes("web").length > written + 2 * 16_384);
  expect(take(first)).toEqual([]);
  const second = kit.logs.trail("web", {});
  expect(second.resume(first.place()!)).toBe(true);
  void stdin.write("\n");
  void stdin.end();
  await child.exited;
  kit.logs.endRun("web");
  expect(take(first)).toEqual([line("c")]);
  expect(take(second)).toEqual([line("c")]);
  expect(second.place()).toBe(first.place());
  first.close();
  second.close();
});

test("an expensive expression does not hold up a reader: each call ends soon, and nothing is lost or repeated", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  const trail = kit.logs.trail("web", { grep: grep("(?:[ab]?){300}[ce]") });
  const texts = Array.from({ length: 20 }, (_, i) => "ab".repeat(300) + (i % 2 ? "c" : "d") + i);
  const wanted = texts.filter((text) => text.includes("c"));
  await kit.run("web", ["printf", "%s\\n", ...texts]).exited;
  kit.logs.endRun("web");
  const found: string[] = [];
  const places = new Set<string>();
  let calls = 0;
  for (let read = trail.next(); read !== null; read = trail.next(), calls++) {
    found.push(...read.lines.map(({ text }) => text));
    const again = kit.logs.trail("web", {});
    if (places.size < 5 && again.resume(trail.place()!)) {
      const rest = take(again).filter((text) => text.includes("c"));
      expect(rest).toEqual(wanted.slice(found.length));
    }
    places.add(trail.place()!);
    again.close();
  }
  expect(found).toEqual(wanted);
  expect(places.size).toBeGreaterThan(3);
  expect(calls).toBeGreaterThan(3);
  trail.close();
});

test.each(["zstd", "gzip", false] as const)(
  "`back` moves to the last lines, across rotated files, as a search finds them (compress: %p)",
  async (compress) => {
    await using kit = new LogKit();
    const spec = logSpec({ maxSizeBytes: 300_000, keep: 1000, compress });
    kit.logs.open("web", spec);
    await write(kit, 1, 30_000);
    await until("all to be compressed", () =>
      readdirSync(kit.logDir).every((name) => name === "web.log" || !compress || /\.(zst|gz)$/.test(name)),
    );
    const queries: LogQuery[] = [{ lines: 0 }, { lines: 1 }, { lines: 7000 }, { lines: 29_999 }, { lines: 50_000 }, {}];
    queries.push({ lines: 300, grep: grep("7$") }, { lines: 5, grep: grep("^nothing$") }, { lines: 10, stream: "stderr" });
    for (const query of queries) {
      const trail = kit.logs.trail("web", query);
      const expected = (await kit.logs.search("web", query)).map(({ text }) => text);
      expect(await trail.back()).toBe(expected.length);
      expect(take(trail)).toEqual(expected);
      trail.close();
    }
    const trail = kit.logs.trail("web", { lines: 10_000 });
    const moved = trail.back();
    for (let i = 0; i < 3; i++) kit.logs.rotate("web"); // while it looks
    await write(kit, 30_001, 40_000);
    expect(await moved).toBe(10_000);
    expect(take(trail)).toEqual(counting(20_001, 40_000));
    trail.close();
  },
);

test("`back` begins at the first part of the oldest line, and omits older lines that end after that", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec());
  const part = (letter: string): string => `head -c 20000 /dev/zero | tr '\\0' ${letter}`;
  // The line of `a` begins before the lines 1 and 2 and ends after them.
  const child = kit.run("web", ["sh", "-c", `echo zero; ${part("a")}; read x; echo 1 >&2; echo 2 >&2; read x; echo; echo three`], {
    stdin: "pipe",
  });
  const stdin = child.stdin as Bun.FileSink;
  const next = async (): Promise<void> => {
    void stdin.write("\n");
    await stdin.flush();
  };
  await until("the first part", () => kit.bytes("web").length > 16_000);
  await next();
  await until("the lines in between", () => kit.bytes("web").includes("F 2\n"));
  await next();
  await child.exited;
  kit.logs.endRun("web");
  const all = ["zero", "1", "2", "a".repeat(20_000), "three"];
  for (let lines = 1; lines <= 5; lines++) {
    const trail = kit.logs.trail("web", { lines });
    expect(await trail.back()).toBe(lines);
    expect(take(trail)).toEqual(all.slice(-lines));
    trail.close();
  }
});

test("`back` in a raw log, with a line that never ends", async () => {
  await using kit = new LogKit();
  kit.logs.open("web", logSpec({ format: "raw", maxSizeBytes: 50 << 20 }));
  await kit.run("web", ["sh", "-c", "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo; echo last"]).exited;
  kit.logs.endRun("web");
  const trail = kit.logs.trail("web", { lines: 100 });
  await trail.back();
  const taken = take(trail);
  expect([taken[0], taken.at(-2), taken.at(-1)]).toEqual(["first", "", "last"]);
  expect(taken.join("").length).toBe(3_000_009);
  trail.close();
});
