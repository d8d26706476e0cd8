/** Restarts after an exit: the back-off, its end, and requests during it. All tests share one daemon. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventsOf, typesOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { crasher, crashesWhen, sleeper, worker } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();
const { drop } = shared;

test("a new unit file appears in the list without a reload, and starts if it is enabled", async () => {
  const { daemon } = shared;
  await drop("dropped", worker());
  expect((await daemon.sup("list")).stdout).toContain("dropped");
  expect((await daemon.service("dropped")).state).toBe("stopped");
  await drop("eager", worker({ enabled: true }));
  await daemon.reaches("eager", "running");
});

test("enable is stored in the state directory and not written to the unit file", async () => {
  const { daemon } = shared;
  await drop("plain", worker());
  expect((await daemon.sup("is-enabled", "plain")).code).toBe(1);
  expect((await daemon.sup("enable", "--now", "plain")).code).toBe(0);
  expect((await daemon.sup("is-enabled", "plain")).code).toBe(0);
  expect((await daemon.service("plain")).state).toBe("running");
  expect((await daemon.sup("cat", "plain")).stdout).not.toContain("enabled");
  expect((await daemon.sup("disable", "--now", "plain")).code).toBe(0);
  expect((await daemon.service("plain")).state).toBe("stopped");
});

test("a unit that is killed restarts with a new process, and status shows why", async () => {
  const { daemon } = shared;
  await drop("killed", sleeper({ restart_policy: { retry_delay: 0.05 } }));
  await daemon.sup("start", "killed");
  const { pid } = await daemon.service("killed");
  process.kill(pid!, "SIGKILL");
  const back = await daemon.reaches("killed", (row) => row.state === "running" && row.pid !== pid);
  expect({ count: back.restart_count, exit: back.exit_code, last: back.last_exit }).toEqual({
    count: 1,
    exit: 137,
    last: "killed by SIGKILL",
  });
  const long = (await daemon.sup("status", "killed")).stdout;
  expect(long).toContain("Running again after it exited (killed by SIGKILL).");
  expect(long).toContain(`Main PID: ${back.pid}`);
});

test("the delays are retry_delay × multiplier^(n-1) up to max_backoff, then fatal after exactly max_retries", async () => {
  const { daemon } = shared;
  const restart_policy = { max_retries: 5, retry_delay: 0.02, backoff_multiplier: 3, max_backoff: 0.3 };
  await drop("flapping", crasher(7, { restart_policy }));
  expect((await daemon.sup("start", "flapping")).code).toBe(0); // without a check, a unit is ready once it was executed
  const given = await daemon.reaches("flapping", "fatal");
  expect({ retries: given.retries, count: given.restart_count, exit: given.exit_code }).toEqual({ retries: 5, count: 5, exit: 7 });
  const waits = await eventsOf(daemon, "flapping", "backoff");
  expect(waits.map(({ details }) => [details.attempt, details.delay_ms])).toEqual([[1, 20], [2, 60], [3, 180], [4, 300], [5, 300]]); // prettier-ignore
  const starts = await eventsOf(daemon, "flapping", "started");
  expect(starts).toHaveLength(6);
  const at = (event: { timestamp: string }): number => Date.parse(event.timestamp);
  const waited = waits.map((wait, i) => at(starts[i + 1]!) - at(wait));
  [20, 60, 180, 300, 300].forEach((least, i) => expect(waited[i]).toBeGreaterThanOrEqual(least - 1)); // stamps are whole ms
  expect((await eventsOf(daemon, "flapping", "fatal"))[0]?.message).toBe("exit code 7; 5 of 5 retries failed");
  expect((await daemon.sup("is-failed", "flapping")).code).toBe(0);
});

test("reset-failed makes a fatal unit stopped and resets the retry counter", async () => {
  const { daemon } = shared;
  const restart_policy = { max_retries: 1, retry_delay: 0.01 };
  await drop("forgiven", crasher(1, { restart_policy }));
  await daemon.sup("start", "forgiven");
  await daemon.reaches("forgiven", "fatal");
  expect((await daemon.sup("reset-failed", "forgiven")).code).toBe(0);
  const reset = await daemon.service("forgiven");
  expect({ state: reset.state, retries: reset.retries }).toEqual({ state: "stopped", retries: 0 });
  await daemon.sup("start", "forgiven");
  await daemon.reaches("forgiven", "fatal");
  const attempts = (await eventsOf(daemon, "forgiven", "backoff")).map(({ details }) => details.attempt);
  expect(attempts).toEqual([1, 1]);
});

test("a stop during the back-off stops the unit; a start during it starts it immediately and resets the retry counter", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "gate");
  writeFileSync(gate, "");
  await drop("waits", crashesWhen(gate, 4, { restart_policy: { retry_delay: 600, max_backoff: 600 } }));
  await daemon.sup("start", "waits");
  const waiting = await daemon.reaches("waits", "backoff");
  expect({ retries: waiting.retries, due: Date.parse(waiting.next_attempt!) > Date.now() }).toEqual({ retries: 1, due: true });
  expect((await daemon.sup("status", "waits")).stdout).toMatch(/Next attempt: in (10m|9m)/);
  expect((await daemon.sup("stop", "waits")).code).toBe(0);
  expect(await daemon.service("waits")).toMatchObject({ state: "stopped", reason: "operator", next_attempt: null });
  await daemon.sup("start", "waits");
  expect(await daemon.reaches("waits", "backoff")).toMatchObject({ retries: 1 });
  await daemon.sup("start", "waits");
  expect(await daemon.reaches("waits", "backoff")).toMatchObject({ retries: 1, exit_code: 4 });
  expect(await eventsOf(daemon, "waits", "started")).toHaveLength(3);
  await daemon.sup("stop", "waits");
});

test("after a clean exit the unit stays stopped, or with restart_on_exit restarts without using up a retry", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "clean-gate");
  await drop("clean", crashesWhen(gate, 0, { restart_policy: { retry_delay: 0.02 } }));
  await drop("again", crashesWhen(gate, 0, { restart_on_exit: true, restart_policy: { retry_delay: 0.02, max_retries: 1 } }));
  await daemon.sup("start", "clean", "again");
  writeFileSync(gate, "");
  expect(await daemon.reaches("clean", "stopped")).toMatchObject({ reason: "success", exit_code: 0, restart_count: 0 });
  const again = await daemon.reaches("again", (row) => row.restart_count >= 4);
  expect(again.retries).toBe(0);
  const [wait] = await eventsOf(daemon, "again", "backoff");
  expect(wait?.details).toMatchObject({ attempt: null, delay_ms: 20 });
  await daemon.sup("stop", "again");
});

test("with auto_restart off, or an exit code in no_restart_exit_codes, the unit is failed after one run", async () => {
  const { daemon } = shared;
  await drop("once", crasher(1, { auto_restart: false }));
  await drop("final", crasher(42, { no_restart_exit_codes: [42] }));
  await daemon.sup("start", "once", "final");
  expect(await daemon.reaches("once", "failed")).toMatchObject({ exit_code: 1, restart_count: 0 });
  expect(await daemon.reaches("final", "failed")).toMatchObject({ exit_code: 42, restart_count: 0 });
});

test("start waits until a oneshot finishes; with remain_after_exit it stays up without a process", async () => {
  const { daemon } = shared;
  const once = { command: "/bin/sh", args: ["-c", "echo did it"], type: "oneshot" };
  await drop("task", once);
  await drop("stays", { ...once, remain_after_exit: true, post_stop: [{ command: "touch", args: [join(daemon.home, "undone")] }] });
  expect((await daemon.sup("start", "task", "stays")).code).toBe(0);
  expect(await daemon.service("task")).toMatchObject({ state: "stopped", reason: "success", exit_code: 0 });
  expect(await daemon.service("stays")).toMatchObject({ state: "running", sub_state: "exited", pid: null });
  expect((await daemon.sup("is-active", "stays")).code).toBe(0);
  expect(await Bun.file(join(daemon.home, "undone")).exists()).toBe(false);
  expect((await daemon.sup("stop", "stays")).code).toBe(0);
  expect((await daemon.service("stays")).state).toBe("stopped");
  expect(await Bun.file(join(daemon.home, "undone")).exists()).toBe(true);
});

test("a failing oneshot fails its start with the exit code", async () => {
  const { daemon } = shared;
  await drop("bad-task", crasher(9, { type: "oneshot", auto_restart: false }));
  const { code, stderr, stdout } = await daemon.sup("start", "bad-task");
  expect(code).toBe(1);
  expect(stdout + stderr).toContain("exit code 9");
});

test("success_exit_codes count as a clean exit", async () => {
  const { daemon } = shared;
  await drop("three", crasher(3, { success_exit_codes: [0, 3] }));
  await daemon.sup("start", "three");
  expect(await daemon.reaches("three", "stopped")).toMatchObject({ reason: "success", exit_code: 3 });
  expect(await typesOf(daemon, "three")).not.toContain("backoff");
});

test("restart starts a new process after the old one is gone, without using up a retry", async () => {
  const { daemon } = shared;
  await drop("renewed", worker());
  await daemon.sup("start", "renewed");
  const before = await daemon.service("renewed");
  await until(() => daemon.log("renewed").includes("up"), { what: "the trap to be set" });
  expect((await daemon.sup("restart", "renewed")).code).toBe(0);
  const after = await daemon.service("renewed");
  expect(after.pid).not.toBe(before.pid);
  expect(alive(before.pid!)).toBe(false);
  expect({ retries: after.retries, count: after.restart_count, requested: after.requested_restarts.operator }).toEqual({
    retries: 0,
    count: 0,
    requested: 1,
  });
  await until(() => /up\n[^\n]*bye\n[^\n]*up\n$/.test(daemon.log("renewed")), { what: "both runs in the log, one after the other" });
});

test("fatal_retry_after starts a fatal unit again", async () => {
  const { daemon } = shared;
  const restart_policy = { max_retries: 1, retry_delay: 0.01, fatal_retry_after: 0.05 };
  await drop("hopeful", crasher(1, { restart_policy }));
  await daemon.sup("start", "hopeful");
  await daemon.reaches("hopeful", (row) => row.restart_count >= 4);
  expect((await eventsOf(daemon, "hopeful", "fatal")).length).toBeGreaterThanOrEqual(2);
  await daemon.sup("stop", "hopeful");
  expect(["stopped", "fatal"]).toContain((await daemon.service("hopeful")).state);
});
