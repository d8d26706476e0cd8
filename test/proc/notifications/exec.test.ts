import { expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openNotifier } from "../../../src/adapters/notifications/index.ts";
import type { ExecChannel } from "../../../src/spec/notifications.ts";
import { tempDir } from "../../harness/temp.ts";
import { descriptors, isRoot, isRunning, machine, newDescriptors, uniqueSleep, until } from "../linux/support.ts";
import { aMessage, command, hostileMessage } from "./fixtures.ts";

function place() {
  const dir = tempDir();
  const m = machine();
  const notifier = openNotifier({ version: "1", processes: m.processes, epoll: m.epoll, scratch: dir.path });
  return {
    m,
    path: dir.path,
    run(script: string, more: Partial<ExecChannel> = {}, { message = aMessage(), timeoutMs = 10_000 } = {}) {
      const path = join(dir.path, "hook");
      writeFileSync(path, `#!/bin/bash\n${script}\n`);
      chmodSync(path, 0o755);
      return notifier.send({ channel: command(path, more), message, done: [], onPart: () => {}, signal: AbortSignal.timeout(timeoutMs) });
    },
    [Symbol.dispose]() {
      m[Symbol.dispose]();
      dir[Symbol.dispose]();
    },
  };
}

test("the message is JSON on standard input, also one that is larger than a pipe; nothing is left behind", async () => {
  using at = place();
  const before = descriptors();
  const result = await at.run('cat > "$1"', { args: [join(at.path, "out")] }, { message: hostileMessage() });
  expect(result).toMatchObject({ ok: true });
  const { notices } = JSON.parse(readFileSync(join(at.path, "out"), "utf8")) as { notices: unknown[] };
  expect(notices).toHaveLength(49);
  expect(readFileSync(join(at.path, "out")).length).toBeGreaterThan(1 << 20);
  await until(() => newDescriptors(before).length === 0, "the descriptors to be closed");
});

test("an exit code other than 0 and a signal are failures to try again, with the last line of output", async () => {
  using at = place();
  expect(await at.run("echo first; echo no luck >&2; exit 3")).toMatchObject({
    ok: false,
    kind: "temporary",
    detail: expect.stringMatching(/exit code 3: no luck$/),
  });
  expect(await at.run("kill -9 $$")).toMatchObject({ ok: false, kind: "temporary", detail: expect.stringMatching(/killed by SIGKILL$/) });
});

test("a command that cannot be run is named", async () => {
  using at = place();
  const notifier = openNotifier({ version: "1", processes: at.m.processes, epoll: at.m.epoll, scratch: at.path });
  const result = await notifier.send({
    channel: command("/no/such/hook"),
    message: aMessage(),
    done: [],
    onPart: () => {},
    signal: AbortSignal.timeout(5000),
  });
  expect(result).toMatchObject({ ok: false, detail: expect.stringContaining("cannot run /no/such/hook: no such file") });
});

test("a command that takes too long is killed with all its processes", async () => {
  using at = place();
  const sleep = uniqueSleep();
  const result = await at.run(`(setsid ${sleep} &); echo started; ${sleep}`, {}, { timeoutMs: 500 });
  expect(result).toMatchObject({ ok: false, kind: "temporary", detail: expect.stringContaining("did not end in time") });
  await until(() => !isRunning(sleep), "its processes to end");
});

test("what it leaves in the background ends with it", async () => {
  using at = place();
  const sleep = uniqueSleep();
  expect((await at.run(`(setsid ${sleep} > /dev/null 2>&1 &); exit 0`)).ok).toBe(true);
  await until(() => !isRunning(sleep), "its processes to end");
});

test("its environment is its own", async () => {
  using at = place();
  process.env.SUP_TEST_LEAK = "leak";
  await at.run('env | sort > "$1"', { args: [join(at.path, "env")] });
  const names = readFileSync(join(at.path, "env"), "utf8").trim().split("\n").map((line) => line.split("=")[0]); // prettier-ignore
  expect(names).toEqual(expect.arrayContaining(["PATH", "SUP_CHANNEL", "SUP_INVOCATION_ID"]));
  expect(names).not.toContain("SUP_TEST_LEAK");
});

test.skipIf(!isRoot)("it runs as its user", async () => {
  using at = place();
  chmodSync(at.path, 0o755);
  expect(await at.run("id -un", { user: "nobody" })).toMatchObject({ ok: true, detail: expect.stringContaining("exit code 0: nobody") });
});
