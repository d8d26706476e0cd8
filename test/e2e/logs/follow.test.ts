/** `sup logs -f`: every line once and in order, whatever happens to the files, the unit and the daemon meanwhile. */
import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon, SUP } from "../../harness/daemon.ts";
import type { UnitFile } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();
const { drop } = shared;

const sh = (script: string, more: UnitFile = {}): UnitFile => ({ command: "/bin/sh", args: ["-c", script], ...more });
const counting = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

/** Describes the first unexpected line; null when all are as expected. */
function difference(lines: readonly string[], wanted: readonly string[]): string | null {
  const at = Array.from({ length: Math.max(lines.length, wanted.length) }, (_, i) => i).find((i) => lines[i] !== wanted[i]);
  if (at === undefined) return null;
  return `${lines.length} lines, not ${wanted.length}; line ${at}: ${lines.slice(at - 3, at + 4).join(" ")}, not ${wanted.slice(at - 3, at + 4).join(" ")}`;
}

/** A running `sup logs -f`. */
class Follower implements AsyncDisposable {
  text = "";
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #errors: Promise<string>;
  readonly #read: Promise<void>;

  constructor(daemon: Daemon, ...args: string[]) {
    const child = Bun.spawn([SUP, "logs", "-f", ...args], { env: daemon.env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    this.#child = child;
    this.#errors = child.stderr.text();
    this.#read = (async () => {
      const decoder = new TextDecoder();
      for await (const bytes of child.stdout) this.text += decoder.decode(bytes, { stream: true });
    })();
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  async sees(text: string, timeoutMs = 20_000): Promise<void> {
    const explain = (): string => `it has ${this.lines.length} lines and ends with ${JSON.stringify(this.text.slice(-200))}`;
    const there = (): boolean => `\n${this.text}`.includes(`\n${text}\n`) || this.#child.exitCode !== null;
    await until(there, { what: `${text} to be followed`, timeoutMs, explain });
    if (!`\n${this.text}`.includes(`\n${text}\n`)) throw new Error(`it ended with ${this.#child.exitCode}: ${await this.#errors}`);
  }

  /** Waits until it exits by itself. */
  async end(): Promise<{ code: number; err: string }> {
    const code = await this.#child.exited;
    await this.#read;
    return { code, err: await this.#errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#child.exited;
  }
}

/** Prints `up`, and the numbers of the Nth step once the file `NAME.N` exists. */
const stepper = (home: string, name: string, steps: ReadonlyArray<readonly [from: number, to: number]>, more: UnitFile = {}): UnitFile => {
  const waits = steps.map(([from, to], n) => `while [ ! -e '${join(home, `${name}.${n}`)}' ]; do sleep 0.02; done; seq ${from} ${to}`);
  return sh(`echo up; ${waits.join("; ")}; exec sleep 1000`, { ...more, enabled: true });
};
const step = (home: string, name: string, n: number): void => writeFileSync(join(home, `${name}.${n}`), "");

test.each(["zstd", "gzip"] as const)("follows a fast writer while its files are rotated and compressed by %s", async (compress) => {
  const { daemon } = shared;
  const id = `fast-${compress}`;
  const gate = join(daemon.home, `${id}.gate`);
  // Compression starts once a log has not been rotated for a moment.
  const script = `while [ ! -e '${gate}' ]; do echo ready; sleep 0.02; done; i=0; while [ $i -lt 5 ]; do seq $((i * 20000 + 1)) $((i * 20000 + 20000)); i=$((i + 1)); sleep 0.5; done; exec sleep 1000`;
  await drop(id, sh(script, { log: { max_size_mb: 0.4, keep: 1000, compress } }));
  await daemon.sup("start", id);
  await using follower = new Follower(daemon, id, "-n", "0", "--bare");
  await using matching = new Follower(daemon, id, "-n", "0", "--bare", "--grep", "7777$|ready");
  for (const one of [follower, matching]) await one.sees("ready");
  writeFileSync(gate, "");
  await follower.sees("100000", 60_000);
  const numbers = (lines: readonly string[]): string[] => lines.filter((line) => line !== "ready");
  expect(difference(numbers(follower.lines), counting(1, 100_000))).toBeNull();
  await matching.sees("97777");
  expect(numbers(matching.lines)).toEqual(counting(0, 9).map((ten) => String(Number(`${ten}7777`))));
  const ending = compress === "gzip" ? ".gz" : ".zst";
  const packed = (): boolean =>
    readdirSync(join(daemon.home, "logs")).some((name) => name.startsWith(`${id}.log.`) && name.endsWith(ending));
  await until(packed, { what: "a compressed file" });
  await daemon.sup("stop", id);
});

test("-n 0, --since and --stderr select existing and new lines", async () => {
  const { daemon } = shared;
  await drop("chooses", sh("echo old; echo bad >&2; while sleep 0.02; do echo tick; done"));
  await daemon.sup("start", "chooses");
  await until(() => daemon.log("chooses").includes("bad"), { what: "its lines" });
  await using none = new Follower(daemon, "chooses", "-n", "0", "--bare");
  await using all = new Follower(daemon, "chooses", "--since", "1h", "--bare");
  await using errors = new Follower(daemon, "chooses", "--stderr", "--bare");
  await all.sees("bad");
  await errors.sees("bad");
  await none.sees("tick"); // the follower is connected
  expect(all.lines.filter((line) => line === "old" || line === "bad").toSorted()).toEqual(["bad", "old"]);
  await daemon.sup("restart", "chooses");
  for (const follower of [none, all]) {
    const times = follower === none ? 1 : 2;
    await until(() => follower.lines.filter((line) => line === "old" || line === "bad").length === 2 * times, { what: "the new lines" });
  }
  await until(() => errors.lines.filter((line) => line === "bad").length === 2, { what: "the new error" });
  expect(errors.lines).toEqual(["bad", "bad"]);
  expect((await daemon.sup("logs", "-f", "chooses", "--until", "10m")).code).toBe(2);
});

test("several units: existing lines are merged by time, new lines carry the name of their unit", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "gate");
  const wait = `while [ ! -e '${gate}' ]; do sleep 0.02; done`;
  await drop("first", sh(`echo 1; ${wait}; echo 4; exec sleep 1000`));
  await drop("second", sh(`echo 2; ${wait}; echo 5; exec sleep 1000`));
  await drop("third", sh("echo 3; exec sleep 1000"));
  for (const id of ["first", "second", "third"]) {
    await daemon.sup("start", id);
    await until(() => daemon.log(id).includes(" F "), { what: `the line of ${id}` });
  }
  await using follower = new Follower(daemon, "third", "first", "second");
  await until(() => follower.lines.length === 3, { what: "three lines" });
  expect(follower.lines.map((line) => /^(\w+) .* (\d)$/.exec(line.replace(/\s*\|\s*/, " "))?.slice(1))).toEqual([
    ["first", "1"],
    ["second", "2"],
    ["third", "3"],
  ]);
  writeFileSync(gate, "");
  await until(() => follower.lines.length === 5, { what: "two lines more" });
  expect(follower.lines.slice(3).map((line) => /^\w+/.exec(line)![0]).toSorted()).toEqual(["first", "second"]); // prettier-ignore
});

