import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { alive, processesOf } from "./processes.ts";
import { run } from "./run.ts";
import { tempDir } from "./temp.ts";
import { until } from "./until.ts";

test("a temporary directory is gone after its scope, with what is in it", () => {
  let path: string;
  {
    using dir = tempDir();
    path = dir.path;
    writeFileSync(join(path, "file"), "x");
    expect(existsSync(path)).toBe(true);
  }
  expect(existsSync(path)).toBe(false);
});

test("until gives what the condition gave at last", async () => {
  let calls = 0;
  expect(await until(() => (++calls === 3 ? "third" : null), { what: "the third call" })).toBe("third");
});

test("until says what it waited for, and the last error", async () => {
  const failing = (): never => {
    throw new Error("not there");
  };
  const error: unknown = await until(failing, { what: "a thing", timeoutMs: 30 }).catch((reason: unknown) => reason);
  expect(String(error)).toBe("Error: waited 30 ms in vain for a thing:\nnot there");
});

test("a free port can be listened on", () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: freePort(), socket: { data() {} } });
  server.stop(true);
});

test("run gives code and both outputs, and ends what takes too long", async () => {
  expect(await run(["/bin/sh", "-c", "cat; echo err >&2; exit 3"], { stdin: "in" })).toEqual({ code: 3, stdout: "in", stderr: "err\n" });
  expect((await run(["/bin/sleep", "1000"], { timeoutMs: 50 })).code).toBe(137);
});

test.each([
  ["its environment", (dir: string) => ({ env: { SUP_HOME: dir }, cwd: "/" })],
  ["its working directory", (dir: string) => ({ env: {}, cwd: dir })],
  ["an open file", (dir: string) => ({ env: {}, cwd: "/", stdout: Bun.file(join(dir, "out")) })],
])("a process left behind is found by %s, and not when it has ended", async (_, options) => {
  using dir = tempDir();
  const child = Bun.spawn(["/bin/sleep", "1000"], { stdin: "ignore", ...options(dir.path) });
  // During its exec the process has no command line yet.
  await until(() => processesOf(dir.path).some(({ command }) => command !== ""), { what: "the process to be found" });
  expect(processesOf(dir.path)).toEqual([{ pid: child.pid, command: "/bin/sleep 1000" }]);
  child.kill("SIGKILL");
  await child.exited;
  expect(alive(child.pid)).toBe(false);
  expect(processesOf(dir.path)).toEqual([]);
});
