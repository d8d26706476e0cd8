/** Output of services: stored completely, in the format that log shippers read, and displayed safely. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { SUP } from "../../harness/daemon.ts";
import { flood, sleeper, type UnitFile } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();
const { drop } = shared;

const sh = (script: string, more: UnitFile = {}): UnitFile => ({ command: "/bin/sh", args: ["-c", script], ...more });

/** The grammar of kubelet's ParseCRILog: RFC 3339 with nanoseconds, stream, tag, text. */
const CRI = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)$/s;
interface Record {
  readonly time: string;
  readonly stream: string;
  readonly tag: string;
  readonly text: string;
}

/** Parses every line as a record; throws at the first that is not one. */
function parseCri(text: string): Record[] {
  if (text !== "" && !text.endsWith("\n")) throw new Error(`the last record has no newline: ${text.slice(-100)}`);
  return text.split("\n").slice(0, -1).map((line) => {
    const [, time, stream, tag, rest] = CRI.exec(line) ?? [];
    if (time === undefined) throw new Error(`not a CRI record: ${JSON.stringify(line.slice(0, 200))}`);
    return { time, stream: stream!, tag: tag!, text: rest! };
  }); // prettier-ignore
}

const written = (unit: string, text: string): Promise<unknown> =>
  until(() => shared.daemon.log(unit).includes(text), { what: `${text} in the log of ${unit}` });

test("every line is a CRI record with its own stream; an unfinished line and empty ones are kept", async () => {
  const { daemon } = shared;
  await drop("talks", sh(`echo out; echo err >&2; echo; printf '  spaced  \\n'; printf 'no newline'`, { type: "oneshot" }));
  expect((await daemon.sup("start", "talks")).code).toBe(0);
  const records = parseCri(daemon.log("talks"));
  const of = (stream: string): string[] => records.filter((record) => record.stream === stream).map(({ text }) => text);
  expect(of("stdout")).toEqual(["out", "", "  spaced  ", "no newline"]);
  expect(of("stderr")).toEqual(["err"]);
  const times = records.map(({ time }) => time);
  expect(times).toEqual(times.toSorted());
  expect(Math.abs(Date.parse(times[0]!) - Date.now())).toBeLessThan(60_000);
});

test("a line over 16 KiB is cut into parts that join to the same line, byte for byte", async () => {
  const { daemon } = shared;
  await drop("long", sh(`head -c 50000 /dev/zero | tr '\\0' x; echo; echo after`, { type: "oneshot" }));
  expect((await daemon.sup("start", "long")).code).toBe(0);
  const records = parseCri(daemon.log("long"));
  expect(records.map(({ tag }) => tag).join("")).toMatch(/^P+FF$/);
  expect(records.slice(0, -1).map(({ text }) => text).join("")).toBe("x".repeat(50_000)); // prettier-ignore
  for (const { text } of records) expect(text.length).toBeLessThanOrEqual(16 * 1024);
});

test("rotation under load neither loses nor duplicates a line", async () => {
  const { daemon } = shared;
  const LINES = 60_000;
  const log = { max_size_mb: 0.5, keep: 20 };
  const script = `seq -f 'line %%.0f of the flood' 1 ${LINES}; echo done; exec sleep 1000`;
  await drop("flood", sh(script, { log }));
  await drop("quiet", sh("echo here", { type: "oneshot" }));
  await daemon.sup("start", "flood");
  expect((await daemon.sup("start", "quiet")).code).toBe(0); // the daemon serves another unit meanwhile
  await written("flood", " F done\n");
  const text = await until(() => wholeLog("flood").includes(" F done\n") && wholeLog("flood"), { what: "the rotated files" });
  const numbers = parseCri(text).flatMap((record) => /^line (\d+) of the flood$/.exec(record.text)?.[1] ?? []).map(Number); // prettier-ignore
  expect(numbers.length).toBe(LINES);
  expect(numbers.every((number, i) => number === i + 1)).toBe(true);
  expect(readdirSync(join(daemon.home, "logs")).filter((name) => name.startsWith("flood.log.")).length).toBeGreaterThanOrEqual(5);
  const last = (await daemon.sup("logs", "flood", "-n", "30000", "--bare")).stdout.trimEnd().split("\n");
  expect(last.length).toBe(30_000);
  expect(last.at(-1)).toBe("done");
  expect(last[0]).toBe(`line ${LINES - 29_998} of the flood`); // across files
  await daemon.sup("stop", "flood");
});