test("restarts of the unit, its removal and its return do not end the follower", async () => {
  const { daemon } = shared;
  const unit = sh("echo run $SUP_INVOCATION_ID; exec sleep 1000", { enabled: true });
  await drop("comes", unit);
  await daemon.reaches("comes", "running");
  const runs = (): string[] => follower.lines.filter((line) => line.startsWith("run "));
  await using follower = new Follower(daemon, "comes", "--bare");
  await until(() => runs().length === 1, { what: "the first run" });
  await daemon.sup("restart", "comes");
  await until(() => runs().length === 2, { what: "the second run" });
  daemon.removeUnit("comes");
  await daemon.sup("reload");
  await until(async () => (await daemon.sup("is-active", "comes")).code === 4, { what: "it to be gone" });
  await drop("comes", unit);
  await until(() => runs().length === 3, { what: "a run of the unit that came back" });
});

test("--invocation: one run, by its number, its id or a prefix of the id; following ends with the run", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "over");
  const script = `echo begin $SUP_INVOCATION_ID; while [ ! -e '${gate}' ]; do sleep 0.02; done; echo end`;
  const hook = { command: "/bin/sh", args: ["-c", "echo hook $SUP_INVOCATION_ID"] };
  await drop("runs", sh(script, { pre_start: [hook], post_stop: [hook], type: "simple" }));
  const bare = async (...args: string[]): Promise<string[]> =>
    (await daemon.sup("logs", "runs", "--bare", ...args)).stdout.trim().split("\n");
  const ids: string[] = [];
  for (let run = 0; run < 3; run++) {
    await daemon.sup("start", "runs");
    const { invocation } = (await daemon.json("status", "runs")) as { invocation: string };
    ids.push(invocation);
    await using follower = new Follower(daemon, "runs", "--invocation", "0", "--bare");
    await follower.sees(`begin ${invocation}`);
    if (run === 1) expect((await daemon.sup("daemon", "reexec")).code).toBe(0); // the follower stays with this run
    await daemon.sup(run === 2 ? "stop" : "restart", "runs", "--no-wait");
    const { code, err } = await follower.end();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(follower.lines).toEqual([`hook ${invocation}`, `begin ${invocation}`, `hook ${invocation}`]);
    if (run < 2) await daemon.reaches("runs", ({ state, invocation: now }) => state === "running" && now !== invocation);
  }
  expect(new Set(ids).size).toBe(3);
  for (const [index, id] of ids.entries()) {
    const whole = [`hook ${id}`, `begin ${id}`, `hook ${id}`];
    expect(await bare("--invocation", id)).toEqual(whole);
    expect(await bare("--invocation", id.slice(0, 12))).toEqual(whole);
    expect(await bare("--invocation", index === 2 ? "0" : String(index - 2))).toEqual(whole);
  }
  const events = (await daemon.sup("events", "runs")).stdout;
  for (const id of ids) expect(events).toContain(`[${id.slice(0, 8)}]`);
  const unknown = await daemon.sup("logs", "runs", "--invocation", "-9");
  expect(unknown.stderr).toContain(`newest first: ${ids[2]!.slice(0, 8)} of 20`);
  expect(unknown.code).toBe(1);
  for (const bad of ["x", "abc", "1"]) expect((await daemon.sup("logs", "runs", "--invocation", bad)).code).toBe(2);
  daemon.writeUnit("runs", sh("echo no time; exec sleep 1000", { log: { format: "raw" } }));
  await daemon.sup("reload");
  const raw = await daemon.sup("logs", "runs", "--invocation", "0", "--json");
  expect([raw.code, JSON.parse(raw.stdout)]).toMatchObject([1, { error: { code: "conflict", hint: expect.stringContaining("cri") } }]);
}, 120_000);

