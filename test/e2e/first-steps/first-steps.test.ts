/** The first things a user does: units run, commands answer with exit codes, and `sup daemon stop` stops everything. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { alive, processesOf } from "../../harness/processes.ts";
import { until } from "../../harness/until.ts";
import { crasher, forker, stubborn, worker } from "../../harness/services.ts";

test("an enabled unit runs automatically, another only when started", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }), other: worker() } });
  await daemon.reaches("web", "running");
  expect((await daemon.sup("is-active", "web")).code).toBe(0);
  expect((await daemon.sup("is-active", "other")).code).toBe(3);
  expect((await daemon.sup("start", "other")).code).toBe(0);
  expect((await daemon.sup("is-active", "other")).code).toBe(0);
  expect((await daemon.sup("start", "nobody")).code).toBe(4);
});

test("a unit that keeps crashing becomes fatal after its retries, with exit code and reason", async () => {
  const restart_policy = { max_retries: 2, retry_delay: 0 };
  await using daemon = await startDaemon({ units: { bad: crasher(3, { enabled: true, restart_policy }) } });
  const bad = await daemon.reaches("bad", "fatal");
  expect({ exit_code: bad.exit_code, reason: bad.reason }).toEqual({ exit_code: 3, reason: "exit-code" });
  expect(daemon.log("bad").split("crashing").length - 1).toBe(3);
});

test("stop ends the whole process tree: a daemon in its own session, and a process that ignores SIGTERM", async () => {
  await using daemon = await startDaemon({ units: { stubborn: stubborn({ graceful_shutdown: { timeout: 0.2 } }) } });
  const pidFile = join(daemon.home, "forked.pid");
  daemon.writeUnit("forker", forker(pidFile));
  await daemon.reaches("forker", "stopped"); // the daemon notices the file
  expect((await daemon.sup("start", "forker", "stubborn")).code).toBe(0);
  const forked = await until(() => Number(readFileSync(pidFile, "utf8")), { what: "the pid of the daemon that forked away" });
  expect(alive(forked)).toBe(true);
  expect((await daemon.sup("stop", "forker", "stubborn")).code).toBe(0);
  expect(alive(forked)).toBe(false);
});

test("after `sup daemon stop` no process is left and no daemon responds", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }) } });
  await until(() => daemon.log("web").includes("up"), { what: "the trap to be set" });
  await daemon.stop();
  expect(processesOf(daemon.home)).toEqual([]);
  expect(daemon.log("web")).toContain("bye");
  expect((await daemon.sup("status")).code).toBe(5);
});