/** The rotated files, oldest first, and the current one. Throws while one of them is being compressed. */
function wholeLog(unit: string): string {
  const directory = join(shared.daemon.home, "logs");
  const names = readdirSync(directory).filter((name) => name.startsWith(`${unit}.log.`));
  const number = (name: string): number => Number(/\.log\.(\d+)/.exec(name)?.[1] ?? Number.NaN);
  const numbers = names.map(number);
  if (new Set(numbers).size !== numbers.length || numbers.some(Number.isNaN)) throw new Error(`in the making: ${names.join(" ")}`);
  const read = (name: string): string => {
    const bytes = readFileSync(join(directory, name));
    if (name.endsWith(".zst")) return zstdDecompressSync(bytes).toString();
    return name.endsWith(".gz") ? gunzipSync(bytes).toString() : bytes.toString();
  };
  return [...names.toSorted((a, b) => number(b) - number(a)), `${unit}.log`].map(read).join("");
}

test("keep limits the number of rotated files", async () => {
  const { daemon } = shared;
  await drop("bounded", flood(60_000, { log: { max_size_mb: 0.1, keep: 2, compress: false } }));
  await daemon.sup("start", "bounded");
  await written("bounded", " F 60000\n");
  const rotated = (): string[] => readdirSync(join(daemon.home, "logs")).filter((name) => name.startsWith("bounded.log."));
  await until(() => rotated().length === 2, { what: "two rotated files", explain: () => rotated().join(" ") });
  await daemon.sup("stop", "bounded");
});

test("-n shows the last lines, --grep the matching ones, and several units are merged with their names", async () => {
  const { daemon } = shared;
  await drop("counts", sh("seq 1 50", { type: "oneshot" }));
  await daemon.sup("start", "counts");
  expect((await daemon.sup("logs", "counts", "-n", "3", "--bare")).stdout).toBe("48\n49\n50\n");
  expect((await daemon.sup("logs", "counts", "--grep", "^4[0-2]$", "--bare")).stdout).toBe("40\n41\n42\n");
  expect((await daemon.sup("logs", "counts", "-n", "0")).stdout).toBe("");
  const both = (await daemon.sup("logs", "counts", "talks", "-n", "500")).stdout;
  expect(both).toMatch(/counts.*50/);
  expect(both).toMatch(/talks.*out/);
  const json = (await daemon.sup("logs", "counts", "-n", "1", "--json")).stdout;
  expect(JSON.parse(json)).toMatchObject({ text: "50", stream: "stdout", service_id: "counts" });
});

test("sup logs rotate starts a new file, and sup logs shows both", async () => {
  const { daemon } = shared;
  await drop("turned", sh("seq 1 5", { type: "oneshot", log: { compress: false } }));
  await daemon.sup("start", "turned");
  expect((await daemon.sup("logs", "rotate", "turned")).stdout).toBe("turned: started a new log file\n");
  expect((await daemon.sup("logs", "rotate", "turned")).stdout).toBe("turned: nothing to rotate\n");
  expect(readdirSync(join(daemon.home, "logs")).filter((name) => name.startsWith("turned"))).toContain("turned.log.1");
  expect((await daemon.sup("logs", "turned", "--bare")).stdout).toBe("1\n2\n3\n4\n5\n");
  expect((await daemon.sup("logs", "rotate", "nope")).code).toBe(4);
});