test.each(["cri", "raw"] as const)(
  "the daemon is re-executed, and killed and started again: no line is missing, none comes twice (%s)",
  async (format) => {
    await using daemon = await startDaemon();
    const steps = [[1, 5000], [5001, 6000], [6001, 7000], [7001, 40_000]] as const; // prettier-ignore
    daemon.writeUnit("web", stepper(daemon.home, "web", steps, { log: { format, max_size_mb: 0.05, keep: 1000, compress: false } }));
    await until(async () => (await daemon.sup("is-active", "web")).code === 0, { what: "web to run" });
    await using follower = new Follower(daemon, "web", "--bare");
    await follower.sees("up");
    step(daemon.home, "web", 0);
    expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
    step(daemon.home, "web", 1);
    await follower.sees("6000");
    await daemon.crash();
    step(daemon.home, "web", 2);
    await daemon.start();
    step(daemon.home, "web", 3); // more than the limit of an answer
    await follower.sees("40000");
    expect(difference(follower.lines, ["up", ...counting(1, 40_000)])).toBeNull();
  },
  120_000,
);

test("without a daemon it exits with 5: at once after an orderly shutdown, after a while when the daemon crashed", async () => {
  await using daemon = await startDaemon({ units: { web: sh("echo up; exec sleep 1000", { enabled: true }) } });
  await daemon.reaches("web", "running");
  await using first = new Follower(daemon, "web", "--bare");
  await first.sees("up");
  const begun = performance.now();
  await daemon.stop();
  const ended = await first.end();
  expect(ended.err).toContain("cannot reach the daemon");
  expect(ended.code).toBe(5);
  expect(ended.err).not.toContain("come back");
  expect(performance.now() - begun).toBeLessThan(9000);

  await daemon.start();
  await daemon.reaches("web", "running");
  await using second = new Follower(daemon, "web", "--bare");
  await second.sees("up");
  await daemon.crash();
  const broken = await second.end();
  expect(broken.code).toBe(5);
  expect(broken.err).toStartWith("sup: the daemon is not running; waiting up to 10 s for it to return\nsup: cannot reach the daemon");
  await daemon.start();
}, 120_000);
