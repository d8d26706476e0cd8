/** The sandbox itself: what the other tests of this folder rely on. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { INSTALLED, noSandbox, startSandbox } from "../../harness/sandbox.ts";
import { alive } from "../../harness/processes.ts";
import { until } from "../../harness/until.ts";

const withSystemd = test.if(noSandbox === null);

withSystemd("systemd is PID 1, users have managers, and files survive a reboot", async () => {
  await using box = await startSandbox();
  expect(await box.must(["cat", "/proc/1/comm"])).toBe("systemd\n");
  const ann = await box.addUser("ann", { linger: true });
  await box.write("/home/ann/note", "hello", ann);
  const first = box.pid;
  await box.reboot();
  expect(box.pid).not.toBe(first);
  await box.managerRuns(ann);
  expect(await box.mustAs(ann, ["/bin/sh", "-c", "cat note; echo $XDG_RUNTIME_DIR"])).toBe(`hello/run/user/${ann.uid}\n`);
  expect(existsSync("/home/ann")).toBe(false);
  expect(await box.must([INSTALLED, "version"])).toStartWith("sup ");
});

withSystemd("when the test that has it dies, nothing of it is left", async () => {
  const script = resolve(import.meta.dir, "../../systemd/sandbox.sh");
  const keeper = Bun.spawn([script, "keep"], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  void keeper.stdin.write("boot\n");
  await keeper.stdin.flush();
  const { value } = await keeper.stdout.getReader().read();
  const pid = Number(/^up (\d+)\n$/.exec(new TextDecoder().decode(value))?.[1]);
  expect(alive(pid)).toBe(true);
  keeper.kill("SIGKILL"); // the worst case: without it, the end of its input is enough
  await keeper.exited;
  await until(() => !alive(pid), { what: "PID 1 to be gone" });
  // The next one clears away what the killed one could not.
  await (await startSandbox())[Symbol.asyncDispose]();
  expect(readdirSync("/run").filter((name) => name === `sup-sandbox-${keeper.pid}`)).toEqual([]);
});