test("--since and --until select lines by their time", async () => {
  const { daemon } = shared;
  await drop("timed", sh("echo first", { type: "oneshot" }));
  await daemon.sup("start", "timed");
  const first = parseCri(daemon.log("timed"))[0]!;
  await until(() => Date.now() > Date.parse(first.time) + 2, { what: "the clock to go on" });
  const between = new Date().toISOString();
  daemon.writeUnit("timed", sh("echo second", { type: "oneshot" }));
  await daemon.sup("reload");
  await daemon.sup("start", "timed");
  const show = async (...args: string[]): Promise<string> => (await daemon.sup("logs", "timed", "--bare", ...args)).stdout;
  expect(await show("--since", between)).toBe("second\n");
  expect(await show("--until", between)).toBe("first\n");
  expect(await show("--since", "10m")).toBe("first\nsecond\n");
  expect(await show("--since", "2001-01-01", "--until", "2001-01-02")).toBe("");
  expect((await daemon.sup("logs", "timed", "--since", "banana")).code).toBe(2);
});

test("-f shows existing lines and follows new ones until it is interrupted", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "follow.gate");
  await drop("followed", sh(`seq 1 20; while [ ! -e '${gate}' ]; do sleep 0.02; done; seq 21 40; exec sleep 1000`));
  await daemon.sup("start", "followed");
  await written("followed", " F 20\n");
  const follower = Bun.spawn([SUP, "logs", "followed", "-f", "-n", "2", "--bare"], {
    env: daemon.env,
    stdout: "pipe",
    stderr: "pipe",
    stdin: "ignore",
  });
  const reader = follower.stdout.getReader();
  let text = "";
  const upTo = async (end: string): Promise<void> => {
    while (!text.includes(end)) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`it ended after ${JSON.stringify(text)}: ${await follower.stderr.text()}`);
      text += new TextDecoder().decode(value);
    }
  };
  await upTo("20\n");
  await Bun.write(gate, "");
  await upTo("40\n");
  follower.kill("SIGINT");
  expect([0, 130]).toContain(await follower.exited);
  expect(text).toBe(Array.from({ length: 22 }, (_, i) => `${i + 19}\n`).join(""));
  await daemon.sup("stop", "followed");
});

test("control characters of a service do not reach the terminal, and the file keeps the bytes", async () => {
  const { daemon } = shared;
  const script = String.raw`printf 'a\033[31mred\033[0m \033]0;title\007 \033[2J bell\007 back\010 \302\233 \342\200\256rtl end\n'`;
  await drop("evil", sh(script, { type: "oneshot", description: "bad \u001b[2J words" }));
  await daemon.sup("start", "evil");
  expect(daemon.log("evil")).toContain("\u001b[31mred\u001b[0m");
  const outputs = [
    (await daemon.sup("logs", "evil")).stdout,
    (await daemon.sup("status", "evil")).stdout,
    (await daemon.sup("list")).stdout,
    (await daemon.sup("logs", "evil", "--json")).stdout,
  ];
  // eslint-disable-next-line no-control-regex -- the test searches for them
  for (const output of outputs) expect(output).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
  expect(outputs[0]).toContain("red");
});

test("the event of a crash holds the last 20 lines of the run, and they are displayed safely", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "crash.gate");
  // Standard error has its own pipe: the order of the two streams is certain only if one is read before the other is written.
  const script = String.raw`seq 1 30; head -c 5000 /dev/zero | tr '\0' x; echo; while [ ! -e '${gate}' ]; do sleep 0.02; done; printf 'evil \033[2J\n' >&2; exit 3`;
  await drop("crashed", sh("echo before; exit 0", { auto_restart: false }));
  await daemon.sup("start", "crashed");
  await daemon.reaches("crashed", "stopped");
  daemon.writeUnit("crashed", sh(script, { auto_restart: false }));
  await daemon.sup("reload");
  await daemon.sup("start", "crashed");
  await written("crashed", "xxx\n");
  writeFileSync(gate, "");
  await daemon.reaches("crashed", "failed");
  const events = (await daemon.json("events", "crashed", "--type", "exited")) as Array<{ details: { last_lines?: string[] } }>;
  expect(events[0]!.details.last_lines).toBeUndefined(); // that run succeeded
  const lines = events.at(-1)!.details.last_lines!;
  expect(lines.length).toBe(20);
  expect(lines.slice(-4)).toEqual(["29", "30", "x".repeat(2048), expect.stringMatching(/^evil/)]);
  expect(lines.slice(0, -2)).toEqual(Array.from({ length: 18 }, (_, i) => String(i + 13)));
  const why = (await daemon.sup("why", "crashed")).stdout;
  expect(why).toContain("evil");
  expect(why).not.toContain("\u001b");
});

