/** How `sup up` ends: lost readers, a closed terminal, an impatient operator, and `--exit-on`. */
import { expect, test } from "bun:test";
import { closeSync, existsSync, mkdirSync, readSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { makePipe } from "../../../src/linux/io/fifo.ts";
import { SUP } from "../../harness/daemon.ts";
import { processesOf } from "../../harness/processes.ts";
import { run } from "../../harness/run.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";
import { printed, says, type Up, up } from "./rig.ts";

const status = async ({ env }: Pick<Up, "env">): Promise<string> => (await run([SUP, "status"], { env })).stdout;

test("units go on when the reader of the output ends, and SIGINT stops them in order", async () => {
  await using one = up({ web: says("web"), db: says("db") });
  await printed(one, "web up", "db up");
  await one.closeReaders();
  // A restart makes it write.
  expect((await run([SUP, "restart", "web"], { env: one.env })).code).toBe(0);
  expect(await status(one)).toContain("running");
  process.kill(one.pid, "SIGINT");
  expect(await one.exited).toBe(0);
  expect(processesOf(one.home)).toEqual([]);
});

test("closing the terminal stops the units and ends `sup up`", async () => {
  using temp = tempDir();
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: temp.path, SUP_HOME: temp.path, TERM: "dumb" };
  mkdirSync(join(temp.path, "dir"));
  await Bun.write(join(temp.path, "sup.json"), JSON.stringify({ api: { port: 0 } }));
  await Bun.write(join(temp.path, "dir/web.unit.json"), JSON.stringify(says("web")));
  let text = "";
  const child = Bun.spawn([SUP, "up", "dir"], {
    env,
    cwd: temp.path,
    terminal: { data: (_, bytes) => void (text += Buffer.from(bytes).toString()) },
  });
  await until(() => text.includes("web up"), { what: "the unit's output", explain: () => text });
  child.terminal!.close();
  expect(await child.exited).toBe(0);
  expect(processesOf(temp.path)).toEqual([]);
});

test("a second Ctrl-C kills all processes, also a post_stop command, and says so", async () => {
  const stubborn = { command: "/bin/sh", args: ["-c", "trap '' TERM; echo stubborn up; while :; do sleep 0.05; done"] };
  await using one = up({
    stubborn: { ...stubborn, graceful_shutdown: { timeout: 600 } },
    slow: { ...says("slow"), post_stop: [{ command: "/bin/sh", args: ["-c", "echo slow hook; exec sleep 600"], timeout: 900 }] },
  });
  await printed(one, "stubborn up", "slow up");
  process.kill(one.pid, "SIGINT");
  await printed(one, "slow hook");
  // Two SIGINT within half a second are the same key, forwarded by a wrapper.
  await until(() => one.text().includes("second Ctrl-C") || (process.kill(one.pid, "SIGINT"), false), {
    what: "the end of the patience",
    explain: () => one.text(),
  });
  expect(await one.exited).toBe(0);
  expect(one.text()).toMatch(/second Ctrl-C: SIGKILL sent to (slow, stubborn|stubborn, slow)/);
  expect(processesOf(one.home)).toEqual([]);
});

test.each<[string, readonly string[], number]>([
  ["the end of a unit ends all with its code", ["--exit-on", "job"], 3],
  ["the first failure ends all with its code", ["--exit-on", "failure"], 3],
  ["an unknown unit is refused", ["--exit-on", "nosuch"], 4],
])("--exit-on: %s", async (_, args, code) => {
  const job = { command: "/bin/sh", args: ["-c", "sleep 0.1; exit 3"], type: "oneshot", auto_restart: false };
  await using one = up({ job, web: says("web") }, 0, args);
  expect(await one.exited).toBe(code);
  expect(processesOf(one.home)).toEqual([]);
});

test("--exit-on all-done: 0 when all units end well, otherwise the code of the first that failed", async () => {
  const ends = (code: number) => ({
    command: "/bin/sh",
    args: ["-c", `sleep 0.1; exit ${code}`],
    type: "oneshot",
    auto_restart: false,
  });
  await using good = up({ a: ends(0), b: ends(0) }, 0, ["--exit-on", "all-done"]);
  expect(await good.exited).toBe(0);
  await using bad = up({ a: ends(0), b: ends(7) }, 0, ["--exit-on", "all-done"]);
  expect(await bad.exited).toBe(7);
  await using broken = up({ a: ends(0), b: `{ "comand": "x" }` }, 0, ["--exit-on", "all-done"]);
  expect(await broken.exited).toBe(1);
});

test("a current directory that was deleted is an error of the caller, not a bug in sup", async () => {
  using temp = tempDir();
  const gone = join(temp.path, "gone");
  mkdirSync(gone);
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: temp.path, SUP_HOME: temp.path };
  const child = Bun.spawn(["/bin/sh", "-c", `rmdir "$1"; exec "$2" up .`, "sh", gone, SUP], {
    env,
    cwd: gone,
    stdout: "pipe",
    stderr: "pipe",
  });
  const stderr = await child.stderr.text();
  expect(stderr).toContain("the current directory was deleted");
  expect(stderr).not.toContain("bug in sup");
  expect(await child.exited).toBe(1);
  rmSync(gone, { recursive: true, force: true });
});

test("a reader of the output that stops reading stops nothing: lines are dropped and counted, and SIGTERM stops all in order", async () => {
  using temp = tempDir();
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: temp.path, SUP_HOME: temp.path, NO_COLOR: "1" };
  mkdirSync(join(temp.path, "dir"));
  await Bun.write(join(temp.path, "sup.json"), JSON.stringify({ api: { port: 0 } }));
  const flood = {
    command: "/bin/sh",
    args: ["-c", `trap 'exit 0' TERM; while :; do seq -f '${"x".repeat(200)} %%g' 1 300; sleep 0.01; done`],
    log: { max_size_mb: 200 },
  };
  await Bun.write(join(temp.path, "dir/flood.unit.json"), JSON.stringify(flood));
  await Bun.write(join(temp.path, "dir/web.unit.json"), JSON.stringify(says("web")));
  const made = makePipe();
  if (!made.ok) throw new Error(`errno ${made.error}`);
  const { reader, writer } = made.value;
  const child = Bun.spawn([SUP, "up", "dir"], { env, cwd: temp.path, stdin: "ignore", stdout: writer, stderr: writer });
  closeSync(writer);
  const log = join(temp.path, "logs/flood.log");
  await until(() => existsSync(log) && statSync(log).size > 20_000_000, { what: "the flood", timeoutMs: 60_000 });
  expect((await run([SUP, "restart", "web"], { env })).code).toBe(0);
  expect(await status({ env })).toContain("running");
  let text = "";
  const buffer = Buffer.alloc(1 << 16);
  await until(
    () => {
      try {
        text = text.slice(-10_000) + buffer.toString("latin1", 0, readSync(reader, buffer));
      } catch {
        // nothing more now
      }
      return text.includes("lines were not shown, because the reader of this output is too slow");
    },
    { what: "the number of lines that were dropped", timeoutMs: 60_000, explain: () => text.slice(-500) },
  );
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  expect(processesOf(temp.path)).toEqual([]);
  closeSync(reader);
}, 120_000);