test("the event holds the last output of a run even without a newline and with a live child", async () => {
  const { daemon } = shared;
  await drop("panics", sh("sleep 1000 & printf 'panic: no newline' >&2; exit 3", { auto_restart: false }));
  await daemon.sup("start", "panics");
  await daemon.reaches("panics", "failed");
  const events = (await daemon.json("events", "panics", "--type", "exited")) as Array<{ details: { last_lines?: string[] } }>;
  expect(events.at(-1)!.details.last_lines).toEqual(["panic: no newline"]);
  expect(parseCri(daemon.log("panics")).map(({ tag, text }) => [tag, text])).toEqual([["F", "panic: no newline"]]);
});

test("the file keeps NUL and bytes that are not UTF-8", async () => {
  const { daemon } = shared;
  await drop("binary", sh(String.raw`printf 'x\377\376\000y\n'`, { type: "oneshot" }));
  await daemon.sup("start", "binary");
  const bytes = readFileSync(join(daemon.home, "logs/binary.log"));
  expect(bytes.subarray(40)).toEqual(Buffer.from([0x78, 0xff, 0xfe, 0x00, 0x79, 0x0a]));
  expect((await daemon.sup("logs", "binary")).code).toBe(0);
});

test.skipIf(process.getuid?.() !== 0)("a service of another user may reopen /dev/stdout and /dev/stderr (needs root)", async () => {
  const { daemon } = shared;
  await drop("reopens", sh("echo out >/dev/stdout && echo err >/dev/stderr", { type: "oneshot", user: "nobody", auto_restart: false }));
  expect((await daemon.sup("start", "reopens")).code).toBe(0);
  expect(
    parseCri(daemon.log("reopens"))
      .map(({ stream, text }) => `${stream} ${text}`)
      .toSorted(),
  ).toEqual(["stderr err", "stdout out"]);
});

test("a unit that never wrote has empty logs; an unknown unit is an error", async () => {
  const { daemon } = shared;
  await drop("mute", sleeper());
  expect(await daemon.sup("logs", "mute")).toMatchObject({ code: 0, stdout: "" });
  expect((await daemon.sup("logs", "nobody")).code).toBe(4);
});

test("-n, --grep and JSON work on whole lines, also of JSON over 16 KiB with characters of several bytes", async () => {
  const { daemon } = shared;
  const record = JSON.stringify({ text: "\u{20ac}\u{e9}\u{1f600}".repeat(5000), end: true });
  const file = join(daemon.home, "record.json");
  writeFileSync(file, `${record}\n`);
  await drop("records", sh(`echo before; cat '${file}'; echo after; cat '${file}'`, { type: "oneshot" }));
  expect((await daemon.sup("start", "records")).code).toBe(0);
  expect((await daemon.sup("logs", "records", "-n", "1", "--bare")).stdout).toBe(`${record}\n`);
  expect((await daemon.sup("logs", "records", "--grep", "^\\{.*\\}$", "--bare")).stdout).toBe(`${record}\n${record}\n`);
  const shown = (await daemon.sup("logs", "records", "-n", "3", "--json")).stdout.trim().split("\n");
  expect(shown.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual([record, "after", record]);
  expect(parseCri(daemon.log("records")).filter(({ text }) => text.includes("\u{fffd}"))).toEqual([]);
});

test("lines of a raw log are shown without a time", async () => {
  const { daemon } = shared;
  await drop("rawly", sh("echo one; echo two", { type: "oneshot", log: { format: "raw" } }));
  expect((await daemon.sup("start", "rawly")).code).toBe(0);
  expect((await daemon.sup("logs", "rawly")).stdout).toBe("one\ntwo\n");
  expect((await daemon.sup("logs", "rawly", "-o", "short")).stdout).toBe("one\ntwo\n");
  expect((await daemon.sup("status", "rawly")).stdout).not.toContain("NaN");
});
